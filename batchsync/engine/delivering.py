"""Last stage: finished renders are brought home."""

from pathlib import Path

from batchsync.engine.case import Case
from batchsync.engine.tools import Tools, failure_of
from batchsync.errors import OutputInvalid, OutputUnwritable, RemoteError
from batchsync.events import StageEntered
from batchsync.model import Stage
from batchsync.preflight import is_inside
from batchsync.stages.download import download


class Delivering:
    """Takes rendered cases; what is paid for stays `rendered` until it lies on the disk."""

    def __init__(self, tools: Tools, output_dir: Path) -> None:
        self._tools = tools
        self._output_dir = output_dir

    async def handle(self, case: Case) -> None:
        """Fetch one render.

        Raises:
            LedgerError: the record could not be written.
        """
        tools = self._tools
        tools.announce(StageEntered(case.id, Stage.DOWNLOAD))
        target = self._output_dir / case.job.output
        try:
            if not is_inside(target, self._output_dir):
                raise OutputUnwritable(f"{target} leads out of {self._output_dir}")
            delivered = await download(
                tools.api,
                case.project,
                case.url,
                target,
                tools.patience,
                tools.downloading,
                tools.retrying("download", case.id),
            )
        except OutputInvalid as error:
            await tools.recorder.failed(case, failure_of(Stage.DOWNLOAD, error))
        except (RemoteError, OutputUnwritable) as error:
            await tools.recorder.stalled(case, failure_of(Stage.DOWNLOAD, error))
        else:
            await tools.recorder.done(case, delivered)

"""What a crash left behind in the ledger."""

from collections.abc import Iterable

from batchsync.engine.case import from_record
from batchsync.engine.recorder import Recorder
from batchsync.ledger.protocol import Ledger
from batchsync.model import Failure, Job, JobState, Stage


async def unconfirm_crashed(jobs: Iterable[Job], ledger: Ledger, recorder: Recorder) -> None:
    """Where a process died between the write-ahead record and the answer, nobody knows.

    To be called under the batch's lock: a job that is `submitting` then belongs to a dead process.
    """
    by_id = {job.id: job for job in jobs}
    message = "the process ended before the answer to the create call was recorded"
    failure = Failure(Stage.SUBMIT, "interrupted", message)
    for record in (await ledger.records()).values():
        if record.state is JobState.SUBMITTING and record.id in by_id:
            await recorder.unconfirmed(from_record(by_id[record.id], record, 0), failure)

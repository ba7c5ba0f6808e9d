"""One pair, with the keywords of the official SDK's `lip_sync.generate`, and never paid twice."""

import os
from typing import Unpack

from batchsync.library.connecting import Key
from batchsync.library.keywords import RunKeywords
from batchsync.library.observing import Observer
from batchsync.library.pair import Asked, Assets, Style
from batchsync.library.rendered import Generated
from batchsync.library.single import Wishes, errand_for


def generate(
    *,
    assets: Assets,
    end_seconds: float | str,
    start_seconds: float | str,
    height: int | None = None,
    max_fps_limit: float | None = None,
    name: str | None = None,
    style: Style | None = None,
    width: int | None = None,
    wait_for_completion: bool = True,
    download_outputs: bool = True,
    download_directory: str | os.PathLike[str] | None = None,
    idempotency_key: str | None = None,
    adopt: str | None = None,
    resubmit_unconfirmed: bool = False,
    state_directory: str | os.PathLike[str] | None = None,
    api_key: str | None = None,
    base_url: str | None = None,
    on_event: Observer | None = None,
    **settings: Unpack[RunKeywords],
) -> Generated:
    """Render one audio/video pair: upload, submit, wait, download; a second call buys nothing.

    The keywords down to `download_directory` are those of the official SDK's
    `client.v1.lip_sync.generate`. Unlike there, what is asked for is written down before it is
    bought: a call after a crash, or from a script that is run again, goes on with the same render,
    and one that is done is only looked up. It is known again by the content of its files and its
    parameters; paths and `name` do not count.

    A render that failed or was canceled is made anew by the next call (the service refunds failed
    ones). For another render of the very same, give it an `idempotency_key` of its own.

    Args:
        assets: `audio_file_path`; `video_source`: "file" with `video_file_path`, or "youtube" with
            `youtube_url`. Paths, URLs and `api-assets/…` are told apart by their form.
        end_seconds: where in the video the output ends; "auto" is the shorter of the audio and
            what is left of the video.
        start_seconds: where it begins.
        height: ignored by the service.
        max_fps_limit: frames per second at most; each frame costs credits.
        name: shown in the vendor's library.
        style: `generation_mode`: "lite" (1 credit a frame), "standard" (1) or "pro" (2).
        width: ignored by the service.
        wait_for_completion: False returns as soon as it is submitted; call again to collect it.
        download_outputs: False leaves it with the service.
        download_directory: made if need be; the working directory by default. The file is named
            after the video and the key of the render, so that no two overwrite each other.
        idempotency_key: any text: asks for a render of its own under this key.
        adopt: after `Unconfirmed`: the id of the project that turned out to have been made.
        resubmit_unconfirmed: after `Unconfirmed`: a person's word that it may be bought again.
        state_directory: keeps the ledgers; BATCHSYNC_STATE_DIRECTORY, or the user's own state
            directory (`~/.local/state/batchsync/generate` on Linux).
        api_key: the key; MAGIC_HOUR_API_KEY without it.
        base_url: of the API; MAGIC_HOUR_BASE_URL without it.
        on_event: called with each event of `batchsync.events`.
        **settings: as in a manifest's `run:`. `lock_wait` is `poll_timeout` by default: a second
            call for a render under way waits for it, and returns the same.

    Returns:
        The render. One that the service gave up has `status` "error", and says why in `error`.

    Raises:
        ManifestError: an argument or a file is unfit; nothing was sent.
        KeyMissing, Unauthorized, Forbidden, PaymentRequired: nothing was bought.
        Rejected: the service does not take this; nothing was bought.
        Incomplete: not there yet (`poll_timeout`, an outage): call again to go on, at no cost.
        Unconfirmed: the answer to the submission was lost; see `adopt`.
        OutputUnwritable, OutputInvalid: rendered, but not downloaded; call again, at no cost.
        LockHeld, LedgerUnusable, LedgerError: of the ledger.
        KeyboardInterrupt: once what the first Ctrl-C does to the command is done.
    """
    asked = Asked(assets, start_seconds, end_seconds, max_fps_limit, name, style, width, height)
    wishes = Wishes(
        wait_for_completion,
        download_outputs,
        download_directory,
        idempotency_key,
        adopt,
        resubmit_unconfirmed,
        state_directory,
        Key(api_key),
        base_url,
        settings,
    )
    return errand_for(asked, wishes, on_event).wait(on_event)


async def agenerate(
    *,
    assets: Assets,
    end_seconds: float | str,
    start_seconds: float | str,
    height: int | None = None,
    max_fps_limit: float | None = None,
    name: str | None = None,
    style: Style | None = None,
    width: int | None = None,
    wait_for_completion: bool = True,
    download_outputs: bool = True,
    download_directory: str | os.PathLike[str] | None = None,
    idempotency_key: str | None = None,
    adopt: str | None = None,
    resubmit_unconfirmed: bool = False,
    state_directory: str | os.PathLike[str] | None = None,
    api_key: str | None = None,
    base_url: str | None = None,
    on_event: Observer | None = None,
    **settings: Unpack[RunKeywords],
) -> Generated:
    """`generate`, for coroutines; `on_event` is called on the caller's loop.

    Canceling it does what the first Ctrl-C does to the command, and raises CancelledError once
    that is done; the same call goes on later. Canceling it a second time does not wait.
    """
    asked = Asked(assets, start_seconds, end_seconds, max_fps_limit, name, style, width, height)
    wishes = Wishes(
        wait_for_completion,
        download_outputs,
        download_directory,
        idempotency_key,
        adopt,
        resubmit_unconfirmed,
        state_directory,
        Key(api_key),
        base_url,
        settings,
    )
    return await errand_for(asked, wishes, on_event).wait_async(on_event)

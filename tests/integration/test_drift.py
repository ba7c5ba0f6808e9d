"""What changed since the last attempt is made anew, and nothing else is."""

from pathlib import Path

import pytest

from batchsync.errors import ExitCode, ManifestError, SourceUnfit
from batchsync.ledger.protocol import FileFacts
from tests.support.media import with_free_box, write_tone


def _own_audio(work, media):
    copy = work.batch.folder / "voice.wav"
    copy.write_bytes(media.audio().read_bytes())
    return work.batch.job(audio="voice.wav", output="a.mp4")


async def test_a_changed_audio_is_a_new_attempt(bench, media):
    work = bench()
    jobs = [_own_audio(work, media), work.batch.job("bob")]
    work.batch.write(jobs)
    await work.run()
    write_tone(work.batch.folder / "voice.wav", 900)
    summary = await work.run()
    row = work.batch.rows()["ann-de"]
    assert (summary.jobs.done, summary.jobs.skipped) == (1, 1)
    assert (row["attempt"], row["credits_charged"]) == ("2", "100")
    assert (work.server.requests["create"], work.server.uploads) == (3, 5)
    assert work.batch.wrong_outputs(work.server) == []


async def test_a_changed_parameter_is_a_new_attempt_without_upload(bench):
    work = bench()
    work.batch.write_pairs(2)
    await work.run()
    work.batch.write(work.batch.pairs(2, max_fps_limit=10))
    summary = await work.run()
    assert (summary.jobs.done, work.server.requests["create"], work.server.uploads) == (2, 4, 3)
    assert summary.credits.charged == work.server.spent == 2 * 50 + 2 * 20


async def test_changes_are_left_alone_when_told_so(bench):
    work = bench()
    work.batch.write_pairs(1)
    await work.run()
    work.batch.write(work.batch.pairs(1, end_seconds=1))
    requests = work.server.requests.total()
    assert (await work.run(keep_changed=True)).exit is ExitCode.OK
    assert work.server.requests.total() == requests


async def test_a_changed_output_path_only_downloads(bench):
    work = bench()
    work.batch.write_pairs(1)
    await work.run()
    work.batch.write(work.batch.pairs(1, output="new/place.mp4"))
    summary = await work.run()
    assert summary.exit is ExitCode.OK
    assert (work.server.requests["create"], work.server.requests["upload"]) == (1, 2)
    assert (work.batch.outputs / "new" / "place.mp4").exists()
    assert work.batch.rows()["ann-de"]["output"] == "new/place.mp4"
    assert work.batch.wrong_outputs(work.server) == []


async def test_sources_that_were_cleared_away_change_nothing(bench, media):
    work = bench()
    work.batch.write([_own_audio(work, media)])
    await work.run()
    (work.batch.folder / "voice.wav").unlink()
    requests = work.server.requests.total()
    summary = await work.run()
    assert (summary.exit, summary.jobs.skipped) == (ExitCode.OK, 1)
    assert work.server.requests.total() == requests


async def test_another_name_or_tag_is_no_change(bench):
    work = bench()
    work.batch.write_pairs(1)
    await work.run()
    work.batch.write(work.batch.pairs(1, name="Hello", tags={"show": "x"}))
    assert (await work.run()).jobs.skipped == 1
    assert work.server.requests["create"] == 1


async def test_a_file_that_changes_while_it_is_uploaded_is_not_submitted(bench, media):
    work = bench()
    video = work.batch.folder / "clip.mp4"
    video.write_bytes(with_free_box(media.clip.read_bytes(), bytes(500_000)))
    work.batch.write([work.batch.job() | {"video": "clip.mp4"}])
    whole = video.read_bytes()
    work.server.hooks["upload_urls"] = lambda *_: video.write_bytes(whole[:-1] + b"!") and None
    summary = await work.run()
    assert summary.exit is ExitCode.SOME_FAILED
    assert work.server.requests["create"] == 0
    assert work.batch.rows()["ann-de"]["error_code"] == "source_changed"
    del work.server.hooks["upload_urls"]
    assert (await work.run()).exit is ExitCode.OK


async def test_one_bad_file_stops_the_run_before_anything_is_sent_unless_told_to_go_on(bench):
    work = bench()
    work.batch.write([*work.batch.pairs(2), work.batch.job("bob") | {"audio": "gone.wav"}])
    with pytest.raises(ManifestError):
        await work.run()
    assert work.server.requests.total() == 0
    summary = await work.run(keep_going=True)
    assert summary.exit is ExitCode.SOME_FAILED
    row = work.batch.rows()["bob-de"]
    assert (row["status"], row["error_stage"]) == ("failed", "preflight")
    requests, files = work.server.requests.total(), work.batch.snapshot()
    await work.run(keep_going=True)
    assert (work.server.requests.total(), work.batch.snapshot()) == (requests, files)
    (work.batch.folder / "gone.wav").write_bytes(work.batch.media.audio("bob").read_bytes())
    assert (await work.run(keep_going=True)).exit is ExitCode.OK


async def test_a_run_that_is_for_certain_contents_buys_no_others(bench):
    """As of a program that had to wait for another's run while its file was replaced."""
    work = bench()
    job = work.batch.job()
    work.batch.write([job])
    video = Path(job["video"])
    pinned = {str(video): FileFacts(str(video), video.stat().st_size, video.stat().st_mtime_ns - 1)}
    with pytest.raises(SourceUnfit, match="changed meanwhile"):
        await work.run(pinned=pinned)
    assert work.server.requests["create"] == 0

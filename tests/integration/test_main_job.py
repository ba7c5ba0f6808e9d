"""The main job, on a server that counts for itself."""

from batchsync.errors import ExitCode


async def test_24_pairs_take_28_uploads_and_24_creates(bench):
    work = bench(pad=300_000)
    work.batch.write_pairs(24)
    summary = await work.run()
    server = work.server
    assert summary.exit is ExitCode.OK
    assert (server.uploads, server.requests["upload"], server.requests["create"]) == (28, 28, 24)
    assert server.duplicates() == {}
    assert server.refused_bodies == []
    assert len(work.batch.rows()) == summary.jobs.done == 24
    assert work.batch.wrong_outputs(server) == []
    assert work.batch.strays() == []


async def test_credits_are_equal_to_the_cent(bench):
    work = bench()
    jobs = work.batch.pairs(6)
    jobs[0]["style"] = {"generation_mode": "pro"}
    jobs[1]["max_fps_limit"] = 12
    jobs[2]["end_seconds"] = 1.37
    work.batch.write(jobs)
    summary = await work.run()
    charged = {job: int(row["credits_charged"]) for job, row in work.batch.rows().items()}
    assert charged == {project.job: project.charged for project in work.server.projects.values()}
    assert summary.credits.charged == work.server.spent == 100 + 24 + 35 + 50 * 3
    assert summary.credits.estimated == 120 + 60 + 42 + 60 * 3
    assert summary.credits.refunded == summary.credits.estimated - summary.credits.charged
    assert summary.credits.balance == work.server.rules.credits - work.server.spent


async def test_the_key_never_reaches_the_storage_host(bench):
    work = bench()
    work.batch.write_pairs(6)
    await work.run()
    assert work.server.requests["upload"] and work.server.requests["download"]
    assert work.server.key_at_storage == 0


async def test_uploads_have_a_length_and_come_in_no_chunks(bench):
    work = bench()
    work.batch.write_pairs(6)
    await work.run()
    assert work.server.bad_uploads == []


async def test_both_files_of_a_pair_are_asked_for_in_one_call(bench):
    work = bench()
    work.batch.write_pairs(1)
    await work.run()
    assert (work.server.requests["upload_urls"], work.server.uploads) == (1, 2)


async def test_second_run_sends_nothing_and_touches_no_file(bench):
    work = bench()
    work.batch.write_pairs(24)
    await work.run()
    requests, files = dict(work.server.requests), work.batch.snapshot()
    summary = await work.run()
    assert summary.exit is ExitCode.OK
    assert (summary.jobs.done, summary.jobs.skipped) == (0, 24)
    assert dict(work.server.requests) == requests
    assert work.batch.snapshot() == files


async def test_a_file_that_was_only_touched_is_no_change(bench, media):
    work = bench()
    copy = work.batch.folder / "voice.wav"
    copy.write_bytes(media.audio().read_bytes())
    work.batch.write([work.batch.job(audio="voice.wav")])
    await work.run()
    requests = dict(work.server.requests)
    copy.touch()
    summary = await work.run()
    assert summary.jobs.skipped == 1
    assert dict(work.server.requests) == requests


async def test_every_body_names_its_job_and_leaves_unset_fields_out(bench):
    work = bench()
    work.batch.write_pairs(1)
    await work.run()
    (body,) = work.server.bodies
    assert set(body) == {"name", "start_seconds", "end_seconds", "assets", "style"}
    assert body["name"].startswith("ann-de · bs-")


async def test_sources_that_need_no_upload_are_passed_on(bench):
    work = bench()
    work.batch.write(
        [
            {
                "id": "far",
                "video": "https://example.com/a.mp4",
                "audio": "https://example.com/a.mp3",
                "end_seconds": 1,
            }
        ]
    )
    summary = await work.run()
    assert summary.exit is ExitCode.OK
    assert work.server.uploads == 0
    assert work.server.bodies[0]["assets"]["video_file_path"] == "https://example.com/a.mp4"

"""A create call whose answer is lost is never made again without a person's word."""

from batchsync.errors import ExitCode


async def test_lost_answers_are_unconfirmed_exactly_and_reruns_buy_nothing(bench):
    work = bench(faults=("create:lost=0.2",), seed=1)
    work.batch.write_pairs(24)
    summary = await work.run()
    lost = work.server.struck["create:lost"]
    assert lost > 1
    assert summary.exit is ExitCode.UNCONFIRMED
    assert (summary.jobs.unconfirmed, summary.jobs.done) == (lost, 24 - lost)
    for _ in range(3):
        assert (await work.run()).exit is ExitCode.UNCONFIRMED
    assert work.server.requests["create"] == 24
    assert work.server.duplicates() == {}


async def test_no_answer_in_time_is_unconfirmed(bench, monkeypatch):
    monkeypatch.setattr("batchsync.api.client._CREATE_ANSWER", 0.3)
    work = bench(hang=("create",))
    work.batch.write_pairs(1)
    summary = await work.run()
    assert summary.exit is ExitCode.UNCONFIRMED
    assert len(work.server.projects) == 1


async def test_a_refused_connection_is_known_to_have_sent_nothing(bench):
    work = bench()
    work.batch.write_pairs(1)
    port = work.server.port

    class Gone:
        def __init__(self, api):
            self.api = api

        def __getattr__(self, name):
            return getattr(self.api, name)

        async def create(self, body):
            self.api._base = self.api._base.with_port(1)
            try:
                return await self.api.create(body)
            finally:
                self.api._base = self.api._base.with_port(port)

    work.wrap = Gone
    work.patience = type(work.patience)(tries=2, sleep=work.patience.sleep)
    summary = await work.run()
    assert summary.exit is ExitCode.INCOMPLETE
    assert work.batch.rows()["ann-de"]["error_code"] == "not_sent"
    work.wrap = lambda api: api
    assert (await work.run()).exit is ExitCode.OK
    assert work.batch.rows()["ann-de"]["attempt"] == "1"


async def test_a_persons_word_sends_an_unconfirmed_job_again(bench):
    work = bench(faults=("create:lost=1",))
    work.batch.write_pairs(1)
    await work.run()
    work.server._faults.clear()
    summary = await work.run(resubmit_unconfirmed=True)
    assert summary.exit is ExitCode.OK
    assert len(work.server.of_job("ann-de")) == 2
    assert work.batch.rows()["ann-de"]["attempt"] == "2"


async def test_a_persons_word_about_some_jobs_holds_for_those_alone(bench):
    work = bench(faults=("create:lost=1",))
    work.batch.write_pairs(2)
    await work.run()
    work.server._faults.clear()
    await work.run(resubmit_unconfirmed=True, only=("ann-de",))
    summary = await work.run()
    assert work.batch.states() == {"ann-de": "done", "ann-en": "unconfirmed"}
    assert summary.exit is ExitCode.UNCONFIRMED
    assert len(work.server.of_job("ann-en")) == 1


async def test_the_next_command_never_repeats_the_persons_word(bench):
    work = bench(faults=("create:lost=1",))
    work.batch.write_pairs(1)
    await work.run()
    command = ("batchsync", "run", "batch.yaml", "--resubmit-unconfirmed")
    summary = await work.run(resubmit_unconfirmed=True, command=command)
    assert summary.exit is ExitCode.UNCONFIRMED
    assert "--resubmit-unconfirmed" not in str(summary.next)


async def test_the_name_carries_the_tag_that_status_shows(bench):
    work = bench(faults=("create:lost=1",))
    work.batch.write_pairs(1)
    await work.run()
    (tag,) = work.batch.query("SELECT tag FROM attempts")[0]
    assert work.server.bodies[0]["name"] == f"ann-de · {tag}"


async def test_the_tag_can_be_turned_off(bench):
    work = bench()
    work.batch.write([work.batch.job(name="Hello")])
    await work.run(name_tag=False)
    assert work.server.bodies[0]["name"] == "Hello"

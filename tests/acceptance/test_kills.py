"""kill -9 at any instant costs no second charge, no render, no output, and leaves no file."""

import os
import signal

from tests.acceptance.soak import survive
from tests.support.cli import until


def test_ten_kills_at_random_instants_cost_nothing(batch):
    batch.write_pairs(20)
    toll = survive(batch, kills=10, seed=2)
    assert toll.wrong == []
    assert toll.kills == 10
    assert toll.unconfirmed == len(toll.in_the_air)


def test_a_kill_before_the_table_was_written_leaves_no_stale_one_for_good(batch, cli, against):
    server = against(render_seconds=0.2)
    batch.write_pairs(2)
    assert cli("run", "batch.yaml", "--no-wait").code == 6
    # Whoever opens it to write waits for a reader: the run stops just before its last record.
    gate = batch.results.with_name(".batchsync-results.csv.part")
    os.mkfifo(gate)
    run = cli.start("run", "batch.yaml")
    until(lambda: set(batch.states().values()) == {"done"})
    assert run.alive
    run.send(signal.SIGKILL).end()
    gate.unlink()
    assert cli("run", "batch.yaml").code == 0
    assert {row["status"] for row in batch.rows().values()} == {"done"}
    assert batch.wrong_outputs(server) == batch.strays() == []

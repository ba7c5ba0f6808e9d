"""Doors that only close, and which exit code wins."""

from itertools import combinations

import pytest

from batchsync.engine.stop import SEVERITY, Stop, most_severe
from batchsync.errors import ExitCode
from batchsync.events import Stopping

E = ExitCode


async def test_doors_only_close_and_say_so_once() -> None:
    said: list[Stopping] = []
    stop = Stop(said.append)
    stop.close(E.INCOMPLETE, "first")
    stop.close(E.DENIED, "second")
    assert (stop.closed.is_set(), stop.left.is_set()) == (True, False)
    stop.leave(E.INTERRUPTED, "third")
    stop.leave(E.TERMINATED, "fourth")
    stop.close(E.INTERNAL, "fifth")

    assert (stop.closed.is_set(), stop.left.is_set()) == (True, True)
    assert said == [Stopping("first", leaving=False), Stopping("third", leaving=True)]
    assert stop.reasons == ["first", "third"]
    assert stop.codes == {E.INCOMPLETE, E.DENIED, E.INTERRUPTED, E.TERMINATED, E.INTERNAL}


async def test_leaving_closes_both_doors() -> None:
    stop = Stop(lambda _: None)
    stop.leave(E.INTERRUPTED, "x")

    assert stop.closed.is_set()


@pytest.mark.parametrize(("worse", "better"), list(combinations(SEVERITY, 2)))
def test_the_most_severe_code_wins(worse: ExitCode, better: ExitCode) -> None:
    assert most_severe({worse, better}) is worse


def test_the_order_is_the_designs() -> None:
    ranked = [E.INTERRUPTED, E.INTERNAL, E.DENIED, E.OUT_OF_CREDITS, E.UNCONFIRMED]
    ranked += [E.INCOMPLETE, E.SOME_FAILED, E.OK]

    assert [code for code in SEVERITY if code is not E.TERMINATED] == ranked
    assert SEVERITY[0] is E.TERMINATED
    assert most_severe(set()) is E.OK

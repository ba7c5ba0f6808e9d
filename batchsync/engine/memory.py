"""What the ledger remembers of earlier renders, as render times to learn from."""

import heapq
from collections.abc import Iterable, Sequence

from batchsync.engine.history import Clue, Past
from batchsync.engine.line import Line
from batchsync.ledger.protocol import RenderTime


def learnt(times: Iterable[RenderTime]) -> list[Past]:
    """Seconds that the service worked on each, oldest first, without the wait for its turn."""
    renders = sorted(times, key=lambda time: time.submitted_at)
    line = Line()
    # Submissions and ends in the order in which they came.
    under_way: list[tuple[float, int]] = []
    for render in renders:
        while under_way and under_way[0][0] <= render.submitted_at:
            _end_first(line, renders, under_way)
        heapq.heappush(under_way, (render.rendered_at, line.enter()))
    while under_way:
        _end_first(line, renders, under_way)
    taken = [
        (render, render.rendered_at - line.begun(place, render.submitted_at))
        for place, render in enumerate(renders)
    ]
    taken.sort(key=lambda pair: pair[0].rendered_at)
    return [Past(max(seconds, 0.0), _clue(render)) for render, seconds in taken]


def _end_first(
    line: Line, renders: Sequence[RenderTime], under_way: list[tuple[float, int]]
) -> None:
    ended, place = heapq.heappop(under_way)
    line.leave(place, renders[place].submitted_at, ended)


def _clue(render: RenderTime) -> Clue:
    parameters = render.parameters
    start, end = parameters.get("start_seconds") or 0.0, parameters.get("end_seconds") or 0.0
    mode = parameters.get("generation_mode") or ""
    return Clue.of(mode, max(0.0, end - start), parameters.get("max_fps_limit"))

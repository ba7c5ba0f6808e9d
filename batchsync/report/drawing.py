"""A scene as lines of text, for a terminal of any width and height."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.text import Text

from batchsync.model import JobState
from batchsync.report.glyphs import UNICODE, Glyphs, harmless
from batchsync.report.scene import Flight, Lane, Scene, Speed, ended

# Columns of a bar: shorter says nothing, longer not more.
_SHORTEST_BAR, _LONGEST_BAR = 6, 40
# Of a stage's name, of "1,234 rendering", and of "123.4 kB/s".
_NAME, _HERE, _PACE = 10, 15, 10
_MOST_FLIGHTS = 12
_MOST_TROUBLES = 4
# Rows beyond head and tail from which on there are blank lines, too.
_ROOMY = 6
# Of an id; what follows is cut off.
_SHORTEST_ID, _LONGEST_ID = 16, 40
# Of "  downloading", of an age, of "  0:55 left" and "  longer than usual"; and from which width
# on all have room.
_DOING, _AGE, _SHORT, _EXPECTED = 13, 9, 11, 19
_WIDE = 60
_GAP = 2

# What jobs in a stage are doing; and what they are there for, where that is not known.
_BUSY = {"upload": "sending", "submit": "waiting", "render": "rendering", "download": "fetching"}
_HERE_FOR = {**_BUSY, "upload": "to send", "download": "to fetch"}
_ENDS = (
    (JobState.DONE, "green"),
    (JobState.FAILED, "red"),
    (JobState.CANCELED, "yellow"),
    (JobState.UNCONFIRMED, "bold red"),
)


def draw(scene: Scene, width: int, height: int, glyphs: Glyphs = UNICODE) -> list[Text]:
    """At most `height` lines of at most `width` columns; the most important ones stay longest."""
    pen = _Pen(width, glyphs)
    head = [pen.headline(scene), *pen.lanes(scene)]
    tail = [*pen.ends(scene), *pen.troubles(scene), *pen.facts(scene)]
    room = height - len(head) - len(tail)
    # Blank lines part the three, where there is room for such luxury.
    gap = [Text()] if room >= _ROOMY else []
    flights = list(pen.flights(scene, min(room - 2 * len(gap), _MOST_FLIGHTS + 1)))
    lines = [*head, *gap, *flights, *(gap if flights else []), *tail]
    return [pen.fitted(line, width) for line in lines[: max(height, 1)]]


def one_line(scene: Scene, glyphs: Glyphs = UNICODE) -> str:
    """The same in a line, for logs and pipes."""
    states = scene.states
    words = [f"{ended(states):,} of {scene.total:,} ended"]
    words += [f"{states[state]:,} {state}" for state, _ in _ENDS[1:] if states.get(state)]
    words.append(f"{states.get(JobState.SUBMITTED, 0):,} rendering")
    words.append(f"{scene.credits.spent:,} credits spent")
    words += [scene.left] if scene.left else []
    words += [f"requests: {scene.calls}"] if scene.calls else []
    return glyphs.dot.join([*words, *scene.notes])


@dataclass(frozen=True, slots=True)
class _Pen:
    width: int
    glyphs: Glyphs

    def headline(self, scene: Scene) -> Text:
        right = scene.left or ""
        if scene.seconds is not None:
            right = self.glyphs.dot.join(filter(None, (clock(scene.seconds), right)))
        right = right.replace("-", self.glyphs.dash) if scene.left else right
        name = self.cut(scene.batch, max(self.width - len(right) - _GAP, 8))
        gap = max(self.width - name.cell_len - len(right), _GAP)
        return Text.assemble((name.plain, "bold"), " " * gap, right)

    def lanes(self, scene: Scene) -> Iterator[Text]:
        rows = [(lane, self._columns(lane, scene.total)) for lane in scene.lanes]
        count = 2 * len(f"{scene.total:,}") + 1
        bar, here, pace = self._widths(_NAME + count + _GAP)
        for lane, (counted, busy, speed) in rows:
            line = Text(f"{lane.name:{_NAME}}")
            if bar:
                line.append_text(self._bar(lane, scene.total, bar)).append(" " * _GAP)
            line.append(counted.rjust(count))
            if here:
                line.append(f"{' ' * _GAP}{busy:{here}}")
            if pace:
                line.append(f"{' ' * _GAP}{speed:>{pace}}", "dim")
            line.rstrip()
            yield line

    def _widths(self, fixed: int) -> tuple[int, int, int]:
        """Columns of the bar, of what is under way, and of the speed; 0 leaves one out.

        They depend on nothing that changes, so that bars keep their length.
        """
        for here, pace in ((_HERE, _PACE), (_HERE, 0), (0, 0)):
            used = sum(column + _GAP for column in (here, pace) if column)
            bar = min(self.width - fixed - used, _LONGEST_BAR)
            if bar >= _SHORTEST_BAR:
                return bar, here, pace
        return 0, 0, 0

    def _columns(self, lane: Lane, total: int) -> tuple[str, str, str]:
        busy = lane.speed.busy
        here, doing = (lane.here, _HERE_FOR) if busy is None else (busy, _BUSY)
        words = f"{here:,} {doing[lane.name]}" if here else ""
        speed = _pace(lane.speed) if lane.passed < total else ""
        return f"{lane.passed:,}/{total:,}", words, speed

    def _bar(self, lane: Lane, total: int, width: int) -> Text:
        # Full only when all are through.
        filled = width * lane.passed // total if total else 0
        style = "green" if filled == width else "cyan"
        return Text.assemble(
            (self.glyphs.full * filled, style), (self.glyphs.empty * (width - filled), "dim")
        )

    def flights(self, scene: Scene, room: int) -> Iterator[Text]:
        if not scene.flights or room < 1:
            return
        rows = scene.flights[:room]
        if scene.under_way > len(rows):
            rows = rows[: room - 1]
        doing = _DOING if self.width >= _WIDE else 0
        rest = doing + _AGE + (_EXPECTED if doing else _SHORT)
        longest = min(_LONGEST_ID, self.width - _GAP - rest)
        names = [self.cut(flight.job, max(longest, _SHORTEST_ID)) for flight in rows]
        widest = max((name.cell_len for name in names), default=0)
        for name, flight in zip(names, rows, strict=True):
            line = Text("  ").append_text(name).append(" " * (widest - name.cell_len))
            if doing:
                line.append(f"  {flight.doing:{doing - _GAP}}", "dim")
            line.append(f"{clock(flight.age):>{_AGE}}")
            if words := _expected(flight, short=not doing):
                line.append(f"{' ' * _GAP}{words}", "yellow" if flight.slow else "dim")
            yield line
        if more := scene.under_way - len(rows):
            yield Text(f"  +{more:,} more under way", "dim")

    def ends(self, scene: Scene) -> Iterator[Text]:
        parts = [
            Text(f"{scene.states[state]:,} {state}", style)
            for state, style in _ENDS
            if scene.states.get(state)
        ]
        if parts:
            yield Text("ended     ").append_text(Text(self.glyphs.dot).join(parts))

    def troubles(self, scene: Scene) -> Iterator[Text]:
        for trouble in scene.troubles[:_MOST_TROUBLES]:
            words = f"{trouble.count:,} {trouble.code}: {trouble.message} ({trouble.job})"
            yield self.cut(f"  {self.glyphs.bad} {words}", self.width, "red")
        if (more := len(scene.troubles) - _MOST_TROUBLES) > 0:
            yield Text(f"    and {more} other reasons", "red")

    def facts(self, scene: Scene) -> Iterator[Text]:
        credits = scene.credits
        parts = [f"{credits.spent:,} spent"]
        if credits.reserved:
            parts.append(f"{credits.reserved:,} reserved")
        if credits.cap is not None:
            parts.append(f"cap {credits.cap:,}")
        yield from self._broken("credits   ", parts)
        if scene.calls:
            yield self.cut(f"requests  {scene.calls}", self.width, "yellow")
        for note in scene.notes:
            yield self.cut(note, self.width, "bold yellow")

    def _broken(self, name: str, parts: list[str]) -> Iterator[Text]:
        """Parts in a line, or in several where that is too long."""
        line = name + self.glyphs.dot.join(parts)
        if len(line) <= self.width:
            yield Text(line)
            return
        for number, part in enumerate(parts):
            yield Text((name if number == 0 else " " * len(name)) + part)

    def cut(self, text: str, width: int, style: str = "") -> Text:
        """Harmless text of so many columns; what is cut off leaves a mark."""
        return self.fitted(Text(harmless(text), style), width)

    def fitted(self, line: Text, width: int) -> Text:
        """The line, cut where it is too long."""
        if line.cell_len > width:
            # By columns: wide letters count as two.
            line.truncate(max(width - 1, 0), overflow="crop")
            line.append(self.glyphs.more)
        return line


def _expected(flight: Flight, short: bool) -> str:
    if flight.left is None:
        return ""
    if flight.slow:
        return "slow" if short else "longer than usual"
    if flight.left <= 0:
        return "soon" if short else "any moment now"
    # In steps, so that a column of figures does not flicker.
    step = 5 if flight.left < 60 else 15
    words = f"{clock(max(round(flight.left / step), 1) * step)} left"
    return words if short else f"about {words}"


def _pace(speed: Speed) -> str:
    if speed.bytes_per_second:
        return f"{_size(speed.bytes_per_second)}/s"
    if not speed.per_second:
        return ""
    for seconds, unit in ((1, "s"), (60, "min"), (3_600, "h")):
        rate = speed.per_second * seconds
        if rate >= (10 if unit == "s" else 1) or unit == "h":
            return f"{rate:,.0f}/{unit}" if rate >= 10 else f"{rate:.1f}/{unit}"
    return ""


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def clock(seconds: float) -> str:
    """`0:07`, `12:41`, `3:02:10`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

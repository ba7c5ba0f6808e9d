"""What is wrong with a manifest, collected while it is read."""

import re
from collections.abc import Sequence

from batchsync.errors import ManifestError, Problem
from batchsync.manifest.places import Places

# Long values are cut in messages: the position leads to the whole.
_SHOWN_LENGTH = 80
# Control characters, and halves of characters, which no file can hold as UTF-8.
INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def shown(text: str) -> str:
    """A value in quotes, on one line, cut where it is long, with invisible characters spelt out."""
    if len(text) > _SHOWN_LENGTH:
        text = text[: _SHOWN_LENGTH - 1] + "…"
    return f"'{_visible(text)}'"


def _visible(text: str) -> str:
    # A manifest may hold escape sequences that would do things to a terminal.
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _spelt(c) for c in text)


def _spelt(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def listed(words: Sequence[str], conjunction: str = "or") -> str:
    """`a, b or c`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {conjunction} {words[-1]}"


class Unfit(Exception):
    """One value can't be used; whoever knows its position turns this into a problem.

    Attributes:
        mark: where the mistake is, if it is not where the value begins.
    """

    def __init__(self, found: str, expected: str, mark: int | None = None) -> None:
        super().__init__(found)
        self.found = found
        self.expected = expected
        self.mark = mark


class Known(Unfit):
    """The value can't be used, and the findings say so already."""

    def __init__(self) -> None:
        super().__init__("", "")


class Findings:
    """Problems and warnings with their positions.

    Attributes:
        places: turns marks into `file:line:column`.
        spelling: field names that the user spelt the API's way, by the mark of their value.
    """

    def __init__(self, places: Places) -> None:
        self.places = places
        self.spelling: dict[int, str] = {}
        self._problems: dict[tuple[int, str | None, str], Problem] = {}
        self._warnings: dict[str, tuple[int, Problem]] = {}

    def add(
        self, mark: int, found: str, expected: str, field: str | None = None, job: str | None = None
    ) -> None:
        """Record a problem; a default that is wrong for every job is one problem, not thousands."""
        if field is not None:
            field = self.spelling.get(mark, field)
        problem = Problem(
            self.places.where(mark),
            job and _visible(job),
            field and _visible(field),
            _visible(found),
            _visible(expected),
        )
        self._problems.setdefault((mark, field, found), problem)

    def add_unfit(
        self, mark: int, unfit: Unfit, field: str | None = None, job: str | None = None
    ) -> None:
        """Record a value that can't be used, unless that is known."""
        if isinstance(unfit, Known):
            return
        at = mark if unfit.mark is None else unfit.mark
        self.add(at, unfit.found, unfit.expected, field, job)

    def warn(self, topic: str, mark: int, found: str, expected: str, field: str) -> None:
        """Record a warning, once a topic."""
        problem = Problem(self.places.where(mark), None, field, found, expected)
        self._warnings.setdefault(topic, (mark, problem))

    def add_file(self, found: str, expected: str, base: int) -> None:
        """Record a problem of a file as a whole."""
        problem = Problem(self.places.place(base).shown, None, None, found, expected)
        self._problems.setdefault((base, None, found), problem)

    def __bool__(self) -> bool:
        return bool(self._problems)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """All warnings, in reading order."""
        return tuple(problem for _, problem in sorted(self._warnings.values(), key=lambda w: w[0]))

    def error(self) -> ManifestError:
        """All problems as one error, in reading order."""
        ordered = sorted(self._problems.items(), key=lambda item: item[0][0])
        return ManifestError([problem for _, problem in ordered])

    def raise_if_any(self) -> None:
        """Raise what was found, if anything was.

        Raises:
            ManifestError: with every problem.
        """
        if self:
            raise self.error()

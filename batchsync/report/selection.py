"""Which rows and columns of the results table somebody wants."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from batchsync.errors import UsageError
from batchsync.model import JobState
from batchsync.report.table import REVIEW_COLUMNS, Table, kinds_of, status_word

STATUSES = tuple(dict.fromkeys(status_word(state) for state in JobState))

# What `plan` and `spend` call it.
_SHORT = {"mode": "generation_mode"}


def with_status(table: Table, texts: Iterable[str]) -> Table:
    """The rows in one of these states; texts may list several, with commas.

    Raises:
        UsageError: there is no such state.
    """
    wanted = {_known(word, STATUSES, "--status") for text in texts for word in _words(text)}
    if not wanted:
        raise UsageError(f"--status: expected one or more of {', '.join(STATUSES)}")
    return Table(table.kinds, [row for row in table.rows if row["status"] in wanted])


def with_columns(table: Table, texts: Iterable[str]) -> Table:
    """These columns in this order; texts may list several, with commas.

    Raises:
        UsageError: there is no such column.
    """
    known = _columns(table)
    # A tag may have a comma in its name.
    words = [word for text in texts for word in ([text] if text in known else _words(text))]
    names = [column(table, word, "--columns") for word in words]
    if not names:
        raise UsageError(f"--columns: expected one or more of {', '.join(known)}")
    return Table(kinds_of(dict.fromkeys(names)), table.rows)


def column(table: Table, word: str, option: str) -> str:
    """The column that a word means: its own name, a tag's with `tags.`, or a short one.

    Raises:
        UsageError: there is no such column.
    """
    known = _columns(table)
    if word in known:
        return word
    for other in (word.removeprefix("tags."), _SHORT.get(word, word)):
        if other in known:
            return other
    return _known(word, known, option)


def _columns(table: Table) -> Sequence[str]:
    # Scripts may ask for the verdict before anybody has given one.
    return list(dict.fromkeys([*table.kinds, *REVIEW_COLUMNS]))


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _known(word: str, known: Sequence[str], option: str) -> str:
    if word in known:
        return word
    close = get_close_matches(word.lower(), known, n=1)
    raise UsageError(
        f"{option} {word}: did you mean {close[0]}?"
        if close
        else f"{option} {word}: expected one of {', '.join(known)}"
    )

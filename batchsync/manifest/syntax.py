"""YAML syntax errors in words for people who don't write YAML every day."""

import re
from itertools import islice

import yaml

_Explained = tuple[int, int, str, str]

_NEVER_CLOSED = "unexpected end of stream"
_BRACKETS = "in { } and [ ] put texts with ${…}, commas, colons or brackets in quotes"

# What libyaml and PyYAML say (part of it) -> what a user can act on. The first match counts.
_MEANINGS = (
    ("could not find expected ':'", "a line has no ':' after its key",
     "write 'key: value'; a text over several lines needs quotes"),
    ("mapping values are not allowed", "a ':' stands where no key can be",
     "put a text that contains ': ' in quotes, and check the indentation"),
    ("unknown escape character", "a backslash in double quotes begins a special character",
     "use single quotes, or / instead of \\ in paths"),
    ("expected hexdecimal number", "a backslash in double quotes begins a special character",
     "use single quotes, or / instead of \\ in paths"),
    ("expected escape sequence of", "a backslash in double quotes begins a special character",
     "use single quotes, or / instead of \\ in paths"),
    ("invalid Unicode character escape", "this escape stands for no character", "correct it"),
    ("invalid unicode character escape", "this escape stands for no character", "correct it"),
    (_NEVER_CLOSED, "a quote is opened here and never closed",
     "close it with the same kind of quote"),
    ("while scanning an alias", "a value begins with *",
     "put it in quotes, such as \"*.mp4\"; without quotes * refers to an anchor"),
    ("while scanning an anchor", "a value begins with &", "put it in quotes"),
    ("while scanning a tag", "a value begins with !", "put it in quotes"),
    ("while parsing a tag", "a value begins with !", "put it in quotes"),
    ("undefined tag handle", "a value begins with !", "put it in quotes"),
    ("while scanning a directive", "a line begins with %", "put the value in quotes"),
    ("directive", "a line begins with %", "remove it, or put the value in quotes"),
    ("while scanning a block scalar", "after | or > nothing but a line break may follow",
     "begin the text on the next line, indented; or put it in quotes"),
    ("did not find expected ',' or ']'", "a list in [ ] is not written right or never closed",
     f"separate its values with commas and close it with ]; {_BRACKETS}"),
    ("expected ',' or ']'", "a list in [ ] is not written right or never closed",
     f"separate its values with commas and close it with ]; {_BRACKETS}"),
    ("expected ',' or '}'", "a map in { } is not written right or never closed",
     f"separate its keys with commas and close it with }}; {_BRACKETS}"),
    ("block sequence entries are not allowed", "a '-' stands where no list can begin",
     "begin the list on a line of its own"),
    ("block collection", "this line does not fit the lines above it",
     "a list item begins with '- '; lines of one list begin in the same column"),
    ("did not find expected '-' indicator", "this line does not fit the list above it",
     "begin it with '- ' in the same column, or indent it as part of the item above"),
    ("expected <block end>", "this line does not fit the lines above it",
     "keys of one map begin in the same column; put a text after a closing quote inside it"),
    ("did not find expected key", "this line does not fit the lines above it",
     "keys of one map begin in the same column; put a text after a closing quote inside it"),
    ("did not find expected <document start>", "this line does not fit the lines above it",
     "write 'key: value' lines that begin in the same column"),
    ("did not find expected node content", "a value is missing here", _BRACKETS),
    ("expected the node content", "a value is missing here", _BRACKETS),
)  # fmt: skip
_ODD_START = "cannot start any token"


def explained(error: yaml.YAMLError, text: str) -> _Explained:
    """Line and column (from 0) of a syntax error, what is found and what is expected."""
    at = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if at is None:
        return 0, 0, "the file can't be read as YAML", str(error)
    words = f"{getattr(error, 'context', '')} {getattr(error, 'problem', '')}"
    line, column = at.line, at.column
    if tab := _tab_indent(text, line):
        return tab
    if _ODD_START in words:
        return _odd_start(text, line, column)
    for part, found, expected in _MEANINGS:
        if part in words:
            if expected.endswith(_BRACKETS) and line > text.rstrip().count("\n"):
                return line, column, "the file ends inside [ ] or { }", "close each bracket"
            if part == _NEVER_CLOSED:
                at = getattr(error, "context_mark", None) or at
            return at.line, at.column, found, expected
    return line, column, f"the YAML is not right here ({words.strip()})", "correct the line"


def _tab_indent(text: str, line: int) -> _Explained | None:
    # The parser often stumbles one line below the tab that misled it.
    for number in (line, line - 1):
        if number >= 0 and (match := re.match(r" *\t", _line(text, number))):
            return (
                number,
                match.end() - 1,
                "a tab stands in the indentation",
                "indent with spaces; YAML takes no tabs there",
            )
    return None


def _odd_start(text: str, line: int, column: int) -> _Explained:
    character = _line(text, line)[column : column + 1]
    if character == "\t":
        return line, column, "a tab stands where a value should begin", "use spaces"
    return (
        line,
        column,
        f"a value begins with {character}",
        "put it in quotes: this character has a meaning of its own in YAML",
    )


def _line(text: str, number: int) -> str:
    # Not splitlines(): the file may be large, and only one line is needed.
    lines = (match[0] for match in re.finditer(r"[^\n]*\n?", text))
    return next(islice(lines, number, None), "").rstrip("\r\n")

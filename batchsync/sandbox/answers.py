"""Answers as values: handlers return or raise them, the delivery sends them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape


@dataclass(frozen=True, slots=True)
class FileSlice:
    """A part of a file, to be sent as a body."""

    path: Path
    offset: int
    length: int

    def __len__(self) -> int:
        return self.length

    def first(self, length: int) -> "FileSlice":
        """The same slice, cut short."""
        return FileSlice(self.path, self.offset, length)


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer that has not been sent."""

    status: int
    body: bytes | FileSlice = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """A request that cannot be granted, with the answer that says so."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def json_answer(
    status: int, content: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Answer:
    """An answer of the API."""
    body = json.dumps(content).encode()
    return Answer(status, body, {"Content-Type": "application/json", **(headers or {})})


def refuse(status: int, message: str, headers: Mapping[str, str] | None = None) -> Refusal:
    """A refusal in the API's form."""
    return Refusal(json_answer(status, {"message": message}, headers))


def storage_error(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> Answer:
    """An error in the form that object stores use."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
    )
    return Answer(status, body.encode(), {"Content-Type": "application/xml", **(headers or {})})


def refuse_storage(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> Refusal:
    """A refusal in the form that object stores use."""
    return Refusal(storage_error(status, code, message, headers))


HTML_PAGE = b"""<!DOCTYPE html>
<html><head><title>502 Bad Gateway</title></head>
<body><center><h1>502 Bad Gateway</h1></center><hr><center>proxy</center></body></html>
"""


def html_answer(status: int) -> Answer:
    """The page of a proxy that stands before the service."""
    return Answer(status, HTML_PAGE, {"Content-Type": "text/html; charset=utf-8"})

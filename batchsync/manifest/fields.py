"""The fields of a job: their types, how a text becomes a value, and what to expect there.

The pydantic types judge the values; the sentences beside them are what a user reads.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from batchsync.manifest.findings import Unfit, shown
from batchsync.manifest.nodes import Scalar
from batchsync.manifest.scalars import NULLS, number_in, resolve, seconds_in
from batchsync.manifest.sources import source
from batchsync.model import GenerationMode, Role, Source


def _seconds(value: object) -> object:
    return _number(seconds_in(value) if isinstance(value, str) else value)


def _number(value: object) -> object:
    if isinstance(value, str):
        value = number_in(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("not a number")  # noqa: TRY004 - pydantic turns this one into its own
    return value


def _auto(value: object) -> object:
    return None if value == "auto" else _seconds(value)


Start = Annotated[float, BeforeValidator(_seconds), Field(ge=0, allow_inf_nan=False)]
End = Annotated[Annotated[float, Field(ge=0.1, allow_inf_nan=False)] | None, BeforeValidator(_auto)]
Fps = Annotated[
    Annotated[float, BeforeValidator(_number), Field(ge=1, allow_inf_nan=False)] | None, Field()
]


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One field of a job.

    Attributes:
        adapter: judges and converts the value.
        expected: the sentence that follows a refusal.
    """

    adapter: TypeAdapter[Any]
    expected: str


_SECONDS = "a number such as 12.5, or minutes and seconds such as 1:30"

RULES: dict[str, FieldRule] = {
    "start_seconds": FieldRule(TypeAdapter(Start), f"expected seconds from 0 on: {_SECONDS}"),
    "end_seconds": FieldRule(
        TypeAdapter(End), f"expected auto, or seconds from 0.1 on: {_SECONDS}"
    ),
    "max_fps_limit": FieldRule(
        TypeAdapter(Fps), "expected frames per second, a number from 1 on, such as 25"
    ),
    "style.generation_mode": FieldRule(
        TypeAdapter(GenerationMode), "expected lite, standard or pro"
    ),
    "video_source": FieldRule(TypeAdapter(Literal["file", "youtube"]), "expected file or youtube"),
}

_DECIMAL_COMMA = re.compile(r"[0-9]+,[0-9]+")
_Key = tuple[str, str, bool]


class FieldReader:
    """Reads fields; a text that many jobs share is judged once."""

    def __init__(self) -> None:
        self._known: dict[_Key, Any] = {}
        self._sources: dict[tuple[str, Role, str], Source] = {}

    def read(self, field: str, node: Scalar) -> Any:
        """The value of a field.

        Raises:
            Unfit: the text does not fit the field.
        """
        key = (field, node.text, node.plain)
        try:
            return self._known[key]
        except KeyError:
            value = self._known[key] = judged(field, node)
            return value

    def source(self, text: str, role: Role, folder: str) -> Source:
        """What a video or audio text points at.

        Raises:
            Unfit: nothing that the service takes in this role.
        """
        key = (text, role, folder)
        known = self._sources.get(key)
        if known is None:
            known = self._sources[key] = source(text, role, folder)
        return known


def judged(field: str, node: Scalar) -> Any:
    """The value of one field, judged by its pydantic type.

    Raises:
        Unfit: the text does not fit the field.
    """
    rule = RULES[field]
    try:
        return rule.adapter.validate_python(resolve(node.text, node.plain))
    except ValidationError:
        raise Unfit(_found(node.text), rule.expected) from None


def _found(text: str) -> str:
    if not text:
        return "it is empty"
    comma = ", with a decimal comma" if _DECIMAL_COMMA.fullmatch(text) else ""
    return f"found {shown(text)}{comma}"


def is_null(node: Scalar) -> bool:
    """Whether a value is empty, `~` or `null`."""
    return node.plain and node.text in NULLS

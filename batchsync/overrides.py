"""Parameters that `retry --set` changes for single jobs, over what the manifest says.

An override holds as long as the manifest says of that field what it said when the override was
made: editing the field there takes it back into the manifest's hands.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from batchsync.errors import UsageError
from batchsync.model import GenerationMode, Job

# What users call the fields, and what a job calls them.
_FIELDS: Mapping[str, str] = {
    "style.generation_mode": "generation_mode",
    "generation_mode": "generation_mode",
    "start_seconds": "start_seconds",
    "end_seconds": "end_seconds",
    "max_fps_limit": "max_fps_limit",
    "name": "name",
}

Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Values(BaseModel):
    model_config = ConfigDict(extra="forbid")

    generation_mode: GenerationMode | None = None
    start_seconds: Annotated[Finite, Field(ge=0)] | None = None
    end_seconds: Annotated[Finite, Field(ge=0.1)] | None = None
    max_fps_limit: Annotated[Finite, Field(ge=1)] | None = None
    name: str | None = None


def parse(settings: Iterable[str]) -> dict[str, Any]:
    """`field=value` texts as values of a job's fields.

    Raises:
        UsageError: no such field, or no such value.
    """
    raw: dict[str, str] = {}
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals or name not in _FIELDS:
            known = ", ".join(name for name in _FIELDS if name != "generation_mode")
            raise UsageError(f"--set {text}: expected FIELD=VALUE with one of {known}")
        raw[_FIELDS[name]] = value
    try:
        values = _Values.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"--set {first['loc'][0]}={first['input']}: {first['msg']}") from None
    return values.model_dump(mode="json", include=set(raw))


def record(job: Job, values: Mapping[str, Any]) -> dict[str, Any]:
    """What to keep in the ledger: each field's value in the manifest, and the one to use."""
    return {name: [_plain(getattr(job, name)), value] for name, value in values.items()}


def apply(job: Job, kept: Mapping[str, Any]) -> Job:
    """The job with the overrides that still hold."""
    holding = {
        name: value for name, (said, value) in kept.items() if _plain(getattr(job, name)) == said
    }
    if "generation_mode" in holding:
        holding["generation_mode"] = GenerationMode(holding["generation_mode"])
    return replace(job, **holding) if holding else job


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, GenerationMode) else value

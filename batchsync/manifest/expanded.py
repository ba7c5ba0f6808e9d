"""A manifest with everything said: no include, variable, matrix, table or default is left."""

from collections.abc import Iterator, Mapping
from typing import Any

from batchsync.manifest.batch import Manifest
from batchsync.manifest.findings import Unfit
from batchsync.manifest.sources import source, youtube
from batchsync.manifest.writing import escaped, flow, flow_list, json_text, scalar
from batchsync.model import Job, Role, Source, SourceKind

# From here on, whole numbers are shorter with an exponent.
_LONG = 1e15

# URLs of chat and mail services hold tokens and passwords.
SECRET_SETTINGS = frozenset({"notify"})


def expanded(manifest: Manifest) -> dict[str, Any]:
    """The manifest as plain values, itself a manifest when saved in the same folder.

    A dollar is written twice, so that nothing in a value is taken for an expression.
    """
    folder = str(manifest.path.parent)
    run = {
        name: _escaped(value) for name, value in manifest.run.items() if name not in SECRET_SETTINGS
    }
    return {
        "version": 1,
        "name": escaped(manifest.name),
        "jobs": [_fields(job, folder) for job in manifest.jobs],
        **({"run": run} if run else {}),
    }


def _fields(job: Job, folder: str) -> dict[str, Any]:
    video = "youtube_url" if job.video.kind is SourceKind.YOUTUBE else "video"
    fields: dict[str, Any] = {
        "id": escaped(job.id),
        "name": _escaped(job.name),
        video: escaped(_text(job.video, "video", folder)),
        "audio": escaped(_text(job.audio, "audio", folder)),
        "start_seconds": _number(job.start_seconds),
        "end_seconds": "auto" if job.end_seconds is None else _number(job.end_seconds),
        "max_fps_limit": _number(job.max_fps_limit),
        "style": {"generation_mode": job.generation_mode.value},
        "output": escaped(job.output),
        "tags": {name: escaped(value) for name, value in job.tags.items()} or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _text(found: Source, role: Role, folder: str) -> str:
    """As the manifest says it, if that means the same from here; else the absolute path."""
    try:
        here = youtube(found.text) if _is_link(found) else source(found.text, role, folder)
    except Unfit:
        return found.value
    return found.text if here == found else found.value


def _is_link(found: Source) -> bool:
    return found.kind is SourceKind.YOUTUBE


def _number(value: float | None) -> float | int | None:
    whole = value is not None and value.is_integer() and abs(value) < _LONG
    return int(value) if value is not None and whole else value


def _escaped(value: Any) -> Any:
    return escaped(value) if isinstance(value, str) else value


def to_json(whole: Mapping[str, Any]) -> str:
    """The expanded manifest as JSON, which is YAML as well."""
    return json_text(whole) + "\n"


def to_yaml(whole: Mapping[str, Any]) -> str:
    """The expanded manifest as YAML, a line for each field."""
    return "".join(f"{line}\n" for line in _lines(whole))


def _lines(whole: Mapping[str, Any]) -> Iterator[str]:
    for key, value in whole.items():
        if key == "jobs":
            yield "jobs:"
            for job in value:
                yield from _job_lines(job)
        elif isinstance(value, Mapping):
            yield f"{key}:"
            yield from (f"  {scalar(name)}: {_value(item)}" for name, item in value.items())
        else:
            yield f"{key}: {_value(value)}"


def _job_lines(job: Mapping[str, Any]) -> Iterator[str]:
    lead = "  - "
    for name, value in job.items():
        yield f"{lead}{name}: {_value(value)}"
        lead = "    "


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return flow(value)
    if isinstance(value, list | tuple):
        return flow_list(value)
    return scalar(value)

"""The JSON Schema of a manifest, for editors that complete and check while one types.

An editor can't see expressions, positions or files: `load` has the last word.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import GenerateJsonSchema

from batchsync.model import AUDIO_EXTENSIONS, VIDEO_EXTENSIONS, GenerationMode
from batchsync.settings import RunSettings

# The draft that yaml-language-server understands whole.
_DRAFT = "http://json-schema.org/draft-07/schema#"

_Text = str | int | float | bool
# A value may be an expression, which is a text, wherever it stands.
_Expression = Annotated[str, Field(pattern=r"\$")]
_Timecode = Annotated[str, Field(pattern=r"^([0-9]+:)?[0-9]+:[0-9]{1,2}(\.[0-9]*)?$")]
# Numbers in quotes are numbers, too.
_Number = Annotated[str, Field(pattern=r"^[-+]?[0-9.][0-9.eExoa-fA-F+-]*$")]
_Start = Annotated[float, Field(ge=0)] | _Timecode | _Number | _Expression
_End = Annotated[float, Field(ge=0.1)] | Literal["auto"] | _Timecode | _Number | _Expression
_Fps = Annotated[float, Field(ge=1)] | _Number | _Expression | None
_Mode = GenerationMode | _Expression
_VideoSource = Literal["file", "youtube"] | _Expression


def _media(extensions: frozenset[str]) -> Any:
    # A pattern has no flag for upper and lower case.
    cased = ("".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in e) for e in extensions)
    ending = rf"[^/\\]\.({'|'.join(sorted(cased))})$"
    words = f"expected a path that ends in {', '.join(sorted(extensions))}, or a URL"
    extra: dict[str, Any] = {"patternErrorMessage": words}
    return Field(pattern=rf"\$|://|{ending}", json_schema_extra=extra)


_Video = Annotated[str, _media(VIDEO_EXTENSIONS)]
_Audio = Annotated[str, _media(AUDIO_EXTENSIONS)]
_Output = Annotated[
    str,
    Field(
        pattern=r"\$|^[^/\\.].*\.[mM][pP]4$",
        json_schema_extra={"patternErrorMessage": "expected a path such as es/intro.mp4"},
    ),
]

# What each setting of `run:` does, shown while one types.
_RUN_WORDS = {
    "base_url": "the API; only the official host or this machine may stand here",
    "max_in_flight": "renders in flight at a time; auto finds out what the service takes",
    "order": "longest renders first where all may be bought, or as the manifest has them",
    "uploads": "uploads at a time",
    "downloads": "downloads at a time",
    "limit_upload": "bytes per second of all uploads together: 500K, 20M, 1G; 0 is no limit",
    "limit_download": "bytes per second of all downloads together: 500K, 20M, 1G; 0 is no limit",
    "poll_min": "least time between two looks at a render: seconds, or 90s, 45m, 2h",
    "poll_max": "most time between two looks",
    "poll_timeout": "wait this long for one render, then leave it to the next run",
    "webhook": "take the service's events in at HOST:PORT",
    "webhook_path": "the path that events come to, behind a proxy",
    "max_credits": "spend no more than this on the batch, over all runs",
    "max_duration": "submit nothing that would not be finished by then: 90s, 45m, 2h",
    "halt": "when failures stop the run: now,fail=N or soon,fail=N or soon,fail=N%",
    "keep_going": "jobs with missing or unfit files fail, the rest runs",
    "state": "the ledger; default .batchsync/<name>.db beside the manifest",
    "output_dir": "where outputs go; default outputs/<name> beside the manifest",
    "results": "the results table; default results.csv in the output directory",
    "metrics_file": "written for Prometheus' textfile collector when a run ends",
    "lock_wait": "wait so long for another run of this batch to end",
    "name_tag": "add a short mark to the name in the vendor's library, to find a job by",
    "notify": "Apprise URLs that get a word when a run ends",
    "notify_on": "which ends are worth it",
}


def _own_keys(schema: dict[str, Any]) -> None:
    # Keys that begin with x- are the user's own, at every level.
    schema["patternProperties"] = {"^x-": {}}


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra=_own_keys)


class _Style(_Block):
    generation_mode: _Mode = Field(
        GenerationMode.LITE, description="lite and standard: 1 credit a frame; pro: 2"
    )


class _Assets(_Block):
    audio_file_path: _Audio = Field("", description="the API's name for audio")
    video_file_path: _Video = Field("", description="the API's name for video")
    video_source: _VideoSource | None = None
    youtube_url: str | None = None


class _Fields(_Block):
    name: _Text | None = Field(None, description="shown in the vendor's library")
    video: _Video = Field(
        "", description="path, https URL, library URL, api-assets/… or YouTube URL"
    )
    audio: _Audio = Field("", description="path, https URL, library URL or api-assets/…")
    video_file_path: _Video = Field("", description="the API's name for video")
    audio_file_path: _Audio = Field("", description="the API's name for audio")
    video_source: _VideoSource | None = Field(None, description="file or youtube; rarely needed")
    youtube_url: str | None = Field(None, description="a YouTube URL; video takes it, too")
    assets: _Assets | None = Field(None, description="the API's own form of a pair")
    start_seconds: _Start = Field(
        0, description="where in the video the output begins: seconds or minutes:seconds"
    )
    end_seconds: _End = Field(
        "auto",
        description="where it ends: seconds, minutes:seconds, or auto: the shorter of the audio "
        "and what is left of the video",
    )
    max_fps_limit: _Fps = Field(None, description="frames per second at most; frames cost credits")
    style: _Style | None = Field(None, description="how the service renders")
    output: _Output = Field("${{ job.id }}.mp4", description="path below the output directory")
    tags: dict[str, _Text] | None = Field(None, description="your labels, a results column each")
    width: Any = Field(None, deprecated=True, description="has no effect")
    height: Any = Field(None, deprecated=True, description="has no effect")


class _Glob(BaseModel):
    model_config = ConfigDict(extra="forbid")

    glob: str = Field(description="a pattern such as media/*.mp4; ** also looks into folders")


class _Matrix(BaseModel):
    """Every combination of the axes becomes a job."""

    model_config = ConfigDict(extra="allow", json_schema_extra=_own_keys)
    __pydantic_extra__: dict[str, list[Any] | _Glob]

    include: list[dict[str, Any]] = Field(
        [], description="more combinations, or more fields for those that fit"
    )
    exclude: list[dict[str, Any]] = Field([], description="combinations to leave out")


class _Job(_Fields):
    id: _Text = Field(description="unique in the batch, and fit to be a file name")
    matrix: _Matrix | None = Field(None, description="axes, include and exclude: one job each")


class _Manifest(_Block):
    version: Literal[1] = Field(description="of the manifest's language")
    name: _Text | None = Field(None, description="of the batch; default: the file's stem")
    include: list[str] | str | None = Field(None, description="files merged below this one")
    vars: dict[str, Any] | None = Field(None, description="read as ${{ vars.name }}")
    defaults: _Fields | None = Field(None, description="what every job has that says no other")
    jobs: list[_Job] = Field([], description="one audio/video pair each")
    jobs_from: list[str] | str | None = Field(None, description="CSV files, a row a job")
    run: dict[str, Any] | None = None


class _Draft07(GenerateJsonSchema):
    schema_dialect = _DRAFT

    def generate(self, schema: Any, mode: Any = "validation") -> Any:
        """The schema, in the older draft's terms."""
        return _without_siblings(super().generate(schema, mode))


def _without_siblings(node: Any) -> Any:
    """Draft 7 ignores what stands beside a `$ref`; made-up titles and defaults help nobody."""
    if isinstance(node, list):
        return [_without_siblings(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _without_siblings(value) for key, value in node.items()}
    if isinstance(kept.get("title"), str):
        del kept["title"]
    if kept.get("default", 0) in (None, "", []):
        del kept["default"]
    if "$ref" in kept and len(kept) > 1:
        kept["allOf"] = [{"$ref": kept.pop("$ref")}]
    return kept


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a manifest, draft 7."""
    schema: dict[str, Any] = _Manifest.model_json_schema(schema_generator=_Draft07)
    schema["properties"]["run"] = _run_schema()
    head = {"$schema": _DRAFT, "title": "batchsync manifest"}
    return head | {name: value for name, value in schema.items() if name not in head}


def _run_schema() -> dict[str, Any]:
    run: dict[str, Any] = RunSettings.model_json_schema(schema_generator=_Draft07)
    run["properties"] = {name: _run_field(name, field) for name, field in run["properties"].items()}
    _own_keys(run)
    run["description"] = "how a run goes about it; each is also a flag of `batchsync run`"
    return run


def _run_field(name: str, field: dict[str, Any]) -> dict[str, Any]:
    default = field.pop("default", None)
    kinds = field.pop("anyOf", None) or [field]
    for kind in kinds:
        if "ge" in kind:
            kind["minimum"] = kind.pop("ge")
    if not any(kind.get("type") == "string" and len(kind) == 1 for kind in kinds):
        # Expressions, and durations such as 2h, are texts, whatever they become.
        kinds.append({"type": "string", "pattern": r"\$|^[0-9.]"})
    made: dict[str, Any] = {"anyOf": kinds}
    if default is not None:
        made["default"] = default
    if name in _RUN_WORDS:
        made["description"] = _RUN_WORDS[name]
    return made

"""The JSON Schema of a manifest, for editors that complete and check while one types.

An editor can't see expressions, positions or files: `load` has the last word.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from batchsync.model import GenerationMode
from batchsync.settings import RunSettings

_Text = str | int | float | bool
# A value may be an expression, which is a text, wherever it stands.
_Expression = Annotated[str, Field(pattern=r"\$")]
_Timecode = Annotated[str, Field(pattern=r"^([0-9]+:)?[0-9]+:[0-9]{1,2}(\.[0-9]*)?$")]
_Start = Annotated[float, Field(ge=0)] | _Timecode | _Expression
_End = Annotated[float, Field(ge=0.1)] | Literal["auto"] | _Timecode | _Expression
_Fps = Annotated[float, Field(ge=1)] | _Expression | None
_Mode = GenerationMode | _Expression
_VideoSource = Literal["file", "youtube"] | _Expression


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
    audio_file_path: str | None = Field(None, description="the API's name for audio")
    video_file_path: str | None = Field(None, description="the API's name for video")
    video_source: _VideoSource | None = None
    youtube_url: str | None = None


class _Fields(_Block):
    name: _Text | None = Field(None, description="shown in the vendor's library")
    video: str | None = Field(
        None, description="path, https URL, library URL, api-assets/… or YouTube URL"
    )
    audio: str | None = Field(None, description="path, https URL, library URL or api-assets/…")
    video_file_path: str | None = Field(None, description="the API's name for video")
    audio_file_path: str | None = Field(None, description="the API's name for audio")
    video_source: _VideoSource | None = None
    youtube_url: str | None = None
    assets: _Assets | None = None
    start_seconds: _Start = Field(0, description="seconds or minutes:seconds")
    end_seconds: _End = Field("auto", description="seconds, minutes:seconds or auto")
    max_fps_limit: _Fps = Field(None, description="frames per second at most")
    style: _Style | None = None
    output: str = Field("${{ job.id }}.mp4", description="path below the output directory")
    tags: dict[str, _Text] | None = Field(None, description="your labels, a results column each")
    width: Any = Field(None, deprecated=True)
    height: Any = Field(None, deprecated=True)


class _Job(_Fields):
    id: _Text = Field(description="unique in the batch, and fit to be a file name")
    matrix: dict[str, Any] | None = Field(None, description="axes, include and exclude")


class _Manifest(_Block):
    version: Literal[1]
    name: _Text | None = Field(None, description="of the batch; default: the file's stem")
    include: list[str] | str | None = Field(None, description="files merged below this one")
    vars: dict[str, Any] | None = Field(None, description="read as ${{ vars.name }}")
    defaults: _Fields | None = None
    jobs: list[_Job] | None = None
    jobs_from: list[str] | str | None = Field(None, description="CSV files, a row a job")
    run: dict[str, Any] | None = None


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a manifest."""
    schema = _Manifest.model_json_schema(by_alias=True)
    run = RunSettings.model_json_schema()
    for name, field in run["properties"].items():
        # Durations such as 2h and expressions are texts, whatever they become.
        run["properties"][name] = {"anyOf": [field, {"type": "string"}], "title": name}
    run["patternProperties"] = {"^x-": {}}
    schema["properties"]["run"] = run
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "batchsync manifest"
    return schema

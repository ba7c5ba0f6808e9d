"""One job, for programs that would rather not write dicts."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Source = str | os.PathLike[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """One audio/video pair with its parameters; None leaves a field to the batch's defaults.

    Attributes:
        id: unique in the batch, and fit to be a file name.
        video: a path, an https URL, a library URL, `api-assets/…` or a YouTube URL.
        audio: the same, but for YouTube.
        start_seconds: where in the video the output begins; 0 by default.
        end_seconds: where it ends; "auto", the default, is the shorter of the audio and what is
            left of the video.
        max_fps_limit: frames per second at most; each frame costs credits.
        generation_mode: lite (1 credit a frame, the default), standard (1) or pro (2).
        name: shown in the vendor's library.
        output: path below the output directory; `<id>.mp4` by default.
        tags: labels of your own, a column each in the results table.
    """

    id: str
    video: Source
    audio: Source
    start_seconds: float | str | None = None
    end_seconds: float | str | None = None
    max_fps_limit: float | None = None
    generation_mode: Literal["lite", "standard", "pro"] | None = None
    name: str | None = None
    output: str | None = None
    tags: Mapping[str, str | int | float] = field(default_factory=dict)

    def fields(self) -> dict[str, Any]:
        """As a manifest would say it."""
        flat = {
            name: getattr(self, name)
            for name in self.__dataclass_fields__
            if name not in ("generation_mode", "tags")
        }
        style = {"generation_mode": self.generation_mode}
        return {**flat, "style": style, "tags": self.tags}

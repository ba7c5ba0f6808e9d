"""What `generate` returns: the attributes that scripts of the official SDK read."""

from dataclasses import dataclass, field
from typing import Literal

Status = Literal["draft", "queued", "rendering", "complete", "error", "canceled"]


@dataclass(frozen=True, slots=True)
class RenderError:
    """Why the service gave a render up."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class OutputUrl:
    """Where the service keeps an output; the URL is pre-signed, a secret, and good for a day."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Generated:
    """A render, as the service shows it, and the files that were downloaded.

    Attributes:
        id: of the project at the service.
        status: complete, error or canceled; draft, queued or rendering if it was not waited for.
        credits_charged: credits, as far as the service has settled; refunds are taken off.
        downloads: of the outputs, with fresh URLs; empty until the render is complete, and if
            the service could not be asked.
        downloaded_paths: files on this machine; None if nothing was downloaded.
        error: why it failed; None unless `status` is error.
        name: in the vendor's library.
        created_at: when the service took it, ISO 8601 in UTC, by this machine's clock.
        fps: frames per second; None where it is not known.
        width: pixels; None where it is not known.
        height: pixels; None where it is not known.
        start_seconds: where in the video the output begins.
        end_seconds: where it ends.
    """

    id: str
    status: str
    credits_charged: int
    downloads: tuple[OutputUrl, ...]
    downloaded_paths: list[str] | None
    error: RenderError | None
    name: str | None
    created_at: str | None
    fps: float | None
    width: int | None
    height: int | None
    start_seconds: float
    end_seconds: float

    @property
    def download(self) -> OutputUrl | None:
        """The first of `downloads`; the API's deprecated twin."""
        return self.downloads[0] if self.downloads else None

    @property
    def total_frame_cost(self) -> int:
        """The API's deprecated twin of `credits_charged`."""
        return self.credits_charged

"""Looking at a render: what a status answer means; pure."""

from dataclasses import dataclass

from batchsync.api.wire import Project


@dataclass(frozen=True, slots=True)
class Rendering:
    """Not finished; look again later. `status` is the service's word."""

    status: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The output can be fetched."""

    project: Project


@dataclass(frozen=True, slots=True)
class Broke:
    """The service gave up on it; what it charged is refunded (CONTRACT: "Money")."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Canceled:
    """Somebody canceled it. `credits` is what the service still charges, if it says."""

    credits: int | None


Look = Rendering | Finished | Broke | Canceled


def read(project: Project) -> Look:
    """What a status answer means.

    A status that is not documented counts as unfinished: the render is paid for, and giving up
    on it would lose it.
    """
    if project.status == "complete":
        # Complete, but the URL not there yet: the next look will have it.
        return Finished(project) if project.output_url else Rendering("complete")
    if project.status == "error":
        error = project.error
        return Broke(
            (error.code if error else None) or "unknown_error",
            (error.message if error else None) or "the service gave no reason",
        )
    if project.status == "canceled":
        return Canceled(project.credits_charged)
    return Rendering(project.status[:40])

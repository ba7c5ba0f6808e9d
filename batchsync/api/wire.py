"""What the API answers, read tolerantly: unknown fields pass, the ones that matter must be right.

The service is not ours to test, so a figure that can't be read becomes None instead of an error
wherever an id would be lost with it.
"""

from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from batchsync.api.answers import plain_words
from batchsync.errors import Unintelligible

# Long enough for any id seen (they are cuids of 25 characters), short enough for a URL.
_LONGEST_ID = 256


def _or_none(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    try:
        return handler(value)
    except ValidationError:
        return None


# Credits and pixels; beyond this a figure is nonsense, and no database takes it.
_LARGEST_INT = 2**53

LenientInt = Annotated[Annotated[int, Field(ge=0, le=_LARGEST_INT)] | None, WrapValidator(_or_none)]
LenientFloat = Annotated[
    Annotated[float, Field(allow_inf_nan=False)] | None, WrapValidator(_or_none)
]
LenientText = Annotated[Annotated[str, AfterValidator(plain_words)] | None, WrapValidator(_or_none)]


def _no_climbing(value: str) -> str:
    if value in (".", ".."):
        # Everything else is quoted in a URL's path; these would still climb in it.
        raise ValueError("not a usable id")
    return value


ProjectId = Annotated[
    str, Field(min_length=1, max_length=_LONGEST_ID), AfterValidator(_no_climbing)
]
Url = Annotated[str, Field(min_length=1, max_length=8192)]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class UploadTicket(_Wire):
    """A place to PUT one file, and the name it will have."""

    upload_url: Url
    file_path: Annotated[str, Field(min_length=1, max_length=2048)]


class Created(_Wire):
    """The answer of the create call; `credits_charged` is the service's estimate, in credits."""

    id: ProjectId
    credits_charged: LenientInt = Field(
        default=None, validation_alias=AliasChoices("credits_charged", "estimated_frame_cost")
    )


class ProjectError(_Wire):
    """Why a render failed."""

    code: LenientText = None
    message: LenientText = None


class Download(_Wire):
    """A pre-signed URL of an output; good for a day."""

    url: Url


class Project(_Wire):
    """How a render stands. `status` is kept as text: the service may add words."""

    id: ProjectId
    status: str
    name: LenientText = None
    credits_charged: LenientInt = Field(
        default=None, validation_alias=AliasChoices("credits_charged", "total_frame_cost")
    )
    fps: LenientFloat = None
    width: LenientInt = None
    height: LenientInt = None
    start_seconds: LenientFloat = None
    end_seconds: LenientFloat = None
    error: Annotated[ProjectError | None, WrapValidator(_or_none)] = None
    # Some servers say null where there is nothing yet.
    downloads: Annotated[tuple[Download, ...], BeforeValidator(lambda value: value or ())] = ()
    download: Annotated[Download | None, WrapValidator(_or_none)] = None

    @property
    def output_url(self) -> str | None:
        """Where the finished video lies; `download` is the deprecated twin of `downloads`."""
        if self.downloads:
            return self.downloads[0].url
        return self.download.url if self.download else None


class Account(_Wire):
    """Balance (credits spendable now) and plan."""

    credits: int
    id: LenientText = None
    tier: LenientText = None


class _UploadUrls(_Wire):
    items: list[UploadTicket]


_T = TypeVar("_T")

_UPLOAD_URLS = TypeAdapter(_UploadUrls)
_CREATED = TypeAdapter(Created)
_PROJECT = TypeAdapter(Project)
_ACCOUNT = TypeAdapter(Account)


def _read(adapter: TypeAdapter[_T], body: bytes, what: str) -> _T:
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole body"
        raise Unintelligible(
            f"{what} is not what the API documents: {place}: {first['msg']}"
        ) from None


def read_upload_urls(body: bytes, asked: int) -> list[UploadTicket]:
    """Tickets in the order asked.

    Raises:
        Unintelligible: not the documented form, or not one for each item.
    """
    tickets = _read(_UPLOAD_URLS, body, "the answer to upload-urls").items
    if len(tickets) != asked:
        raise Unintelligible(f"upload-urls gave {len(tickets)} places for {asked} files")
    return tickets


def read_created(body: bytes) -> Created:
    """The id of a new project.

    Raises:
        Unintelligible: no usable id in it.
    """
    return _read(_CREATED, body, "the answer to the create call")


def read_project(body: bytes, project_id: str) -> Project:
    """How a project stands.

    Raises:
        Unintelligible: not the documented form, or about another project.
    """
    project = _read(_PROJECT, body, "the answer to the status call")
    if project.id != project_id:
        raise Unintelligible("the answer to the status call is about another project")
    return project


def read_event_payload(payload: Any) -> Project:
    """How a project stands, as an event tells it: in the shape of a status answer.

    Raises:
        Unintelligible: not the documented form.
    """
    try:
        return _PROJECT.validate_python(payload)
    except ValidationError:
        raise Unintelligible("the event's payload is not what the API documents") from None


def read_account(body: bytes) -> Account:
    """Balance and plan.

    Raises:
        Unintelligible: not the documented form.
    """
    return _read(_ACCOUNT, body, "the answer to the account call")

"""One draft becomes a job: every field expanded and judged."""

from typing import Any

from batchsync.manifest.drafts import TAG_PREFIX, Draft
from batchsync.manifest.fields import FieldReader, is_null
from batchsync.manifest.findings import INVISIBLE, Findings, Unfit, shown
from batchsync.manifest.names import fit_name, fit_output
from batchsync.manifest.nodes import SPOILED
from batchsync.manifest.scope import Scope
from batchsync.manifest.sources import youtube
from batchsync.model import GenerationMode, Job, Role, Source, SourceKind

_EXPECTED = {
    "id": "a short name that no other job has, such as welcome-es",
    "video": "a path, a URL, a library URL, api-assets/… or a YouTube URL",
    "audio": "a path, a URL, a library URL or api-assets/…",
    "youtube_url": "a URL such as https://www.youtube.com/watch?v=…",
    "output": "a path such as es/intro.mp4",
}


class Reading:
    """The reading of one job; `id` is known as soon as it is found fit."""

    __slots__ = ("_draft", "_failed", "_fields", "_findings", "_mark", "_scope", "id")

    def __init__(
        self, findings: Findings, fields: FieldReader, draft: Draft, scope: Scope, mark: int
    ) -> None:
        self.id: str | None = None
        self._findings = findings
        self._fields = fields
        self._draft = draft
        self._scope = scope
        self._mark = mark
        self._failed = False

    def job(self, position: int) -> Job | None:
        """The job, or None when something is wrong with it."""
        self.id = self._id()
        video, audio = self._source("video"), self._source("audio")
        name, output = self._name(), self._output()
        start = self._value("start_seconds", 0.0)
        end = self._value("end_seconds", None)
        self._check_order(start, end)
        fps = self._value("max_fps_limit", None)
        mode = self._value("style.generation_mode", GenerationMode.LITE)
        tags = self._tags()
        if self._failed or self.id is None or video is None or audio is None or output is None:
            return None
        where = self._findings.places.where(self._mark)
        return Job(
            self.id, position, name, video, audio, start, end, fps, mode, output, tags, where
        )

    def _refuse(self, field: str, unfit: Unfit) -> None:
        self._failed = True
        node = self._draft.get(field)
        mark = self._mark if node is None else node.mark
        self._findings.add_unfit(mark, unfit, field, self.id)
        # What refers to this field is not wrong as well.
        self._draft[field] = SPOILED

    def _text(self, field: str) -> str:
        node = self._scope.field(field)
        if node is None:
            raise Unfit("it is missing", f"add {field}: with {_EXPECTED[field]}", self._mark)
        if is_null(node):
            raise Unfit("it is empty", f"expected {_EXPECTED.get(field, 'a text')}")
        if not node.text.isprintable() and INVISIBLE.search(node.text):
            raise Unfit(
                f"found {shown(node.text)}, which holds control characters",
                "expected none; in double quotes \\t and \\n are special, so use single "
                "quotes, or / instead of \\",
            )
        return node.text

    def _id(self) -> str | None:
        try:
            name = fit_name(self._text("id"))
        except Unfit as unfit:
            self._refuse("id", unfit)
            return None
        self._scope.settle("id", name)
        return name

    def _name(self) -> str | None:
        if "name" not in self._draft:
            return None
        try:
            node = self._scope.field("name")
            return None if node is None or is_null(node) else self._text("name")
        except Unfit as unfit:
            self._refuse("name", unfit)
            return None

    def _output(self) -> str | None:
        try:
            return fit_output(self._text("output"))
        except Unfit as unfit:
            self._refuse("output", unfit)
            return None

    def _value(self, field: str, default: Any) -> Any:
        if field not in self._draft:
            return default
        try:
            node = self._scope.field(field)
            return default if node is None else self._fields.read(field, node)
        except Unfit as unfit:
            self._refuse(field, unfit)
            return default

    def _source(self, role: Role) -> Source | None:
        linked = role == "video" and "youtube_url" in self._draft
        field = "youtube_url" if linked else role
        try:
            text = self._text(field)
            found = (
                youtube(text) if linked else self._fields.source(text, role, self._folder(field))
            )
            if found.kind is SourceKind.URL and text[:5].lower() == "http:":
                self._warn_plain(field)
            if role == "video" and "video_source" in self._draft:
                self._check_video_source(found)
            return found
        except Unfit as unfit:
            self._refuse(field, unfit)
            return None

    def _folder(self, field: str) -> str:
        return self._findings.places.folder(self._draft[field].mark)

    def _warn_plain(self, field: str) -> None:
        self._findings.warn(
            "http",
            self._draft[field].mark,
            "an http:// URL can be read by others on its way",
            "use https:// where the host offers it",
            field,
        )

    def _check_video_source(self, found: Source) -> None:
        said = self._value("video_source", None)
        if said == "youtube" and found.kind is not SourceKind.YOUTUBE:
            raise Unfit(
                f"found {shown(found.text)}, though video_source is youtube",
                "expected youtube_url with a YouTube URL, or video_source: file",
            )
        if said == "file" and found.kind is SourceKind.YOUTUBE:
            raise Unfit(
                f"found {shown(found.text)}, though video_source is file",
                "expected video_source: youtube, or leave video_source out",
            )

    def _check_order(self, start: float, end: float | None) -> None:
        if end is not None and end <= start:
            unfit = Unfit(
                f"found {end:g}, which is not after start_seconds ({start:g})",
                "expected the end of the part to be rendered, after its start",
            )
            self._refuse("end_seconds", unfit)

    def _tags(self) -> dict[str, str]:
        tags = {}
        for field in self._draft:
            if field.startswith(TAG_PREFIX):
                try:
                    if not (name := field.removeprefix(TAG_PREFIX)) or INVISIBLE.search(name):
                        raise Unfit("this tag has no name that can be shown", "give it one")
                    tags[name] = self._text(field)
                except Unfit as unfit:
                    self._refuse(field, unfit)
        return tags

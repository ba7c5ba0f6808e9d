"""A first manifest for a folder of media: short where the names are regular; pure.

Pairs whose names follow one pattern become a single job with a matrix; the rest are listed.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from glob import escape as glob_escaped
from pathlib import PurePosixPath

from batchsync.manifest.findings import INVISIBLE, Unfit
from batchsync.manifest.names import fit_name, folded
from batchsync.manifest.sources import source
from batchsync.manifest.writing import escaped, flow, flow_list, scalar
from batchsync.model import Role
from batchsync.pairing import Pair

SCHEMA_NAME = "batchsync.schema.json"

# Combinations that are left out of a pattern, as a share of it: beyond that, two shorter
# patterns read better than one with many exceptions.
_MOST_EXCEPTIONS = 0.1
# A pattern for fewer pairs is longer than the pairs themselves.
_FEWEST = 3

# An id takes 100 bytes at most, and most of it should be the stem.
_LONGEST_PREFIX = 24

_STEM = "${{ video.stem }}"
_LANGUAGE = "${{ matrix.lang }}"
# Characters that an id can't have, and what stands in for them.
_UNFIT = str.maketrans(dict.fromkeys('/\\:*?"<>|', "-"))


@dataclass(frozen=True, slots=True)
class Shape:
    """What pairs of one pattern share.

    Attributes:
        folder: of the videos, with a slash at its end where there is one.
        extension: of the videos, with its dot.
        audio: the audio's path, with `${{ … }}` for the stem and the language.
        speaks: whether names have a language.
    """

    folder: str
    extension: str
    audio: str
    speaks: bool


@dataclass(slots=True)
class Group:
    """Pairs of one shape, and how they are written.

    Attributes:
        pairs: that it stands for.
        globbed: whether a pattern finds the videos.
        exceptions: combinations of the matrix that no file is there for.
        prefix: of the ids, where stems alone would be given twice.
    """

    shape: Shape
    pairs: list[Pair]
    videos: list[str]
    languages: list[str]
    globbed: bool
    exceptions: list[tuple[str, str | None]] = field(default_factory=list)
    prefix: str = ""

    @property
    def size(self) -> int:
        """How many jobs it comes to."""
        return len(self.pairs)


def from_pairs(name: str, pairs: Sequence[Pair], videos: Iterable[str]) -> str:
    """A manifest for pairs.

    Args:
        name: of the batch.
        pairs: with paths relative to the manifest.
        videos: every video there is, also those without audio: a glob would find them, too.
    """
    groups, rest = arrange(pairs, list(videos))
    lines = [*_head(name), "jobs:"]
    for group in groups:
        lines += _group_lines(group)
    taken = {folded(each) for group in groups for each in _ids_of(group)}
    lines += _listed(rest, taken)
    return "\n".join([*lines, *_tail()]) + "\n"


def from_table(name: str, table: str) -> str:
    """A manifest for the rows of a csv file, whose path is relative to the manifest."""
    lines = [
        *_head(name),
        "# A row a job, a column a field: id, video, audio, end_seconds, style.generation_mode,",
        "# tags.lang and so on.",
        f"jobs_from: {flow_list([escaped(table)])}",
    ]
    return "\n".join([*lines, *_tail()]) + "\n"


def usable(path: str, role: Role) -> str | None:
    """A path as a manifest can say it, or None where its name is beyond that."""
    if INVISIBLE.search(path):
        return None
    # `./` tells a file from what begins like a URL or an asset.
    for text in (path, f"./{path}"):
        try:
            found = source(text, role, "")
        except Unfit:
            continue
        if found.is_local:
            return text
    return None


def arrange(pairs: Sequence[Pair], videos: Sequence[str]) -> tuple[list[Group], list[Pair]]:
    """The patterns among pairs, and the pairs that follow none."""
    shapes: dict[Shape, dict[str, Pair]] = {}
    rest: list[Pair] = []
    for pair in pairs:
        shape = _shape(pair)
        name = folded(f"{PurePosixPath(pair.video).stem}-{pair.language}")
        if shape is None or name in shapes.get(shape, {}):
            rest.append(pair)
        else:
            shapes.setdefault(shape, {})[name] = pair
    groups: list[Group] = []
    for shape, members in shapes.items():
        for group in _groups(shape, list(members.values()), videos):
            if group.size < _FEWEST:
                rest += group.pairs
            else:
                groups.append(group)
    _tell_apart(groups)
    return groups, rest


def _shape(pair: Pair) -> Shape | None:
    video = PurePosixPath(pair.video)
    stem, language = video.stem, pair.language
    if pair.video.startswith("./") or pair.audio.startswith("./"):
        return None
    folder = pair.video.removesuffix(video.name)
    where, _, name = pair.audio.rpartition("/")
    if not name.startswith(stem) or not _fits(f"{'x' * _LONGEST_PREFIX}{stem}-{language}"):
        return None
    tail = name.removeprefix(stem)
    if language and language in tail:
        audio = _STEM + escaped(tail).replace(language, _LANGUAGE, 1)
    elif language and PurePosixPath(where).name == language:
        where = where.removesuffix(language)
        audio = _LANGUAGE + "/" + _STEM + escaped(tail)
        return Shape(folder, video.suffix, escaped(where) + audio, True)
    elif language:
        return None
    else:
        audio = _STEM + escaped(tail)
    return Shape(
        folder, video.suffix, f"{escaped(where)}/{audio}" if where else audio, bool(language)
    )


def _fits(name: str) -> bool:
    try:
        return fit_name(name) == name
    except Unfit:
        return False


def _groups(shape: Shape, members: list[Pair], videos: Sequence[str]) -> Iterator[Group]:
    by_video: dict[str, list[Pair]] = {}
    for pair in members:
        by_video.setdefault(pair.video, []).append(pair)
    every = sorted({pair.language for pair in members if pair.language})
    missing: list[tuple[str, str | None]] = [
        (video, language)
        for video, own in by_video.items()
        for language in sorted(set(every) - {pair.language for pair in own})
    ]
    silent = [video for video in _found_by_glob(shape, videos) if video not in by_video]
    allowed = max(1, int(len(members) * _MOST_EXCEPTIONS))
    if len(missing) <= allowed:
        globbed = len(by_video) > 1 and len(missing) + len(silent) <= allowed
        without: list[tuple[str, str | None]] = [(video, None) for video in silent * globbed]
        yield Group(shape, members, sorted(by_video), every, globbed, [*without, *missing])
        return
    # Ragged: videos that have the same languages go together.
    sets: dict[tuple[str, ...], list[Pair]] = {}
    for own in by_video.values():
        sets.setdefault(tuple(sorted(pair.language for pair in own)), []).extend(own)
    for languages, together in sets.items():
        named = sorted({pair.video for pair in together})
        yield Group(shape, together, named, list(languages), globbed=False)


def _found_by_glob(shape: Shape, videos: Iterable[str]) -> list[str]:
    return [
        video
        for video in videos
        if video.startswith(shape.folder)
        and "/" not in video[len(shape.folder) :]
        and PurePosixPath(video).suffix == shape.extension
    ]


def _tell_apart(groups: Sequence[Group]) -> None:
    """Give groups whose ids would collide a prefix from their folders, or a number."""
    counts = Counter(folded(each) for group in groups for each in _ids_of(group))
    for number, group in enumerate(groups, start=1):
        if any(counts[folded(each)] > 1 for each in _ids_of(group)):
            group.prefix = _prefix(group.shape.folder) or f"{number}-"
    seen: set[str] = set()
    for number, group in enumerate(groups, start=1):
        if not seen.isdisjoint(ids := {folded(each) for each in _ids_of(group)}):
            group.prefix = f"{number}-{group.prefix}"
            ids = {folded(each) for each in _ids_of(group)}
        seen |= ids


def _prefix(folder: str) -> str:
    parts = [part for part in folder.split("/") if part not in ("", ".", "..")]
    prefix = f"{'-'.join(parts).translate(_UNFIT)}-"
    return prefix if parts and len(prefix) <= _LONGEST_PREFIX and _fits(prefix) else ""


def _ids_of(group: Group) -> list[str]:
    left_out = set(group.exceptions)
    return [
        f"{group.prefix}{PurePosixPath(video).stem}" + (f"-{language}" if language else "")
        for video in group.videos
        for language in group.languages or [""]
        if (video, language) not in left_out
    ]


def _head(name: str) -> list[str]:
    return [
        f"# yaml-language-server: $schema=./{SCHEMA_NAME}",
        "# Made by `batchsync init`. What a run would do and cost: batchsync plan, with this file.",
        "version: 1",
        f"name: {scalar(escaped(name))}",
        "",
        "defaults:",
        "  end_seconds: auto  # the shorter of the audio and what is left of the video",
        "  max_fps_limit: 25  # frames cost credits",
        "  style: {generation_mode: lite}  # lite and standard: 1 credit a frame; pro: 2",
        "",
    ]


def _tail() -> list[str]:
    return [
        "",
        "# run:",
        "#   max_credits: 5000  # over all runs of this batch",
    ]


def _group_lines(group: Group) -> Iterator[str]:
    shape = group.shape
    language = f"-{_LANGUAGE}" if group.languages else ""
    yield f"  # {group.size:,} jobs: {_in_words(group)}"
    yield f"  - id: {_text(escaped(group.prefix) + _STEM + language)}"
    alone = len(group.videos) == 1 and bool(group.languages) and not group.globbed
    yield "    matrix:"
    if alone:
        pass
    elif group.globbed:
        pattern = glob_escaped(shape.folder) + "*" + glob_escaped(shape.extension)
        yield f"      video: {flow({'glob': escaped(pattern)})}"
    else:
        yield "      video:"
        yield from (f"        - {_text(escaped(video))}" for video in group.videos)
    if group.languages:
        yield f"      lang: {flow_list(group.languages)}"
    if group.exceptions:
        yield "      exclude:  # no such files"
        for video, missing in group.exceptions:
            entry = {"video": escaped(video)} | ({"lang": missing} if missing else {})
            yield f"        - {flow(entry)}"
    video = _text(escaped(group.videos[0])) if alone else "${{ matrix.video }}"
    yield f"    video: {video}"
    yield f"    audio: {_text(shape.audio)}"
    if group.languages:
        yield f'    tags: {{lang: "{_LANGUAGE}"}}'


def _in_words(group: Group) -> str:
    videos = f"{len(group.videos):,} video{'s' * (len(group.videos) > 1)}"
    if not group.languages:
        return f"{videos}, each with one audio"
    return f"{videos} in {len(group.languages):,} language{'s' * (len(group.languages) > 1)}"


def _text(text: str) -> str:
    """A value in a block: expressions read better without quotes, where YAML allows it."""
    bare = text.replace("${{ ", "").replace(" }}", "")
    plain = text.startswith("$") or text[:1].isalpha()
    return text if plain and scalar(bare) == bare else scalar(text)


def _listed(pairs: Sequence[Pair], taken: set[str]) -> Iterator[str]:
    for pair in sorted(pairs, key=lambda each: (each.video, each.language, each.audio)):
        name = _free(_name_of(pair), taken)
        taken.add(folded(name))
        tags = f", tags: {flow({'lang': pair.language})}" if pair.language else ""
        fields: Mapping[str, str] = {
            "id": escaped(name),
            "video": escaped(pair.video),
            "audio": escaped(pair.audio),
        }
        yield f"  - {flow(fields)[:-1]}{tags}}}"


def _name_of(pair: Pair) -> str:
    stem = PurePosixPath(pair.video).stem.translate(_UNFIT).strip(" .")
    name = f"{stem}-{pair.language}" if pair.language else stem
    try:
        return fit_name(name)
    except Unfit:
        return f"job-{pair.language}" if pair.language else "job"


def _free(name: str, taken: set[str]) -> str:
    choice, number = name, 1
    while folded(choice) in taken:
        number += 1
        choice = f"{name}-{number}"
    return choice

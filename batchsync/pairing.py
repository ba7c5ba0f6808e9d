"""Which audio belongs to which video, by their names; pure, on lists of relative paths.

A narration carries the video's stem and, at its end or as its folder, a language:
`intro.mp4` goes with `intro.es.mp3`, `intro_fr.wav`, `fr/intro.m4a` and `intro.wav`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from batchsync.model import AUDIO_EXTENSIONS, VIDEO_EXTENSIONS

# ISO 639-1, and the longer codes that people use. Any two letters would not do: `ad_v2.wav` and
# `raw_mix.wav` name no language.
_CODES_IN_USE = """
aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de
dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id
ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu
lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu
rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr
ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
ara ast ben ces cmn deu eng fil fra haw heb hin hmn ind ita jpn kor nld pol por rus spa swe tam tel
tha tur ukr urd vie yue zho
"""
_CODES = frozenset(_CODES_IN_USE.split())
_LANGUAGE = re.compile(r"([a-z]{2,3})(?:[-_][a-z]{4})?(?:[-_](?:[a-z]{2}|[0-9]{3}))?", re.I)
_SEPARATORS = "._- "

NO_VIDEO = "no video has its name"
TWO_VIDEOS = "more than one video fits"
TWO_AUDIOS = "another audio fits the same video and language"
NO_AUDIO = "no audio has its name"


@dataclass(frozen=True, slots=True)
class Pair:
    """One video with one narration; paths are relative, with forward slashes.

    Attributes:
        language: as the name spells it; empty where it names none.
    """

    video: str
    audio: str
    language: str


@dataclass(frozen=True, slots=True)
class Pairing:
    """What was found; `unpaired` says of each file left over why."""

    pairs: tuple[Pair, ...]
    unpaired: Mapping[str, str]


def is_language(text: str) -> bool:
    """Whether a text is a language code such as es, pt-BR or zh-Hant."""
    match = _LANGUAGE.fullmatch(text)
    return match is not None and match[1].lower() in _CODES


def pair(paths: Iterable[str]) -> Pairing:
    """Pair videos and audios; other files are passed over."""
    videos, audios = _sorted_out(sorted(paths))
    shelf = _Shelf(videos)
    unpaired: dict[str, str] = {}
    taken: dict[tuple[str, str], str] = {}
    pairs = []
    for audio in audios:
        found, language = shelf.match(audio)
        if len(found) != 1:
            unpaired[audio] = TWO_VIDEOS if found else NO_VIDEO
        elif (found[0], language.lower()) in taken:
            unpaired[audio] = TWO_AUDIOS
        else:
            taken[found[0], language.lower()] = audio
            pairs.append(Pair(found[0], audio, language))
    paired = {each.video for each in pairs}
    unpaired |= {video: NO_AUDIO for video in videos if video not in paired}
    pairs.sort(key=lambda each: (each.video, each.language.lower(), each.audio))
    return Pairing(tuple(pairs), unpaired)


def _sorted_out(paths: Sequence[str]) -> tuple[list[str], list[str]]:
    videos, audios = [], []
    for path in paths:
        extension = PurePosixPath(path).suffix.lower().removeprefix(".")
        # webm may be both; it is an audio where its name says a language, as narrations do.
        if extension in VIDEO_EXTENSIONS and not (
            extension == "webm" and any(_splits(_stem(path)))
        ):
            videos.append(path)
        elif extension in AUDIO_EXTENSIONS:
            audios.append(path)
    return videos, audios


def _stem(path: str) -> str:
    return PurePosixPath(path).stem


def _splits(stem: str) -> Iterator[tuple[str, str]]:
    """Ways to see a name and a language in a stem, the longest name first."""
    for at in range(len(stem) - 2, 0, -1):
        if stem[at] in _SEPARATORS and is_language(stem[at + 1 :]):
            yield stem[:at], stem[at + 1 :]


class _Shelf:
    """Videos by their names."""

    def __init__(self, videos: Iterable[str]) -> None:
        self._whole: dict[str, list[str]] = {}
        self._bare: dict[str, list[str]] = {}
        for video in videos:
            stem = _stem(video)
            self._whole.setdefault(stem.casefold(), []).append(video)
            # The original may say its own language: intro.en.mp4 with intro.es.mp3.
            for name, _ in _splits(stem):
                self._bare.setdefault(name.casefold(), []).append(video)

    def match(self, audio: str) -> tuple[list[str], str]:
        """The videos that fit best, and the language."""
        stem, folder = _stem(audio), PurePosixPath(audio).parent.name
        if videos := self._whole.get(stem.casefold()):
            # fr/intro.m4a beside fr/intro.mp4 is a pair of its own, which names no language.
            near = _nearest(videos, audio)
            apart = all(PurePosixPath(video).parent.name != folder for video in near)
            return near, folder if apart and is_language(folder) else ""
        for shelf in (self._whole, self._bare):
            for name, language in _splits(stem):
                if videos := shelf.get(name.casefold()):
                    return _nearest(videos, audio), language
        if is_language(folder):
            return _nearest(self._bare.get(stem.casefold(), []), audio), folder
        return [], ""


def _nearest(videos: list[str], audio: str) -> list[str]:
    """Those of some videos that the fewest folders lie between."""
    if len(videos) < 2:
        return videos
    distances = [_distance(video, audio) for video in videos]
    return [v for v, distance in zip(videos, distances, strict=True) if distance == min(distances)]


def _distance(one: str, other: str) -> int:
    a, b = one.split("/")[:-1], other.split("/")[:-1]
    shared = 0
    while shared < min(len(a), len(b)) and a[shared] == b[shared]:
        shared += 1
    return len(a) + len(b) - 2 * shared

"""Real media, tiny, made once a session."""

import math
import struct
import wave
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from batchsync.sandbox.samples import write_audio, write_video

SECONDS = 2.0
FPS = 25
VIDEOS = ("ann", "bob", "cat", "dan")
LANGUAGES = ("de", "en", "es", "fr", "it", "ja")
_RATE = 8000


@dataclass(frozen=True)
class Media:
    """Where the files lie."""

    folder: Path

    @property
    def clip(self) -> Path:
        """An mp4 to begin other files with."""
        return self.folder / "clip.mp4"

    @property
    def mp3(self) -> Path:
        """A real mp3."""
        return self.folder / "voice.mp3"

    def video(self, name: str = "ann") -> Path:
        """One of four videos, all of one length and rate."""
        return self.folder / f"{name}.mp4"

    def audio(self, name: str = "ann", language: str = "de") -> Path:
        """A narration; no two are alike."""
        return self.folder / f"{name}.{language}.wav"


def make_media(folder: Path) -> Media:
    """Make the files, unless another process has."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        if not (folder / "made").exists():
            _make(Media(folder))
            (folder / "made").touch()
    return Media(folder)


def _make(media: Media) -> None:
    write_video(media.clip, seconds=SECONDS, fps=FPS, width=64, height=36)
    write_audio(media.mp3, seconds=SECONDS)
    for number, name in enumerate(VIDEOS):
        media.video(name).write_bytes(with_free_box(media.clip.read_bytes(), name.encode()))
        for place, language in enumerate(LANGUAGES):
            write_tone(media.audio(name, language), 200 + 40 * number + 5 * place)


def with_free_box(mp4: bytes, payload: bytes) -> bytes:
    """The same video with other bytes."""
    return mp4 + struct.pack(">I4s", len(payload) + 8, b"free") + payload


def write_tone(path: Path, hertz: float, seconds: float = SECONDS) -> Path:
    """A wav of one tone."""
    samples = (
        int(8000 * math.sin(2 * math.pi * hertz * index / _RATE))
        for index in range(int(seconds * _RATE))
    )
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, _RATE, 0, "NONE", ""))
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return path

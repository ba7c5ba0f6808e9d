"""What stands in for media that only a network could fetch: generated, and the same each time."""

from hashlib import sha256
from pathlib import Path
from threading import Lock

from batchsync.sandbox.samples import write_audio, write_video
from batchsync.sandbox.synthesis import PATTERNS, VOICES


class StandIns:
    """A folder of generated clips and voices, one per URL and length."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()

    def video(self, url: str, seconds: float) -> Path:
        """A clip for a URL."""
        digest = self._digest(url, seconds)
        path = self._folder / f"{digest}.mp4"
        pattern = sorted(PATTERNS)[int(digest[:4], 16) % len(PATTERNS)]
        # One at a time: two jobs may want the same file, and they are quickly made.
        with self._lock:
            if not path.exists():
                part = path.with_suffix(".part.mp4")
                write_video(part, seconds=seconds, pattern=pattern).replace(path)
        return path

    def audio(self, url: str, seconds: float) -> Path:
        """A voice for a URL."""
        digest = self._digest(url, seconds)
        path = self._folder / f"{digest}.wav"
        voice = sorted(VOICES)[int(digest[:4], 16) % len(VOICES)]
        with self._lock:
            if not path.exists():
                part = path.with_suffix(".part.wav")
                write_audio(part, seconds=seconds, voice=voice).replace(path)
        return path

    @staticmethod
    def _digest(url: str, seconds: float) -> str:
        return sha256(f"{url} {seconds:.3f}".encode()).hexdigest()[:24]

"""The files that benches work on; also `python -m tests.bench.material FOLDER SIZE SECONDS HEIGHT`.

Made by a process of its own, so that PyAV does not weigh on the one that measures.
"""

import argparse
import random
import struct
import subprocess
import wave
from pathlib import Path

from tests.bench.measuring import module

_HEADER = 16
_BLOCK = 1 << 20
# Of narrations: bytes a sample, samples a second.
_SAMPLE, _RATE = 2, 24_000


def clip_and_voice(
    folder: Path, size: int = 0, seconds: float = 1.0, height: int = 180
) -> tuple[Path, Path]:
    """A video, padded to `size` bytes where that is more, and a voice for it."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(module("material", folder, size, seconds, height), check=True)
    return folder / "clip.mp4", folder / "voice.wav"


def copies(original: Path, folder: Path, count: int) -> list[Path]:
    """Files of the same medium (mp4 or wav) with contents of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    content = original.read_bytes()
    paths = [folder / f"{number:06d}{original.suffix}" for number in range(count)]
    for number, path in enumerate(paths):
        if path.suffix == ".mp4":
            # Players stop reading before this; a hash does not.
            path.write_bytes(content + struct.pack(">I4sQ", _HEADER, b"free", number))
        else:
            path.write_bytes(content)
            _stamp(path, number)
    return paths


def _stamp(wav: Path, number: int) -> None:
    # The last samples differ: nobody hears it, and each file is a content of its own.
    with wav.open("r+b") as file:
        file.seek(-4, 2)
        file.write(struct.pack("<I", number))


def videos(clip: Path, folder: Path, sizes: list[int]) -> list[Path]:
    """The clip, padded to each of the sizes."""
    paths = copies(clip, folder, len(sizes))
    for path, size in zip(paths, sizes, strict=True):
        pad(path, size)
    return paths


def narrations(folder: Path, sizes: list[int]) -> list[Path]:
    """Noise as WAV, mono, of each of the sizes."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:06d}.wav" for number in range(len(sizes))]
    for number, (path, size) in enumerate(zip(paths, sizes, strict=True)):
        with wave.open(str(path), "wb") as file:
            file.setparams((1, _SAMPLE, _RATE, 0, "NONE", ""))
            file.writeframes(random.Random(number).randbytes(size // _SAMPLE * _SAMPLE))
    return paths


def pad(path: Path, size: int) -> None:
    """Grow an mp4 to `size` bytes by a box that players skip, of noise."""
    room = size - path.stat().st_size
    if room < _HEADER:
        return
    block = random.Random(size).randbytes(_BLOCK)
    with path.open("ab") as file:
        # Size 1 says that the 64-bit size follows.
        file.write(struct.pack(">I4sQ", 1, b"free", room))
        left = room - _HEADER
        while left > 0:
            left -= file.write(block[: min(left, _BLOCK)])


def _make(folder: Path, size: int, seconds: float, height: int) -> None:
    from batchsync.sandbox.samples import write_audio, write_video

    width = height * 16 // 9
    pad(write_video(folder / "clip.mp4", seconds=seconds, width=width, height=height), size)
    write_audio(folder / "voice.wav", seconds=seconds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.material")
    parser.add_argument("folder", type=Path)
    parser.add_argument("size", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("height", type=int)
    arguments = parser.parse_args()
    _make(arguments.folder, arguments.size, arguments.seconds, arguments.height)

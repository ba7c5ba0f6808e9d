"""The files that benches work on; also `python -m tests.bench.material SIZE FOLDER`.

Made by a process of its own, so that PyAV does not weigh on the one that measures.
"""

import argparse
import struct
import subprocess
from pathlib import Path

from tests.bench.measuring import module

_HEADER = 16
_BLOCK = 1 << 20


def clip_and_voice(folder: Path, size: int = 0) -> tuple[Path, Path]:
    """A second of video, padded to `size` bytes where that is more, and a voice for it."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(module("material", size, folder), check=True)
    return folder / "clip.mp4", folder / "voice.wav"


def copies(original: Path, folder: Path, count: int) -> list[Path]:
    """Files of the same medium with contents of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    content = original.read_bytes()
    paths = [folder / f"{number:06d}{original.suffix}" for number in range(count)]
    for number, path in enumerate(paths):
        # Players stop reading before this; a hash does not.
        path.write_bytes(content + _free_box(number) if path.suffix == ".mp4" else content)
        if path.suffix == ".wav":
            _stamp(path, number)
    return paths


def _free_box(number: int) -> bytes:
    return struct.pack(">I4sQ", _HEADER, b"free", number)


def _stamp(wav: Path, number: int) -> None:
    # The last samples differ: nobody hears it, and each file is a content of its own.
    with wav.open("r+b") as file:
        file.seek(-4, 2)
        file.write(struct.pack("<I", number))


def pad(path: Path, size: int) -> None:
    """Grow an mp4 to `size` bytes by a box that players skip."""
    room = size - path.stat().st_size
    if room < _HEADER:
        return
    with path.open("ab") as file:
        # Size 1 says that the 64-bit size follows.
        file.write(struct.pack(">I4sQ", 1, b"free", room))
        block = bytes(range(256)) * (_BLOCK // 256)
        left = room - _HEADER
        while left > 0:
            left -= file.write(block[: min(left, _BLOCK)])


def _make(size: int, folder: Path) -> None:
    from batchsync.sandbox.samples import write_audio, write_video

    pad(write_video(folder / "clip.mp4", seconds=1.0), size)
    write_audio(folder / "voice.wav", seconds=1.0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.material")
    parser.add_argument("size", type=int)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    _make(arguments.size, arguments.folder)

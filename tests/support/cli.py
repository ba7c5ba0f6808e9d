"""The real command, in a process of its own."""

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

from tests.strict import KEY

ROOT = Path(__file__).parents[2]
SCRIPT = Path(sys.executable).with_name("batchsync")

# Looks come quickly here; every other wait is what users get.
_QUICK = {"BATCHSYNC_POLL_MIN": "0.05", "BATCHSYNC_POLL_MAX": "0.2"}
_OPENER = build_opener(ProxyHandler({}))


def until(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Wait for something to become true; its value.

    Raises:
        AssertionError: it does not.
    """
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return found


@dataclass(frozen=True)
class Ended:
    """A command that has come to its end."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def json(self) -> Any:
        """What `--json` printed."""
        return json.loads(self.out)

    @property
    def said(self) -> str:
        """Both streams."""
        return self.out + self.err


class Running:
    """A command under way. Its streams go to files, so that they can be looked at meanwhile."""

    def __init__(
        self, arguments: tuple[str, ...], cwd: Path, env: Mapping[str, str], stdin: Any
    ) -> None:
        self._streams = (tempfile.TemporaryFile(), tempfile.TemporaryFile())  # noqa: SIM115
        self._begin = time.monotonic()
        self._process = subprocess.Popen(
            [str(SCRIPT), *arguments],
            cwd=cwd,
            env=dict(env),
            stdin=stdin,
            stdout=self._streams[0],
            stderr=self._streams[1],
        )

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs still."""
        return self._process.poll() is None

    def _read(self, which: int) -> str:
        # At a place of our own: the child shares the file's.
        descriptor = self._streams[which].fileno()
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode()

    @property
    def err(self) -> str:
        """Standard error so far."""
        return self._read(1)

    def send(self, number: signal.Signals) -> "Running":
        """Send a signal."""
        self._process.send_signal(number)
        self._begin = time.monotonic()
        return self

    def end(self, seconds: float = 60.0) -> Ended:
        """Wait for the end; `Ended.seconds` counts from the latest signal, or the start."""
        code = self._process.wait(seconds)
        taken = time.monotonic() - self._begin
        return Ended(code, self._read(0), self._read(1), taken)

    def close(self) -> None:
        """Leave nothing behind."""
        if self.alive:
            self._process.kill()
        self._process.wait()
        for stream in self._streams:
            stream.close()


def environment(base_url: str | None, key: str | None, **more: str | None) -> dict[str, str]:
    """A process's environment, with nothing of this one's but what finding programs needs."""
    given: dict[str, str | None] = {
        **{name: os.environ.get(name) for name in ("PATH", "HOME", "LANG", "TMPDIR")},
        **_QUICK,
        "MAGIC_HOUR_BASE_URL": base_url,
        "MAGIC_HOUR_API_KEY": key,
        **more,
    }
    return {name: value for name, value in given.items() if value is not None}


def run_cli(
    *arguments: object,
    cwd: Path,
    base_url: str | None = None,
    key: str | None = KEY,
    **env: str | None,
) -> Ended:
    """Run `batchsync ARGUMENTS` to its end."""
    return Cli(cwd, base_url, key)(*arguments, **env)


@dataclass
class Cli:
    """`batchsync` in one folder, against one server.

    Attributes:
        cwd: where commands are given.
        base_url: of the server; None is the default, the real service.
        key: None is none at all.
        running: processes to be closed at the end.
    """

    cwd: Path
    base_url: str | None = None
    key: str | None = KEY
    running: list[Running] = field(default_factory=list)

    def start(self, *arguments: object, stdin: Any = subprocess.DEVNULL, **env: Any) -> Running:
        """Begin a command; keywords are environment variables."""
        words = tuple(str(word) for word in arguments)
        process = Running(words, self.cwd, environment(self.base_url, self.key, **env), stdin)
        self.running.append(process)
        return process

    def __call__(self, *arguments: object, **env: Any) -> Ended:
        """Run a command to its end."""
        process = self.start(*arguments, **env)
        ended = process.end()
        process.close()
        self.running.remove(process)
        return ended

    def follow(self, command: str, **env: Any) -> Ended:
        """Run a command that batchsync has printed."""
        program, *words = shlex.split(command)
        assert program == "batchsync"
        return self(*words, **env)

    def close(self) -> None:
        """End what is left."""
        for process in self.running:
            process.close()


@dataclass(frozen=True)
class Served:
    """A server in a process of its own."""

    base_url: str
    pid: int

    def ask(self, path: str) -> Any:
        """One look at its own accounting."""
        with _OPENER.open(self.base_url + path, timeout=30) as answer:
            return json.load(answer)


@contextmanager
def strict_process(clip: Path, folder: Path, *flags: str) -> Iterator[Served]:
    """`python -m tests.strict`, until the block ends."""
    ready = folder / "strict.ready"
    words = ["-m", "tests.strict", "--clip", str(clip), "--ready", str(ready), *flags]
    with _served([sys.executable, *words], ready) as process:
        yield Served(ready.read_text(), process.pid)


@contextmanager
def sandbox_process(folder: Path, *flags: str) -> Iterator[Served]:
    """`batchsync sandbox`, until the block ends."""
    ready = folder / "sandbox.ready"
    words = ["sandbox", "--port", "0", "-q", "--ready-file", str(ready), *flags]
    with _served([str(SCRIPT), *words], ready) as process:
        yield Served(json.loads(ready.read_text())["base_url"], process.pid)


@contextmanager
def _served(command: list[str], ready: Path) -> Iterator[subprocess.Popen[bytes]]:
    ready.parent.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(command, cwd=ROOT, env=environment(None, None))
    try:
        until(lambda: ready.exists() or process.poll() is not None)
        assert process.poll() is None, "the server did not start"
        yield process
        process.terminate()
        assert process.wait(10) == 0
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()

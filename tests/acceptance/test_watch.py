"""What a run looks like: on a terminal, in a log, and from another terminal."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.strict import KEY, Strict
from tests.support.batches import Batch
from tests.support.cli import SCRIPT, environment, run_cli, until
from tests.support.terminal import Terminal


@pytest.fixture
def terminal(batch: Batch) -> Iterator[Callable[..., Terminal]]:
    """Gives a command on a terminal of its own."""
    opened: list[Terminal] = []

    def start(server: Strict, *words: str, columns: int = 80, **env: str) -> Terminal:
        opened.append(
            Terminal(
                [str(SCRIPT), *words],
                batch.folder,
                environment(server.base_url, KEY, **env),
                columns,
                30,
            )
        )
        return opened[-1]

    yield start
    for each in opened:
        each.__exit__()


def _finish(server: Strict) -> None:
    server.rules.render_seconds = 0
    for project in list(server.projects.values()):
        project.seconds = 0


def test_a_run_on_a_terminal_shows_how_it_gets_on(batch, terminal, long_renders):
    run = terminal(long_renders, "run", "batch.yaml")
    run.until(lambda: "4 rendering" in run.text)
    assert re.search(r"upload +━+ +4/4", run.text)
    assert re.search(r"render +─+ +0/4 +4 rendering", run.text)
    assert re.search(r"ann-de +rendering +0:0\d", run.text)
    assert "credits   0 spent · 240 reserved" in run.text
    assert run.cursor_is_hidden
    run.resize(40, 20)
    run.until(lambda: re.search(r"^render +─{1,9} +0/4", run.text, re.MULTILINE))
    assert all(len(line) <= 40 for line in run.lines)
    _finish(long_renders)
    assert run.end() == 0
    assert "all 4 jobs done" in run.text.replace("\n", " ")
    assert "━" not in run.text
    assert not run.cursor_is_hidden


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_gives_the_terminal_back(terminal, against, batch, times):
    server = against(hang=("create",))
    batch.write_pairs(2)
    run = terminal(server, "run", "batch.yaml")
    run.until(lambda: server.requests["create"] and run.cursor_is_hidden)
    run.press_ctrl_c()
    if times == 2:
        run.until(lambda: "leaving: SIGINT" in run.text)
        run.press_ctrl_c()
    assert run.end() == 130
    assert not run.cursor_is_hidden


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"NO_COLOR": "1", "PYTHONIOENCODING": "ascii"}])
def test_a_terminal_gets_no_more_than_it_can_show(terminal, long_renders, env):
    run = terminal(long_renders, "run", "batch.yaml", **env)
    run.until(lambda: "submitted" in run.text if "TERM" in env else "4 rendering" in run.text)
    _finish(long_renders)
    assert run.end() == 0
    if "TERM" in env:
        assert b"\x1b" not in run.written
    else:
        assert not re.search(rb"\x1b\[[0-9;]*3[0-9]m", run.written)
        assert run.written.isascii()
        assert b"upload    ###" in re.sub(rb"\x1b\[[0-9;]*m", b"", run.written)


def test_a_pipe_gets_plain_lines_even_if_colors_are_forced(batch, cli, against):
    against()
    batch.write_pairs(2)
    ended = cli("run", "batch.yaml", FORCE_COLOR="1")
    assert ended.code == 0
    assert "\x1b" not in ended.err
    assert "ann-de: done" in ended.err
    # Colors were asked for; the cursor is nobody's to move.
    assert ended.out.startswith("\x1b[32mbatch: all 2 jobs done")


def test_a_run_is_watched_from_another_terminal_until_all_is_done(batch, terminal, cli, against):
    server = against(render_seconds=600, fates={"ann-en": "error:no_source_face"})
    batch.write_pairs(4)
    run = cli.start("run", "batch.yaml", "-q")
    until(lambda: len(server.projects) == 4)
    watch = terminal(server, "status", "batch.yaml", "--watch", "--interval", "0.1")
    watch.until(lambda: "4 rendering" in watch.text)
    assert re.search(r"ann-de +rendering +0:0\d", watch.text)
    assert "240 reserved" in watch.text
    assert server.requests["create"] == 4
    _finish(server)
    assert run.end().code == 3
    assert watch.end() == 0
    assert "batch: 3 done · 1 failed" in watch.text
    assert "no_source_face: 1 job (ann-en)" in watch.text
    assert "next      batchsync retry batch.yaml --failed" in watch.text
    assert not watch.cursor_is_hidden
    assert batch.strays() == []


def test_watching_begins_before_the_run_and_ends_by_ctrl_c(batch, terminal, cli, long_renders):
    watch = terminal(long_renders, "status", "batch.yaml", "--watch", "--interval", "0.1")
    watch.until(lambda: "no run has begun yet; to go on: batchsync run batch.yaml" in watch.text)
    assert not batch.ledger.exists()
    run = cli.start("run", "batch.yaml", "-q")
    watch.until(lambda: "4 rendering" in watch.text)
    run.send(signal.SIGINT).end()
    watch.until(lambda: "no run is at work; to go on: batchsync run batch.yaml" in watch.text)
    watch.press_ctrl_c()
    assert watch.end() == 130
    assert not watch.cursor_is_hidden


def test_watching_as_json_gives_an_object_a_line_for_each_change(batch, cli, long_renders):
    run = cli.start("run", "batch.yaml", "-q")
    until(lambda: len(long_renders.projects) == 4)
    with subprocess.Popen(
        [SCRIPT, "status", "batch.yaml", "--watch", "--json", "--interval", "0.1"],
        cwd=batch.folder,
        env=environment(None, None),
        stdout=subprocess.PIPE,
        text=True,
    ) as watch:
        first = json.loads(watch.stdout.readline())
        _finish(long_renders)
        assert run.end().code == 0
        rest = [json.loads(line) for line in watch.stdout]
    assert watch.returncode == 0
    assert first["running"] is True
    assert first["states"] == {"submitted": 4} or first["states"]
    assert (rest[-1]["running"], rest[-1]["states"]) == (False, {"done": 4})
    assert len(rest) == len({json.dumps(each) for each in rest})


def test_watching_a_batch_that_is_done_says_so_and_ends(batch, cli, against):
    against()
    batch.write_pairs(2)
    assert cli("run", "batch.yaml").code == 0
    files = batch.snapshot()
    ended = cli("status", "batch.yaml", "--watch")
    assert ended.code == 0
    assert ended.out.splitlines()[0].startswith("2 of 2 ended")
    assert batch.snapshot() == files


@pytest.mark.parametrize("arguments", [["--help"], ["status", "--help"], ["status", "batch.yaml"]])
def test_commands_that_should_be_instant_load_nothing_heavy(batch, arguments):
    batch.write_pairs(2)
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "batchsync", *arguments],
        cwd=batch.folder,
        env=environment(None, None),
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()}
    packages = {name.partition(".")[0] for name in loaded}
    heavy = {"aiohttp", "av", "numpy", "tenacity", "structlog", "apprise", "jinja2", "plotly"}
    assert not packages & {*heavy, "pandas", "pyarrow", "openpyxl", "xlsxwriter"}
    assert not {name for name in loaded if name in ("rich.console", "rich.table", "rich.live")}
    if arguments == ["--help"]:
        assert not packages & {"pydantic", "yaml", "sqlite3", "asyncio", "rich"}


# Asks what bash offers at the end of each line, by the script that the command prints.
_ASK = """
eval "$(batchsync --show-completion bash)"
for line in "$@"; do
  COMP_WORDS=($line) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  _batchsync_completion batchsync
  echo "${COMPREPLY[*]}"
done
"""


def test_bash_completes_commands_manifests_and_jobs(batch, cli, against):
    against(fates={"ann-en": "error:no_source_face"})
    batch.write_pairs(3)
    (batch.folder / "notes.txt").touch()
    assert cli("run", "batch.yaml").code == 3
    offered = {
        "batchsync stat": "status",
        "batchsync status ba": "batch.yaml",
        "batchsync status no": "",
        "batchsync retry batch.yaml an": "ann-en",
        "batchsync fetch batch.yaml an": "ann-de ann-es",
        "batchsync status --wat": "--watch",
    }
    path = f"{SCRIPT.parent}{os.pathsep}{os.environ['PATH']}"
    asked = subprocess.run(
        ["bash", "--norc", "-c", _ASK, "bash", *offered],
        cwd=batch.folder,
        env=environment(None, None, PATH=path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stderr == ""
    assert dict(zip(offered, asked.stdout.splitlines(), strict=True)) == offered


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("rnu x.yaml", "Did you mean 'run'"),
        ("status . --watch", "this is a folder"),
        ("status batch.yaml --only nothing-*", "no job of the manifest fits"),
    ],
)
def test_nonsense_is_answered_in_words_that_help(batch: Batch, words: str, said: str) -> None:
    batch.write_pairs(1)
    ended = run_cli(*words.split(), cwd=batch.folder, key=None)
    assert ended.code == 2
    assert said in " ".join(ended.err.split())
    assert "Traceback" not in ended.said

"""What docs/scheduling.md shows is what the command takes."""

import configparser
import inspect
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from batchsync.cli.run import run

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = DOCS / "examples"
SHORT = {"-q": "quiet"}


def _flags(words: list[str]) -> set[str]:
    named = {word for word in words if word.startswith("-")}
    return {SHORT.get(flag, flag.removeprefix("--").replace("-", "_")) for flag in named}


def _known() -> set[str]:
    return set(inspect.signature(run).parameters)


def test_the_systemd_service_runs_a_command_that_exists() -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(EXAMPLES / "batchsync.service")
    words = shlex.split(unit["Service"]["ExecStart"])
    assert words[1] == "run"
    assert _flags(words[2:]) <= _known()
    assert unit["Service"]["SuccessExitStatus"] == "6"


def test_the_cronjob_runs_a_command_that_exists() -> None:
    job = yaml.safe_load((EXAMPLES / "cronjob.yaml").read_text("utf-8"))
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "CronJob")
    [container] = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["args"][:2] == ["batchsync", "run"]
    assert _flags(container["args"][2:]) <= _known()


def test_every_flag_of_the_page_is_known() -> None:
    text = (DOCS / "scheduling.md").read_text("utf-8")
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) - {"--now"}
    assert _flags(sorted(named)) <= _known() | {"json"}


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
def test_systemd_finds_nothing_wrong_but_that_the_command_is_not_installed() -> None:
    units = [str(EXAMPLES / name) for name in ("batchsync.service", "batchsync.timer")]
    done = subprocess.run(
        ["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False
    )
    complaints = [line for line in done.stderr.splitlines() if "batchsync" in line]
    assert all("is not executable" in line for line in complaints), done.stderr

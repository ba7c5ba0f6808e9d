"""The Python API is one page of names: all there, all documented, typed, and nothing else."""

import dataclasses
import inspect
import re
import tomllib
import typing
from pathlib import Path
from typing import Any

import pytest

import batchsync
from batchsync import errors, events
from batchsync.library.keywords import (
    COMMANDS_OWN,
    PLACES,
    BatchKeywords,
    RunKeywords,
    check_names,
)
from batchsync.settings import RunSettings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "python.md").read_text("utf-8")
CLASSES = [
    getattr(batchsync, name)
    for name in batchsync.__all__
    if inspect.isclass(getattr(batchsync, name))
]
FUNCTIONS = [batchsync.generate, batchsync.agenerate]
METHODS = [
    (kind, name)
    for kind in CLASSES
    for name, member in inspect.getmembers(kind)
    if not name.startswith("_")
    and (inspect.isfunction(member) or inspect.ismethod(member) or isinstance(member, property))
    and not issubclass(kind, Exception | int)
]


def test_the_names_are_these_and_in_order() -> None:
    assert batchsync.__all__ == [
        "AsyncClient",
        "Batch",
        "BatchPlan",
        "BatchsyncError",
        "Client",
        "ExitCode",
        "Generated",
        "JobResult",
        "JobSpec",
        "PlannedJob",
        "RunResult",
        "__version__",
        "agenerate",
        "errors",
        "events",
        "generate",
    ]


@pytest.mark.parametrize("name", batchsync.__all__)
def test_a_name_is_there_and_on_the_page(name: str) -> None:
    assert getattr(batchsync, name) is not None
    assert name in dir(batchsync)
    assert f"`{name}`" in PAGE


def test_a_star_import_gives_these_names_alone() -> None:
    names: dict[str, Any] = {}

    exec("from batchsync import *", names)

    assert set(names) - {"__builtins__"} == set(batchsync.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Runner'"):
        batchsync.Runner  # noqa: B018


def test_the_names_that_tools_see_are_those_that_programs_get() -> None:
    source = inspect.getsource(batchsync)
    block = source[source.index("if TYPE_CHECKING:") : source.index("__all__")]
    seen: dict[str, Any] = {}

    exec(block.replace("if TYPE_CHECKING:", "if True:"), seen)

    for name in set(batchsync.__all__) - {"__version__"}:
        assert seen[name] is getattr(batchsync, name)


def test_every_error_of_the_page_exists_and_every_event_is_exported_by_its_module() -> None:
    table = PAGE[PAGE.index("## Errors") :]
    named = set(re.findall(r"`([A-Z]\w+)`", table)) - {"TypeError"}

    assert named
    assert all(issubclass(getattr(errors, name), errors.BatchsyncError) for name in named)
    assert all(dataclasses.is_dataclass(kind) for kind in typing.get_args(events.Event))


@pytest.mark.parametrize(
    "thing", [*CLASSES, *FUNCTIONS], ids=lambda thing: getattr(thing, "__name__", "?")
)
def test_what_is_public_says_what_it_is(thing: Any) -> None:
    assert inspect.getdoc(thing)


@pytest.mark.parametrize(
    ("kind", "name"), METHODS, ids=lambda part: getattr(part, "__name__", part)
)
def test_a_public_method_says_what_it_does(kind: type, name: str) -> None:
    member = inspect.getattr_static(kind, name)
    assert inspect.getdoc(getattr(kind, name)) or inspect.getdoc(member)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_argument_is_explained(function: Any) -> None:
    explained = inspect.getdoc(batchsync.generate) or ""

    for name in inspect.signature(function).parameters:
        shown = f"**{name}:" if name == "settings" else f"{name}:"
        assert shown in explained
    assert "Raises:" in explained


@pytest.mark.parametrize("kind", [kind for kind in CLASSES if dataclasses.is_dataclass(kind)])
def test_results_can_not_be_changed(kind: Any) -> None:
    assert kind.__dataclass_params__.frozen


def test_the_keywords_are_settings_of_a_run() -> None:
    known = set(RunSettings.model_fields)

    assert set(RunKeywords.__annotations__) <= known
    assert set(BatchKeywords.__annotations__) - set(RunKeywords.__annotations__) == set(PLACES)
    assert set(PLACES) <= known


@pytest.mark.parametrize("name", sorted(RunKeywords.__annotations__))
def test_every_setting_of_a_run_is_explained(name: str) -> None:
    assert f"{name}:" in (inspect.getdoc(RunKeywords) or "")


def test_the_types_are_shipped() -> None:
    package = Path(batchsync.__file__).parent
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

    assert (package / "py.typed").read_text() == ""
    # The wheel takes in the whole package, its marker for type checkers included.
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"] == {"packages": ["batchsync"]}
    assert "Typing :: Typed" in project["project"]["classifiers"]


def test_every_setting_that_programs_may_give_is_a_typed_keyword() -> None:
    settings = set(RunSettings.model_fields) - set(COMMANDS_OWN)

    assert set(BatchKeywords.__annotations__) == settings
    assert set(RunKeywords.__annotations__) == settings - set(PLACES)


@pytest.mark.parametrize("name", COMMANDS_OWN)
def test_what_the_command_alone_heeds_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match=name):
        check_names("Batch.load", {name: "x"})

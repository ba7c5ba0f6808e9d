"""The direction of imports, the error tree's picture, the names that are promised."""

import ast
import importlib
import inspect
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import batchsync
from batchsync import errors

ROOT = Path(batchsync.__file__).parent
FILES = {
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
}
EVERYWHERE = {"batchsync", "batchsync.model", "batchsync.errors", "batchsync.events"}
# DESIGN: cli -> report, executors -> engine -> stages -> api. A module may import what is below.
LAYERS = {"api": 0, "stages": 1, "engine": 2, "executors": 3, "report": 3, "review": 4, "cli": 9}


def _is_typing_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _statements(node: ast.AST, lazy: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif _is_typing_only(child):
            continue
        elif lazy or not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _statements(child, lazy)


@cache
def imports(module: str, lazy: bool = True) -> frozenset[str]:
    """What a module imports at run time; `lazy` counts imports within functions too."""
    found: set[str] = set()
    for node in _statements(ast.parse(FILES[module].read_text("utf-8")), lazy):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
            continue
        assert node.level == 0, f"{module} has a relative import"
        source = node.module or ""
        for alias in node.names:
            name = f"{source}.{alias.name}"
            found.add(name if name in FILES else source)
    return frozenset(found)


def ours(module: str, lazy: bool = True) -> set[str]:
    return {name for name in imports(module, lazy) if name.split(".")[0] == "batchsync"}


def part(module: str) -> str:
    """The package below `batchsync` that a module belongs to, or its own name."""
    return f"{module}.".split(".")[1]


@cache
def users_of(library: str) -> set[str]:
    return {module for module in FILES if any(n.split(".")[0] == library for n in imports(module))}


@pytest.mark.parametrize("module", FILES)
def test_imports_point_one_way(module: str) -> None:
    layer = LAYERS.get(part(module))
    for other in ours(module) - EVERYWHERE:
        below = LAYERS.get(part(other))
        if layer is None or below is None or part(module) == part(other):
            continue
        assert below < layer, f"{module} imports {other}"


@pytest.mark.parametrize("module", [name for name in FILES if part(name) != "cli"])
def test_nothing_imports_the_command_line(module: str) -> None:
    allowed = {"batchsync.cli"} if module == "batchsync.__main__" else set()

    assert {name for name in ours(module) if part(name) == "cli"} <= allowed


@pytest.mark.parametrize("module", ["batchsync.model", "batchsync.errors", "batchsync.events"])
def test_what_all_may_import_imports_nothing_else_of_ours(module: str) -> None:
    assert ours(module) <= EVERYWHERE


@pytest.mark.parametrize("module", [name for name in FILES if part(name) in ("api", "ledger")])
def test_api_and_ledger_know_nothing_of_each_other_or_of_what_is_above(module: str) -> None:
    known = {part(module), "model", "errors", "events", ""}

    assert {part(name) for name in ours(module)} <= known


@pytest.mark.parametrize("module", [name for name in FILES if part(name) == "stages"])
def test_stages_never_touch_the_ledger(module: str) -> None:
    assert not {name for name in ours(module) if part(name) in ("ledger", "engine", "report")}


@pytest.mark.parametrize(
    "module",
    ["batchsync.plan", "batchsync.preflight", "batchsync.request", "batchsync.stages.poll"],
)
def test_what_is_pure_reaches_no_server_and_no_engine(module: str) -> None:
    reached = {module}
    queue = [module]
    while queue:
        new = {name for name in ours(queue.pop(), lazy=False) if name in FILES} - reached
        reached |= new
        queue += new

    assert not {name for name in reached if part(name) in ("engine", "cli", "report", "sandbox")}
    assert not reached & {"batchsync.api.client", "batchsync.api.retry"}


@pytest.mark.parametrize("module", [name for name in FILES if part(name) == "sandbox"])
def test_the_sandbox_imports_none_of_the_rest(module: str) -> None:
    assert {part(name) for name in ours(module)} <= {"sandbox"}


def test_only_its_command_imports_the_sandbox() -> None:
    users = {
        module
        for module in FILES
        if part(module) != "sandbox" and any(part(name) == "sandbox" for name in ours(module))
    }

    assert users == {"batchsync.cli.sandbox"}


def test_only_its_command_imports_the_review() -> None:
    users = {
        module
        for module in FILES
        if part(module) != "review" and any(part(name) == "review" for name in ours(module))
    }

    assert users == {"batchsync.cli.review"}


@pytest.mark.parametrize("module", [name for name in FILES if part(name) == "review"])
def test_the_review_has_no_way_to_the_service_and_none_to_buy(module: str) -> None:
    assert not {part(name) for name in ours(module)} & {"api", "stages", "engine", "executors"}


def test_one_place_imports_aiohttp_for_requests() -> None:
    """The local servers take requests; they make none."""
    servers = {"sandbox", "webhook", "review"}
    outside = {name for name in users_of("aiohttp") if part(name) not in servers}

    assert outside == {"batchsync.api.client"}


@pytest.mark.parametrize("module", [name for name in FILES if part(name) in ("webhook", "review")])
def test_the_local_servers_make_no_requests(module: str) -> None:
    used = {name for name in imports(module) if name.split(".")[0] == "aiohttp"}

    assert used <= {"aiohttp"}
    assert "ClientSession" not in FILES[module].read_text("utf-8")


def test_one_place_imports_tenacity() -> None:
    assert users_of("tenacity") == {"batchsync.api.retry"}


@pytest.mark.parametrize("library", ["requests", "httpx", "urllib3", "magic_hour", "pytest"])
def test_nothing_imports_another_client(library: str) -> None:
    assert not users_of(library)


def test_no_import_goes_in_a_circle() -> None:
    graph = {module: ours(module, lazy=False) & set(FILES) for module in FILES}
    seen: dict[str, int] = defaultdict(int)

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join([*trail[trail.index(module) :], module])
        if not seen[module]:
            for other in sorted(graph[module] - {module}):
                visit(other, (*trail, module))
        seen[module] = 1

    for module in graph:
        visit(module, ())


def _drawn() -> dict[str, str]:
    """Each class in the picture of the error tree, with the one that it hangs from."""
    parents: dict[str, str] = {}
    trail: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"^( {4}[ │├└─]*)([A-Z]\w+)(?: {2,}|$)", line)
        if not match:
            continue
        depth, name = len(match[1]), match[2]
        trail = [entry for entry in trail if entry[0] < depth]
        parents[name] = trail[-1][1] if trail else "Exception"
        trail.append((depth, name))
    return parents


def test_the_picture_of_the_error_tree_is_true() -> None:
    real = {
        name: kind.__bases__[0].__name__
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, Exception) and kind.__module__ == errors.__name__
    }

    assert _drawn() == real


def test_every_error_has_a_word_of_its_own_and_an_exit_code() -> None:
    kinds = [getattr(errors, name) for name in _drawn()]
    codes = [kind.code for kind in kinds]

    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z][a-z_]+", code) for code in codes)
    assert all(isinstance(kind.exit_code, errors.ExitCode) for kind in kinds)


@pytest.mark.parametrize(
    "module", [name for name in FILES if name.rsplit(".", 1)[-1] != "__main__"]
)
def test_the_names_that_a_module_promises_are_there(module: str) -> None:
    loaded = importlib.import_module(module)

    assert loaded.__doc__ or FILES[module].stat().st_size == 0
    for name in getattr(loaded, "__all__", ()):
        assert hasattr(loaded, name), f"{module}.{name}"


def test_only_telemetry_imports_opentelemetry_and_only_the_command_line_imports_telemetry() -> None:
    assert {part(name) for name in users_of("opentelemetry")} == {"telemetry"}
    users = {part(m) for m in FILES if any(part(name) == "telemetry" for name in ours(m))}

    assert users == {"telemetry", "cli"}

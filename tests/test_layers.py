"""Imports go one way, and what belongs in one place is in no other. Read off the source text."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "churn_torch"

# What each room may import from, besides itself: the edges of docs/architecture.md.
ALLOWED = {
    "errors": set(),
    "interruption": set(),
    "bounded": {"interruption"},
    "locks": set(),
    "whole_files": {"errors", "locks"},
    "samples": {"errors"},
    "console": {"errors", "whole_files"},
    "tables": {"errors", "interruption", "bounded", "samples", "whole_files"},
    "events": {"errors", "bounded", "tables", "whole_files"},
    "models": {"errors", "tables"},
    "evaluation": {"errors", "tables"},
    "report": {"errors"},
    "explanation": {"errors", "tables", "models", "evaluation", "serving"},
    "training": {
        "errors",
        "tables",
        "models",
        "evaluation",
        "locks",
        "whole_files",
    },
    "tuning": {"errors", "locks"},
    "serving": {"errors", "interruption", "bounded", "console", "tables", "report"},
    "export": {"errors", "tables", "models", "serving", "whole_files"},
    "decisions": {"errors", "tables", "evaluation", "serving", "report", "whole_files"},
    "workflows": {
        *("errors", "console", "samples", "tables", "events", "models", "evaluation", "report"),
        *("explanation", "training", "tuning", "serving", "export", "decisions"),
        *("interruption", "locks", "whole_files", PACKAGE),
    },
    # The workflows as scikit-learn wants them called.
    "sklearn": {
        "errors",
        "tables",
        "models",
        "training",
        "export",
        "workflows",
        "cli",
        "whole_files",
        PACKAGE,
    },
    "cli": {"errors", "interruption", "console", "locks", "whole_files", PACKAGE},
    PACKAGE: set(),
    "__main__": {"cli"},
    "scripts": {"cli"},
}
# The same, where nothing is imported before it is called.
ALLOWED_INSIDE_FUNCTIONS = {"cli": {"workflows", "report"}}
ALLOWED_FOR_TYPES = {
    PACKAGE: {"cli", "workflows", "sklearn"},
    "report": {"decisions", "evaluation", "explanation", "tables"},
}

FRAMEWORKS = {"lightning", "pytorch_lightning", "lightning_fabric", "hydra", "omegaconf"}
BELOW_WORKFLOWS = {
    *("interruption", "bounded", "locks", "whole_files"),
    *("errors", "samples", "console", "tables", "events", "models", "evaluation", "report"),
    *("explanation", "training", "tuning", "serving", "export", "decisions"),
}
# Of the outside world, what a room must do without.
WITHOUT = {
    "errors": FRAMEWORKS | {"torch", "pandas", "numpy"},
    "interruption": FRAMEWORKS | {"torch", "pandas", "numpy"},
    "bounded": FRAMEWORKS | {"torch", "pandas", "numpy"},
    "locks": FRAMEWORKS | {"torch", "pandas", "numpy"},
    "whole_files": FRAMEWORKS | {"torch", "pandas", "numpy"},
    "samples": FRAMEWORKS | {"torch"},
    "console": FRAMEWORKS | {"torch"},
    "tables": FRAMEWORKS | {"torch", "torchmetrics"},
    "events": FRAMEWORKS | {"torch", "torchmetrics", "sklearn"},
    # No files either.
    "models": FRAMEWORKS | {"pathlib", "os", "io", "shutil", "duckdb", "pyarrow", "onnx", "rich"},
    "evaluation": FRAMEWORKS,
    "report": FRAMEWORKS | {"torch", "onnx", "onnxruntime", "duckdb"},
    "explanation": FRAMEWORKS | {"duckdb", "pyarrow", "onnx"},
    "training": {"onnx", "onnxruntime", "duckdb", "hydra", "omegaconf"},
    "tuning": FRAMEWORKS | {"torch"},
    "serving": FRAMEWORKS | {"torch"},
    "export": FRAMEWORKS,
    "decisions": FRAMEWORKS,
    "workflows": {"hydra"},
    "cli": {"torch", "pytorch_lightning"},
    PACKAGE: FRAMEWORKS | {"torch", "pandas", "numpy"},
    "__main__": FRAMEWORKS | {"torch", "pandas", "numpy"},
    "scripts": FRAMEWORKS | {"torch", "pandas", "numpy"},
}


class Import(NamedTuple):
    """One import: the whole name, the line, and where it stands."""

    name: str
    line: int
    inside_function: bool
    for_types: bool


def modules() -> dict[str, Path]:
    """Files by what an import calls them."""
    found = {}
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()
SCRIPTS = {f"scripts.{path.stem}": path for path in sorted((ROOT / "scripts").glob("*.py"))}
FILES = MODULES | SCRIPTS


def room_of(module: str) -> str:
    """Return `tables` for churn_torch.tables.encode, `errors` for churn_torch.errors."""
    first, _, rest = module.partition(".")
    return rest.partition(".")[0] or PACKAGE if first == PACKAGE else first


def imports_of(tree: ast.Module) -> Iterator[Import]:
    def visit(node: ast.AST, inside: bool, types: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, inside, types)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative imports hide the edge"
            assert node.module
            for alias in node.names:
                # `from churn_torch import samples` names a room, `from x.y import Z` does not.
                whole = f"{node.module}.{alias.name}"
                name = whole if node.module == PACKAGE else node.module
                yield Import(name, node.lineno, inside, types)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for child in node.body:
                yield from visit(child, inside, True)
            for child in node.orelse:
                yield from visit(child, inside, types)
        else:
            is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            for child in ast.iter_child_nodes(node):
                yield from visit(child, inside or is_function, types)

    yield from visit(tree, False, False)


def wrong_edges(module: str, source: str) -> list[str]:
    """Imports of our own rooms, and of the outside world, that the plan does not allow."""
    room = room_of(module)
    wrong = []
    for found in imports_of(ast.parse(source)):
        top = found.name.partition(".")[0]
        if top in {PACKAGE, "scripts"}:
            target = room_of(found.name)
            allowed = ALLOWED.get(room, set())
            if found.inside_function:
                allowed = allowed | ALLOWED_INSIDE_FUNCTIONS.get(room, set())
            if found.for_types:
                allowed = allowed | ALLOWED_FOR_TYPES.get(room, set())
            # A name of the package itself, e.g. its version, counts as the package.
            if target not in ALLOWED:
                target = PACKAGE
            if target not in allowed and target != room:
                wrong.append(f"{module}:{found.line}: {room} -> {target} ({found.name})")
        elif top in WITHOUT.get(room, set()):
            wrong.append(f"{module}:{found.line}: {room} does without {top}")
    return wrong


# The plan


def test_the_plan_names_every_room_and_nothing_else():
    assert {room_of(module) for module in FILES} == set(ALLOWED)
    for allowed in (ALLOWED, ALLOWED_INSIDE_FUNCTIONS, ALLOWED_FOR_TYPES):
        assert set().union(*allowed.values()) <= set(ALLOWED)
    assert set(WITHOUT) <= set(ALLOWED)


def test_the_plan_goes_one_way():
    done: set[str] = set()
    rest = {room: allowed - {room, PACKAGE} for room, allowed in ALLOWED.items()}
    while ready := {room for room in rest if rest[room] <= done}:
        done |= ready
        rest = {room: allowed for room, allowed in rest.items() if room not in ready}
    assert rest == {}


@pytest.mark.parametrize("module", FILES)
def test_imports_follow_the_plan(module: str):
    assert wrong_edges(module, FILES[module].read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("churn_torch.tables.schema", "from churn_torch.models.scorer import Scorer"),
        ("churn_torch.tables.schema", "import churn_torch.models.scorer as s"),
        ("churn_torch.tables.schema", "from churn_torch import models"),
        ("churn_torch.tables.schema", "from churn_torch import __version__"),
        ("churn_torch.tables.schema", "def f():\n    import torch"),
        ("churn_torch.models.scorer", "from churn_torch.training.build import build_scorer"),
        ("churn_torch.models.scorer", "from hydra.utils import instantiate"),
        (
            "churn_torch.models.nets.mlp",
            "from churn_torch.workflows.runs.run_folder import load_run",
        ),
        ("churn_torch.evaluation.log_loss", "import pytorch_lightning as pl"),
        ("churn_torch.evaluation.log_loss", "from churn_torch.export.graph import build_onnx"),
        ("churn_torch.export.graph", "from churn_torch.training.build import build_scorer"),
        ("churn_torch.export.graph", "import omegaconf.dictconfig"),
        ("churn_torch.training.build", "from churn_torch.export import graph"),
        ("churn_torch.training.build", "from omegaconf import DictConfig"),
        ("churn_torch.serving.session", "from churn_torch.models.scorer import Scorer"),
        ("churn_torch.serving.session", "def f():\n    import torch"),
        ("churn_torch.report.metrics", "from churn_torch.models.scorer import Scorer"),
        ("churn_torch.tuning.study", "from churn_torch.workflows.fit import fitted"),
        ("churn_torch.workflows.train", "from churn_torch.cli.compose import compose"),
        ("churn_torch.cli.main", "from churn_torch.workflows import train"),
        ("churn_torch", "from churn_torch.workflows.runs.run_folder import load_run"),
        ("churn_torch", "def f():\n    from churn_torch.workflows.runs.run_folder import load_run"),
        ("churn_torch.errors", "from churn_torch.console import show"),
        ("churn_torch.console", "from churn_torch.tables.schema import Schema"),
        ("scripts.train", "from churn_torch.workflows.train import train"),
        ("scripts.train", "import churn_torch"),
    ],
)
def test_the_check_finds_what_it_should(module: str, source: str):
    assert len(wrong_edges(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("churn_torch.tables.labelled.read", "from churn_torch import samples"),
        ("churn_torch.tables.encode", "from churn_torch.tables import cells"),
        ("churn_torch.cli.main", "def f():\n    from churn_torch.workflows.train import train"),
        ("churn_torch", "if TYPE_CHECKING:\n    from churn_torch.sklearn import ChurnClassifier"),
        ("churn_torch.workflows.train", "import churn_torch"),
        ("churn_torch.models.scorer", "import torch"),
    ],
)
def test_the_check_lets_the_plan_through(module: str, source: str):
    assert wrong_edges(module, source) == []


def test_relative_imports_are_refused():
    with pytest.raises(AssertionError, match="hide the edge"):
        wrong_edges("churn_torch.tables.encode", "from ..models import scorer")


def test_only_the_package_itself_imports_by_name_at_run_time():
    users = [
        module
        for module, path in FILES.items()
        if re.search(r"\b(import_module|__import__)\b", path.read_text(encoding="utf-8"))
    ]
    # Public names when they are used, the workflow of a command, and classes that conf/ names.
    assert users == [PACKAGE, "churn_torch.cli.commands", "churn_torch.training.components"]


IMPORTED = """
import sys
from importlib import import_module
for name in sys.argv[1:]:
    import_module(name)
print(*sys.modules)
"""


def test_no_torch_before_it_is_needed():
    rooms = {PACKAGE, "errors", "console", "samples", "tables", "events", "report", "cli"}
    light = [module for module in MODULES if room_of(module) in rooms]
    light += [
        f"churn_torch.workflows.{name}"
        for name in ("configuration.typed_config", "campaign_results", "compare")
    ]
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, *light],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert set(light) <= loaded
    assert not loaded & {"torch", "pytorch_lightning", "torchmetrics", "onnx", "onnxruntime"}


def test_a_server_is_without_torch():
    server = ["churn_torch.workflows.serve", "churn_torch.serving.http.server"]
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, *server],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert {*server, "onnxruntime"} <= loaded
    assert not loaded & {"torch", "pytorch_lightning", "torchmetrics", "onnx", "duckdb", "sklearn"}


def test_scoring_is_without_torch():
    scoring = ["churn_torch.workflows.score", "churn_torch.serving.scoring"]
    scoring += ["churn_torch.workflows.campaign", "churn_torch.workflows.explain"]
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, *scoring],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert {*scoring, "onnxruntime"} <= loaded
    assert not loaded & {"torch", "pytorch_lightning", "torchmetrics", "sklearn", "scipy"}


# One place for one thing


@functools.cache
def nodes(module: str) -> tuple[ast.AST, ...]:
    return (*ast.walk(ast.parse(FILES[module].read_text(encoding="utf-8"))),)


def called(node: ast.AST) -> str:
    """The last name of what is called, ``cuda`` for ``x.cuda()``."""
    if not isinstance(node, ast.Call):
        return ""
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def users_of(is_used: Callable[[ast.AST], bool]) -> set[str]:
    return {module for module in FILES if any(is_used(node) for node in nodes(module))}


def test_nothing_is_instantiated_by_hydra():
    assert users_of(lambda node: called(node) in {"instantiate", "get_class"}) == set()


def mentions_of_a_config(source: str) -> list[str]:
    """Names by which a room could hold a composed configuration, whatever their type."""
    names = []
    for node in ast.walk(ast.parse(source)):
        given = getattr(node, "id", None)
        if isinstance(node, ast.arg):  # a keyword of a library, such as DuckDB's, is no argument
            given = node.arg
        if isinstance(given, str) and re.fullmatch(r"_?(cfg|config|configuration)", given):
            names.append(f"line {node.lineno}: {given}")
    return names


@pytest.mark.parametrize(
    "module", [module for module in MODULES if room_of(module) in BELOW_WORKFLOWS]
)
def test_no_room_below_the_workflows_takes_a_config(module: str):
    assert mentions_of_a_config(MODULES[module].read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    ["def f(config: Any): ...", "config.data.split", "def f(*, cfg): ...", "x = lambda config: 1"],
)
def test_the_check_finds_a_config(source: str):
    assert mentions_of_a_config(source)


def test_nothing_is_pickled_or_loaded_with_its_code():
    for module in FILES:
        for node in nodes(module):
            assert not (isinstance(node, ast.Import) and node.names[0].name == "pickle"), module
            if called(node) == "load" and ast.unparse(node).startswith("torch."):
                assert "weights_only=True" in ast.unparse(node), module


DEVICE = re.compile(r"(cpu|cuda|mps|gpu)(:\d+)?")


def names_device(node: ast.AST) -> bool:
    value = node.value if isinstance(node, ast.Constant) else None
    return isinstance(value, str) and DEVICE.fullmatch(value) is not None


def devices_named(source: str) -> list[str]:
    tree = ast.parse(source)
    # What a GPU has trained is read on a machine without one.
    loading = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "map_location"
    }
    return [
        ast.unparse(node)
        for node in ast.walk(tree)
        if called(node) in {"cuda", "mps", "device"} or (names_device(node) and node not in loading)
    ]


# Rows are put on the device they fit, and threads share the rows where there is no GPU.
DEVICES_APART = {
    "churn_torch.training.rows.datamodule",
    "churn_torch.training.logistic.exact_module",
}


def test_nothing_names_a_device():
    for module, path in FILES.items():
        named = devices_named(path.read_text(encoding="utf-8"))
        assert (named != []) == (module in DEVICES_APART), (module, named)
    for line in ("x.cuda()", "x.to('cuda:0')", "torch.zeros(3, device='cpu')", "torch.device(d)"):
        assert devices_named(line)
    assert devices_named("torch.load(f, map_location='cpu')") == []


def test_results_come_to_the_cpu_in_four_places():
    # To be traced for export, to be counted in bins (twice), and to be told to the solvers.
    assert users_of(lambda node: called(node) == "cpu") == {
        "churn_torch.export.graph",
        "churn_torch.evaluation.split_metrics",
        "churn_torch.decisions.profit_metrics",
        *(
            f"churn_torch.training.logistic.{m}"
            for m in ("exact_module", "passes", "warm_start", "person_periods")
        ),
    }


@pytest.mark.parametrize("module", FILES)
def test_module_names_say_what_is_inside(module: str):
    drawers = {"utils", "util", "helpers", "helper", "misc", "common", "base", "tools", "shared"}
    assert not drawers & set(module.split("."))


@pytest.mark.parametrize("module", SCRIPTS)
def test_scripts_are_short(module: str):
    assert len(SCRIPTS[module].read_text(encoding="utf-8").splitlines()) <= 25


def test_modules_are_small():
    lengths = {m: len(p.read_text(encoding="utf-8").splitlines()) for m, p in MODULES.items()}
    ordered = sorted(lengths.values())
    assert ordered[len(ordered) // 2] <= 120
    assert {module for module, length in lengths.items() if length > 300} == set()


def test_tests_mirror_the_package():
    folders = {path.parent.relative_to(ROOT / PACKAGE) for path in MODULES.values()}
    extra = {Path(name) for name in ("field", "reference", "golden")}
    for file in (ROOT / "tests").rglob("test_*.py"):
        folder = file.parent.relative_to(ROOT / "tests")
        assert folder in folders | extra, f"{file} stands where no module does"

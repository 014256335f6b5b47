"""Training, tuning and evaluation use the public names of torch, Lightning and Optuna only.

A private name may change in any release. Where one is needed, it belongs into one module for the
library, behind a check of the version, with a public way beside it; today none is.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import churn_torch

PACKAGE = Path(churn_torch.__file__).parent
ROOMS = ("training", "tuning", "evaluation")
FILES = sorted(path for room in ROOMS for path in (PACKAGE / room).rglob("*.py"))
# Documented in spite of their names: methods of NamedTuple.
DOCUMENTED = {"_replace", "_asdict"}


def private_names(source: str) -> list[str]:
    """Imports of private names, and private attributes of all but the object itself."""
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and not (node.module or "").startswith("__future__"):
            whole = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Import):
            whole = [part for alias in node.names for part in alias.name.split(".")]
        elif isinstance(node, ast.Attribute):
            is_own = ast.unparse(node.value) in ("self", "cls", "super()")
            whole = [] if is_own else [node.attr]
        else:
            continue
        names += [name for name in whole if name.startswith("_") and not name.startswith("__")]
    return [name for name in names if name not in DOCUMENTED]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_private_name_is_used(path):
    assert private_names(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "from optuna.storages.journal._file import BaseJournalFileLock",
        "from torch import _C",
        "import torch._dynamo",
        "trainer._run(module)",
        "torch.optim._functional.adam()",
    ],
)
def test_private_names_are_found(source):
    assert private_names(source)

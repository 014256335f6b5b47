"""docs/architecture.md holds every file with its purpose, and the edges that the layer test allows.

After a file is added or its first line is changed: ``python -m tests.test_architecture`` writes the
tree anew.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.test_layers import ALLOWED, PACKAGE

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "architecture.md"
HEADING = "## The tree\n\n```\n"


def summary(path: Path) -> str:
    """The first line of a module's docstring, without its full stop."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0].removesuffix(".")


def tree(folder: Path = ROOT / PACKAGE, depth: int = 0) -> list[str]:
    """Every module and package below a folder, one line each."""
    lines = []
    if depth == 0:
        lines.append(f"{folder.name}/")
    modules = sorted(p for p in folder.glob("*.py") if p.name not in {"__init__.py"})
    packages = sorted(p.parent for p in folder.glob("*/__init__.py"))
    for path in modules + packages:
        is_package = path.is_dir()
        name = "  " * (depth + 1) + path.name + ("/" if is_package else "")
        purpose = summary(path / "__init__.py" if is_package else path)
        lines.append(f"{name:<32} {purpose}".rstrip())
        if is_package:
            lines += tree(path, depth + 1)
    return lines


def test_every_module_says_what_it_is_for() -> None:
    bare = [line for line in tree()[1:] if len(line.split(maxsplit=1)) < 2]
    assert bare == []


def test_the_tree_in_the_document_is_the_tree_there_is() -> None:
    written = DOCUMENT.read_text(encoding="utf-8").split(HEADING)[1].split("```")[0]
    assert written.splitlines() == tree(), "run: python -m tests.test_architecture"


def test_the_diagram_shows_the_edges_of_the_layer_test() -> None:
    diagram = DOCUMENT.read_text(encoding="utf-8").split("```mermaid")[1].split("```")[0]
    drawn = set(re.findall(r"^ *(\w+) --> (\w+)$", diagram, re.MULTILINE))
    everywhere = {
        "errors",
        "interruption",
        "bounded",
        "locks",
        "console",
        "samples",
        "whole_files",
        PACKAGE,
    }  # left out of the picture
    entries = {"scripts", "__main__"}
    allowed = {
        (room, target)
        for room, targets in ALLOWED.items()
        for target in targets
        if room not in everywhere | entries | {"workflows"} and target not in everywhere
    }
    assert {edge for edge in drawn if edge[0] != "workflows"} == allowed | {("cli", "workflows")}
    assert {target for room, target in drawn if room == "workflows"} == (
        ALLOWED["workflows"] - everywhere
    )


if __name__ == "__main__":
    text = DOCUMENT.read_text(encoding="utf-8")
    before, rest = text.split(HEADING)
    after = rest.split("```", 1)[1]
    DOCUMENT.write_text(before + HEADING + "\n".join(tree()) + "\n```" + after, encoding="utf-8")

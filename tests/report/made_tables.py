"""Tables as a terminal shows them."""

from __future__ import annotations

from io import StringIO

from rich.console import Console
from rich.table import Table


def rendered(table: Table, width: int = 80) -> list[list[str]]:
    """The cells of a table as a terminal shows them, line by line; a caption is one cell."""
    console = Console(file=StringIO(), width=width)
    console.print(table)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(len, text.splitlines())) <= width
    lines = [line.strip() for line in text.splitlines() if any(map(str.isalnum, line))]
    return [[cell.strip() for cell in line.strip("│┃").replace("┃", "│").split("│")]
            for line in lines]  # fmt: skip

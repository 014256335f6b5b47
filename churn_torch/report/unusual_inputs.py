"""The cells of a table that are unlike those of training, as a table for the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

from rich.table import Table
from rich.text import Text


class Unusual(Protocol):
    """Cells of a column, as `churn_torch.tables.input_counts` counts them."""

    @property
    def column(self) -> str: ...  # noqa: D102

    @property
    def kind(self) -> str: ...  # noqa: D102

    @property
    def n(self) -> int: ...  # noqa: D102

    @property
    def n_rows(self) -> int: ...  # noqa: D102

    @property
    def expected(self) -> float: ...  # noqa: D102

    @property
    def examples(self) -> Sequence[str]: ...  # noqa: D102


def unusual_table(found: Sequence[Unusual], absent: Mapping[str, str]) -> Table:
    """Lay out the columns whose cells are unlike training, one line for each kind of cell.

    Args:
        found: What is more frequent than in training.
        absent: Of columns that some of the files lack, a few words that say so.
    """
    table = Table(title="Cells that are more frequent than in training", title_justify="left")
    table.add_column("column", overflow="fold")
    table.add_column("cells")
    for heading in ("rows", "share", "in training"):
        table.add_column(heading, justify="right")
    table.add_column("such as", overflow="fold")
    for one in found:
        note = ", ".join(map(repr, one.examples))
        if one.kind == "missing" and one.column in absent:
            note = absent[one.column]
        share = one.n / one.n_rows
        table.add_row(
            Text(one.column),
            one.kind,
            f"{one.n:,}",
            f"{share:.1%}",
            "" if math.isnan(one.expected) else f"{one.expected:.1%}",
            Text(note),
        )
    return table

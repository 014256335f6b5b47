"""The columns of a customer table as a terminal table: what each is and what is done with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from churn_torch.tables.schema import Column


def columns_table(columns: Iterable[Column]) -> Table:
    """Lay out the columns of a schema for the user.

    Args:
        columns: In the order of the table.
    """
    table = Table("column", "kind")
    table.add_column("missing", justify="right")
    table.add_column("distinct", justify="right")
    table.add_column("what is done")
    for column in columns:
        kind = column.kind.value
        share = f"{column.missing_share:.1%}" if column.missing_share else ""
        cells = (column.name, kind, share, f"{column.n_distinct:,}", column.note)
        table.add_row(*map(Text, cells), style="dim" if kind == "ignored" else None)
    return table

"""The metrics of a column's segments as a table for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.table import Table
from rich.text import Text

# By column of the frame: the heading, and how its numbers are written.
COLUMNS = (
    ("churn_rate", "churn rate", "{:.1%}"),
    ("auroc", "AUROC", "{:.3f}"),
    ("log_loss", "log-loss", "{:.3f}"),
    ("calibration_gap", "predicted - observed", "{:+.1%}"),
    ("ece", "calibration error", "{:.3f}"),
    ("precision", "precision", "{:.1%}"),
    ("recall", "recall", "{:.1%}"),
)
CAPTION = (
    "second line: interval of 95 % (AUROC: bootstrap; shares: Wilson); -: fewer than 30 rows, one "
    "class only, or nobody called a churner"
)


def segments_table(column: str, metrics: pd.DataFrame, note: str = "") -> Table:
    """Lay out the segments of a column, one line each.

    Args:
        column: The column.
        metrics: What `churn_torch.evaluation.segments.segment_metrics` returns.
        note: How values were put together.
    """
    table = Table(title=Text(column), caption=f"{note}; {CAPTION}" if note else CAPTION)
    table.add_column("segment", overflow="fold")
    table.add_column("rows", justify="right")
    for _, heading, _ in COLUMNS:
        table.add_column(heading, justify="right")
    for row in metrics.to_dict("records"):
        numbers = [_cell(row, name, pattern) for name, _, pattern in COLUMNS]
        table.add_row(Text(row["segment"]), f"{row['n']:,}", *numbers)
    return table


def _cell(row: Mapping[Any, Any], name: str, pattern: str) -> str:
    if pd.isna(row[name]):
        return "-"
    cell = pattern.format(row[name])
    if f"{name}_low" in row:
        cell += "\n" + " to ".join(pattern.format(row[f"{name}_{end}"]) for end in ("low", "high"))
    return cell

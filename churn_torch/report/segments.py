"""The metrics of a column's segments as a table for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd
from rich.table import Table
from rich.text import Text


class _Metric(NamedTuple):
    """A column of the frame, and how a number and the ends of its interval are written."""

    name: str
    heading: str
    scale: int
    number: str
    end: str = ""


METRICS = (
    _Metric("churn_rate", "churn rate", 100, "{:.1f} %", "{:.1f}"),
    _Metric("auroc", "AUROC", 1, "{:.3f}", "{:.2f}"),
    _Metric("log_loss", "log-loss", 1, "{:.3f}", "{:.2f}"),
    _Metric("calibration_gap", "predicted - observed", 100, "{:+.1f} %", "{:+.1f}"),
    _Metric("ece", "ECE", 1, "{:.3f}"),
    _Metric("precision", "precision", 100, "{:.1f} %", "{:.1f}"),
    _Metric("recall", "recall", 100, "{:.1f} %", "{:.1f}"),
)
CAPTION = (
    "second line: 95 % interval (AUROC: DeLong, shares: Wilson; rough with fewer "
    "than 15 churners); ECE: calibration error; "
    "-: fewer than 30 rows, one class only, or nobody called a churner"
)


def segments_table(column: str, metrics: pd.DataFrame, note: str = "") -> Table:
    """Lay out the segments of a column, one line each.

    Args:
        column: The column.
        metrics: What `churn_torch.evaluation.groups.segments.segment_metrics` returns.
        note: How values were put together.
    """
    table = Table(title=Text(column), caption=f"{note}; {CAPTION}" if note else CAPTION)
    table.add_column("segment", overflow="fold")
    table.add_column("rows", justify="right")
    for metric in METRICS:
        table.add_column(metric.heading, justify="right", overflow="fold")
    for row in metrics.to_dict("records"):
        numbers = [_cell(row, metric) for metric in METRICS]
        table.add_row(Text(row["segment"]), f"{row['n']:,}", *numbers)
    return table


def _cell(row: Mapping[Any, Any], metric: _Metric) -> str:
    if pd.isna(row[metric.name]):
        return "-"
    cell = metric.number.format(metric.scale * row[metric.name])
    if metric.end:
        sides = (metric.scale * row[f"{metric.name}_{side}"] for side in ("low", "high"))
        cell += "\n" + "..".join(map(metric.end.format, sides))
    return cell

"""Coefficients as a table of odds ratios, and the strongest in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from churn_torch.report.formats import p_value

if TYPE_CHECKING:
    from churn_torch.explanation.coefficients import Coefficient, Coefficients

# Lines of the table, and coefficients in words.
SHOWN = 30
NAMED = 3


def coefficients_table(found: Coefficients) -> Table:
    """Lay out odds ratios with intervals, the most certain column first."""
    more = len(found.rows) - SHOWN
    caption = found.method + (f" {more} more lines are in out=FILE." if more > 0 else "")
    table = Table(
        title="Odds ratios, with intervals of 95 %", title_justify="left", caption=caption
    )
    table.add_column("column", overflow="fold")
    table.add_column("compared", overflow="fold")
    for heading in ("odds ratio", "per sd", "p-value", "in the model"):
        table.add_column(heading, justify="right")
    for row in found.rows[:SHOWN]:
        per_sd = row.odds_ratio_per_sd
        table.add_row(
            Text(row.column),
            Text(row.term),
            interval(row),
            "" if per_sd is None else ratio(per_sd),
            p_value(row.p_value),
            ratio_of_log(row.model),
        )
    return table


def coefficient_sentences(found: Coefficients) -> list[str]:
    """Say what the most certain columns do, one sentence each."""
    said: dict[str, str] = {}
    for row in found.rows:
        if row.column in said or row.low <= 0 <= row.high:
            continue
        what = f"{row.column}, {row.term}"
        said[row.column] = f"{what}, multiplies the odds of churn by {interval(row)}."
    return list(said.values())[:NAMED]


def interval(row: Coefficient) -> str:
    """Write an odds ratio with its interval."""
    ends = (row.odds_ratio, row.odds_low, row.odds_high)
    digits = 4 if all(abs(end - 1) < 0.1 for end in ends) else 2
    if all(abs(end - 1) < 0.01 for end in ends):
        digits = 5
    value, low, high = (f"{end:.{digits}f}" if end < 1000 else f"{end:.3g}" for end in ends)
    return f"{value} [{low} to {high}]"


def ratio(value: float) -> str:
    """Write a ratio."""
    return f"{value:.2f}" if value < 1000 else f"{value:.3g}"


def ratio_of_log(value: float) -> str:
    """Write the ratio of a difference of log-odds."""
    return ratio(math.exp(min(value, 700.0)))

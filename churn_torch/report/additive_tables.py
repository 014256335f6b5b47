"""The terms of an additive model as a table: all cells for a file, the strongest for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from churn_torch.explanation.additive_terms import AdditiveTerm

# So many points double the odds.
POINTS_TO_DOUBLE = 20
_SHOWN_TERMS = 10


def points_of(log_odds: float) -> int:
    """Return log-odds as points."""
    return round(log_odds * POINTS_TO_DOUBLE / math.log(2))


def terms_frame(terms: Sequence[AdditiveTerm], base: float) -> pd.DataFrame:
    """Return the terms as a table: first the base, then each cell of each term.

    The log-odds of a row before calibration are the sum of the base and one cell of each term.
    """
    rows = [("base", "", "", "", 1.0, base, points_of(base))]
    for term in terms:
        for cell in np.ndindex(term.log_odds.shape):
            words = [levels[i] for levels, i in zip(term.levels, cell, strict=True)]
            first, second = (*words, "")[:2]
            names = (*term.columns, "")[:2]
            value = float(term.log_odds[cell])
            share = float(term.share[cell])
            rows.append((names[0], first, names[1], second, share, value, points_of(value)))
    columns = ["column", "bin", "with_column", "with_bin", "share", "log_odds", "points"]
    return pd.DataFrame(rows, columns=columns)


def strongest_table(terms: Sequence[AdditiveTerm]) -> Table:
    """Lay out the most important terms."""
    n_pairs = sum(len(term.columns) > 1 for term in terms)
    table = Table(
        "term",
        "effect",
        "most churn",
        "least churn",
        caption=f"{len(terms) - n_pairs} columns and {n_pairs} pairs; effect: standard deviation "
        "of what the term adds to the log-odds",
    )
    for term in terms[:_SHOWN_TERMS]:
        extremes = [term.extreme_level(highest=highest) for highest in (True, False)]
        name = " x ".join(term.columns)
        table.add_row(Text(name), f"{term.importance:.2f}", *map(Text, extremes))
    return table

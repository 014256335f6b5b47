"""A term of an additive model as a person reads it: what each level adds, in words and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from churn_torch.tables.schema import Column, Kind

Array = np.ndarray[Any, np.dtype[np.float64]]

MISSING, UNSEEN = "missing", "unseen or rare"


@dataclass(frozen=True)
class AdditiveTerm:
    """What a column, or a pair of columns, adds to the log-odds of a model.

    Attributes:
        columns: One name or two.
        levels: Of each column, its levels in words.
        log_odds: What each cell adds to the log-odds of the mean training row; ``[n]``, or
            ``[n, m]`` for a pair.
        share: Share of the training rows in each cell, of the same shape.
        values: The values of a number whose term is a curve, one for each level but the first,
            which is missing; None for bins and categories.
    """

    columns: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    log_odds: Array
    share: Array
    values: Array | None = None

    @property
    def importance(self) -> float:
        """Standard deviation of what the term adds to the training rows."""
        mean = float((self.log_odds * self.share).sum())
        return float(np.sqrt((np.square(self.log_odds - mean) * self.share).sum()))

    def extreme_level(self, *, highest: bool) -> str:
        """Return the cell with training rows that adds most (or least) in words."""
        observed = np.where(self.share > 0, self.log_odds, -np.inf if highest else np.inf)
        flat = observed.argmax() if highest else observed.argmin()
        cell = np.unravel_index(flat, observed.shape)
        words = [
            f"{name} {levels[i]}"
            for name, levels, i in zip(self.columns, self.levels, cell, strict=True)
        ]
        return ", ".join(words)


def value_in_words(column: Column, value: float) -> str:
    """Return a number or a date as people write it."""
    if column.kind is Kind.DATETIME:
        return str(np.datetime64(0, "s") + np.timedelta64(round(value * 86_400), "s"))[:16]
    return f"{value:.7g}" if not column.needs_float64 else f"{value:.12g}"

"""Accumulated local effects: what the values of a column do to the log-odds of churn."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EffectCurve:
    """The effect of one column on the log-odds of churn; its mean over the rows is 0.

    Attributes:
        column: Its name.
        at: P cells in order: numbers, or text for categories, yes and no, and dates (ISO).
        effect: At each of them, in log-odds.
        low: Lower ends of the 95 % bands.
        high: Upper ends.
        n_rows: Rows with this cell; of numbers and dates, rows above the cell before and up to
            this one.
        kind: ``number``, ``date``, ``yes or no`` or ``category``.
        missing: Effect, lower and upper end where the cell of a number or date is missing; None
            where none is. Missing cells of categories are one of ``at``.
        n_missing: Rows with such a cell.
    """

    column: str
    at: tuple[float, ...] | tuple[str, ...]
    effect: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    n_rows: tuple[int, ...]
    kind: str = "number"
    missing: tuple[float, float, float] | None = None
    n_missing: int = 0


@dataclass(frozen=True)
class PairEffect:
    """What two columns do to the log-odds of churn beyond their two curves.

    Attributes:
        columns: Their names.
        first_at: P cells of the first, as `EffectCurve.at`.
        second_at: Q cells of the second.
        effect: P rows of Q log-odds.
        strength: Standard deviation of the effect over the rows.
    """

    columns: tuple[str, str]
    first_at: tuple[float, ...] | tuple[str, ...]
    second_at: tuple[float, ...] | tuple[str, ...]
    effect: tuple[tuple[float, ...], ...]
    strength: float

"""Accumulated local effects: what the values of a column do to the log-odds of churn.

At each row the column moves over the step that the row stands in, while the rest of the row stays
as it is, and the log-odds are compared. The mean difference of each step, added up from step to
step, is the curve. Unlike a partial dependence it does not ask the model about rows far from all
that there are, such as a customer of one month with charges of six years.
Source: Apley & Zhu 2020, "Visualizing the effects of predictor variables in black box supervised
learning models".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from churn_torch.explanation.column_steps import CATEGORY, Floats, Logit, Steps, with_cells

# Steps of a curve, and draws of the bootstrap.
STEPS, DRAWS = 20, 200


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
        spread: Standard deviation of the effect over the rows, in log-odds.
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
    spread: float = 0.0


@dataclass(frozen=True)
class PairEffect:
    """What two columns do to the log-odds of churn beyond their two curves.

    Attributes:
        columns: Their names.
        first_at: P cells of the first, as `EffectCurve.at`.
        second_at: Q cells of the second.
        effect: P rows of Q log-odds.
        strength: Standard deviation of the effect over the rows.
        n_rows: P lines of Q numbers of rows that are nearest to the two cells. Where there is none,
            the effect is that of the nearest rows there are.
    """

    columns: tuple[str, str]
    first_at: tuple[float, ...] | tuple[str, ...]
    second_at: tuple[float, ...] | tuple[str, ...]
    effect: tuple[tuple[float, ...], ...]
    strength: float
    n_rows: tuple[tuple[int, ...], ...] = ()


def effect_curve(
    logit: Logit, parsed: pd.DataFrame, steps: Steps, *, draws: int = DRAWS, seed: int = 0
) -> EffectCurve:
    """Return the effect of a column, with bands.

    The bands are those of a bootstrap over the rows (percentiles). They hold the uncertainty about
    the rows, not that about the model. A missing number is compared with the middle cell of the
    curve at the rows where it is missing.

    Args:
        logit: Gives the log-odds of N parsed rows, ``[N]``.
        parsed: N rows (`churn_torch.tables.encode.parse`).
        steps: Of the column, on the same rows.
        draws: Samples of the bootstrap.
        seed: Of the bootstrap.
    """
    n, n_cells = len(parsed), len(steps.cells)
    weight = resampled(n, draws, seed)
    rows, step, difference = differences(logit, parsed, steps)
    total = _sums(weight, rows, step - 1, difference, n_cells - 1)
    count = _sums(weight, rows, step - 1, np.ones(len(rows)), n_cells - 1)
    # A sample without a row of a step says nothing else of it than all rows do.
    whole = np.broadcast_to(total[0] / count[0], total.shape)
    mean = np.divide(total, count, out=whole.copy(), where=count > 0)
    curve = np.concatenate([np.zeros((len(mean), 1)), mean.cumsum(1)], axis=1)
    at_rows = interpolation(steps.position, n_cells)
    share = np.asarray(weight @ at_rows)
    missing = np.flatnonzero(np.isnan(steps.position) & (steps.kind != CATEGORY))
    if len(missing):
        middle = int(np.nanmedian(steps.position).round())
        moved = _missing_differences(logit, parsed.take(missing), steps, middle)
        n_missing = _sums(weight, missing, np.zeros_like(missing), np.ones(len(missing)), 1)
        sums = _sums(weight, missing, np.zeros_like(missing), moved, 1)
        mean = np.divide(sums, n_missing, out=np.full_like(sums, moved.mean()), where=n_missing > 0)
        curve = np.concatenate([curve, curve[:, [middle]] + mean], axis=1)
        share = np.concatenate([share, n_missing], axis=1)
    curve -= ((curve * share).sum(1) / share.sum(1))[:, None]
    effects = np.asarray(at_rows @ curve[0, :n_cells])
    effects[missing] = curve[0, -1]
    low, high = np.quantile(curve[1:], [0.025, 0.975], axis=0)
    ends = np.stack([curve[0], low, high])
    effect, low, high = (tuple(line[:n_cells].tolist()) for line in ends)
    return EffectCurve(
        steps.column,
        steps.at,
        effect,
        low,
        high,
        steps.n_rows,
        kind=steps.kind,
        missing=tuple(ends[:, -1].tolist()) if len(missing) else None,
        n_missing=len(missing),
        spread=float(np.sqrt((effects**2).sum() / share[0].sum())),
    )


def differences(
    logit: Logit, parsed: pd.DataFrame, steps: Steps
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats]:
    """Return the rows, the steps and the values of the differences of the log-odds, ``[M]``."""
    rows, side = np.nonzero(steps.steps)
    step = steps.steps[rows, side]
    cells = steps.cells[np.concatenate([step, step - 1])]
    moved = logit(with_cells(parsed.take(np.tile(rows, 2)), {steps.column: cells}))
    upper, lower = np.split(moved, 2)
    return rows, step, upper - lower


def interpolation(position: Floats, n_cells: int) -> sparse.csr_array:
    """Return ``[N, n_cells]`` weights that interpolate a curve at positions; none where NaN."""
    rows = np.flatnonzero(~np.isnan(position))
    below = np.floor(position[rows]).clip(0, n_cells - 2).astype(np.int64)
    beyond = position[rows] - below
    weights = np.concatenate([1 - beyond, beyond])
    place = (np.tile(rows, 2), np.concatenate([below, below + 1]))
    return sparse.csr_array((weights, place), shape=(len(position), n_cells))


def resampled(n: int, draws: int, seed: int) -> Floats:
    """Return how often each row is in each sample, ``[1 + draws, n]``; all rows once come first."""
    rng = np.random.default_rng(seed)
    counts = [np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(draws)]
    return np.stack([np.ones(n), *counts])


def _sums(
    weight: Floats, rows: npt.NDArray[Any], column: npt.NDArray[Any], values: Floats, width: int
) -> Floats:
    """Return the weighted sums of values by column, ``[1 + draws, width]``."""
    placed = sparse.csr_array((values, (rows, column)), shape=(weight.shape[1], width))
    return np.asarray(weight @ placed)


def _missing_differences(logit: Logit, parsed: pd.DataFrame, steps: Steps, middle: int) -> Floats:
    """Return the log-odds of missing cells less those of the middle cell, ``[M]``."""
    known = np.full(len(parsed), steps.cells[middle])
    return logit(parsed) - logit(with_cells(parsed, {steps.column: known}))

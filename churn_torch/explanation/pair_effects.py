"""Two-way accumulated local effects: what two columns do beyond their two curves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from churn_torch.explanation.accumulated_effects import PairEffect, interpolation
from churn_torch.explanation.column_steps import Floats, Logit, Steps, with_cells

# Steps of each column.
STEPS = 6


def pair_effect(
    logit: Logit, parsed: pd.DataFrame, first: Steps, second: Steps
) -> PairEffect | None:
    """Return the effect of two columns together; None where no row stands on the steps of both.

    The second differences at the rows of each cell of the grid are averaged and added up; then what
    the sum does along each column alone, and its mean, are taken off. A cell without rows takes the
    mean of the nearest ones that have some.
    Source: Apley & Zhu 2020, equations 17 to 20.

    Args:
        logit: Gives the log-odds of N parsed rows, ``[N]``.
        parsed: N rows (`churn_torch.tables.encode.parse`).
        first: Of one column, on the same rows.
        second: Of another.
    """
    shape = (len(first.cells), len(second.cells))
    on_both = ~np.isnan(first.position) & ~np.isnan(second.position)
    if not on_both.any():
        return None
    total, count = np.zeros((shape[0] - 1, shape[1] - 1)), np.zeros((shape[0] - 1, shape[1] - 1))
    for rows, one, other in _cells(first, second):
        cells = {
            first.column: first.cells[np.concatenate([one, one, one - 1, one - 1])],
            second.column: second.cells[np.concatenate([other, other - 1, other, other - 1])],
        }
        moved = logit(with_cells(parsed.take(np.tile(rows, 4)), cells))
        both, left, right, neither = np.split(moved, 4)
        difference = (both - left) - (right - neither)
        np.add.at(total, (one - 1, other - 1), difference)
        np.add.at(count, (one - 1, other - 1), 1)
    if not count.any():
        return None
    effect = np.zeros(shape)
    effect[1:, 1:] = _means(total, count).cumsum(0).cumsum(1)
    at_first, at_second = (interpolation(one.position, len(one.cells)) for one in (first, second))
    along_first = _along(effect, first, at_second, on_both)
    along_second = _along(effect.T, second, at_first, on_both)
    effect = effect - along_first[:, None] - along_second
    at_rows = np.asarray((at_first @ effect * at_second.toarray()).sum(1))[on_both]
    effect -= at_rows.mean()
    nearest = np.zeros(shape, np.int64)
    places = (np.round(one.position[on_both]).astype(np.int64) for one in (first, second))
    np.add.at(nearest, tuple(places), 1)
    return PairEffect(
        (first.column, second.column),
        first.at,
        second.at,
        tuple(map(tuple, effect.tolist())),
        float(at_rows.std()),
        tuple(map(tuple, nearest.tolist())),
    )


def _cells(
    first: Steps, second: Steps
) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Yield rows with their steps in both columns, for each side that steps are taken on."""
    for one in first.steps.T:
        for other in second.steps.T:
            rows = np.flatnonzero((one > 0) & (other > 0))
            if len(rows):
                yield rows, one[rows], other[rows]


def _means(total: Floats, count: Floats) -> Floats:
    """Return the mean of each cell; without rows, that of the nearest ones with rows."""
    known = np.argwhere(count > 0)
    distance = ((np.argwhere(count >= 0)[:, None] - known) ** 2).sum(2)
    nearest = (distance == distance.min(1, keepdims=True)).astype(np.float64)
    means = total[count > 0] / count[count > 0]
    return np.asarray(nearest @ means / nearest.sum(1)).reshape(count.shape)


def _along(
    effect: Floats, steps: Steps, at_other: sparse.csr_array, on_both: npt.NDArray[Any]
) -> Floats:
    """Return the accumulated effect of the first column in ``effect`` alone, ``[K + 1]``."""
    rows, side = np.nonzero(steps.steps * on_both[:, None])
    step = steps.steps[rows, side]
    difference = (at_other[rows] @ np.diff(effect, axis=0).T)[np.arange(len(rows)), step - 1]
    n_steps = len(steps.cells) - 1
    count = np.bincount(step - 1, minlength=n_steps)
    mean = np.bincount(step - 1, difference, n_steps) / np.maximum(count, 1)
    return np.concatenate([[0.0], mean.cumsum()])

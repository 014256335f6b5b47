"""The cumulative gains curve: churners among the rows taken, most probable rows first.

AUROC, average precision, lift and captured share are computed from it. Rows of equal probability
have no order, so the curve has one point for each group of ties and is a straight line between
them: the expected value over random orders of the ties. All functions take ``R`` curves at
once.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]


def top_rows(share: float | Fraction, n: int) -> int:
    """Return ``ceil(share * n)`` in exact arithmetic: in floats, 0.07 * 100 is above 7."""
    return math.ceil(Fraction(str(share)) * n)


def gains(negatives: Ints, positives: Ints) -> tuple[Ints, Ints]:
    """Return the rows taken, and the churners among them, at the end of each group of ties.

    Shape:
        ``negatives`` and ``positives``, counted in each group, most probable group first, are
        ``[R, G]``; both curves are ``[R, G + 1]`` and start at 0.
    """
    rows, churners = np.zeros((2, len(positives), positives.shape[1] + 1), np.int64)
    np.cumsum(negatives + positives, axis=1, out=rows[:, 1:])
    np.cumsum(positives, axis=1, out=churners[:, 1:])
    return rows, churners


def auroc(rows: Ints, churners: Ints) -> Floats:
    """Return the area under each ROC curve, shape ``[R]``; a group of ties is a straight line."""
    others = rows - churners
    area = np.trapezoid(churners, others, axis=1)
    return np.asarray(area / (churners[:, -1] * others[:, -1]))


def average_precision(rows: Ints, churners: Ints) -> Floats:
    """Return the sum of precision times the gain in recall, group by group, shape ``[R]``."""
    # A group without rows in a replicate gains nothing, whatever its precision.
    precision = churners[:, 1:] / np.maximum(rows[:, 1:], 1)
    return np.asarray((precision * np.diff(churners, axis=1)).sum(axis=1) / churners[:, -1])


def captured(rows: Ints, churners: Ints, percent: int) -> Floats:
    """Return the expected share of the churners in the top ``percent`` of the rows, ``[R]``."""
    k = top_rows(Fraction(percent, 100), int(rows[0, -1]))
    # Inside the group of ties that holds the k-th row the expectation is a straight line.
    end = (rows < k).sum(axis=1, keepdims=True)
    rows_before, rows_after = (np.take_along_axis(rows, i, axis=1) for i in (end - 1, end))
    before, after = (np.take_along_axis(churners, i, axis=1) for i in (end - 1, end))
    expected = before + (k - rows_before) * (after - before) / (rows_after - rows_before)
    return np.asarray(expected[:, 0] / churners[:, -1])


def lift(rows: Ints, churners: Ints, percent: int) -> Floats:
    """Return the churn rate of the top ``percent`` of the rows over that of all rows, ``[R]``."""
    n = int(rows[0, -1])
    return captured(rows, churners, percent) * n / top_rows(Fraction(percent, 100), n)


def rate_around(rows: Ints, churners: Ints, last: int) -> float:
    """Return the churn rate between half of the first ``last`` rows and half as many again.

    Of one curve, ``[1, G + 1]``.
    """
    ends = np.array([0.5, min(1.5, float(rows[0, -1]) / last)]) * last
    before, after = np.interp(ends, rows[0], churners[0])
    return float((after - before) / (ends[1] - ends[0]))

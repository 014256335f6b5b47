"""The cumulative gains curve: churners found against rows taken, most probable rows first.

Lift, captured share and AUROC are read off it. Rows of equal probability have no order, so the
curve has one point a group of ties and is a straight line inside it: the expected value over
random ways to break the ties. Curves are drawn for ``R`` bootstrap replicates at a time.
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
    """Return ``ceil(share * n)``, with 0.07 read as 7/100: in floats, 0.07 * 100 is above 7."""
    return math.ceil(Fraction(str(share)) * n)


def ranking(probability: Floats) -> tuple[Ints, Ints]:
    """Return the order from most to least probable, and the last place of each group of ties."""
    order = np.argsort(-probability, kind="stable")
    ordered = probability[order]
    ends = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1)
    return order, ends


def gains(times: Ints, ordered_label: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """Return rows taken and churners found at the end of each group of ties.

    Shape:
        ``times`` (how often each row counts) is ``[R, N]``, ``ordered_label`` ``[N]``, ``ends``
        ``[G]``; both curves are ``[R, G + 1]`` and start at 0.
    """
    rows, churners = np.zeros((2, len(times), len(ends) + 1), np.int64)
    rows[:, 1:] = np.cumsum(times, axis=1)[:, ends]
    churners[:, 1:] = np.cumsum(times * ordered_label, axis=1)[:, ends]
    return rows, churners


def auroc(rows: Ints, churners: Ints) -> Floats:
    """Return the area under each ROC curve, shape ``[R]``; a group of ties is a straight line."""
    others = rows - churners
    area = np.trapezoid(churners, others, axis=1)
    return np.asarray(area / (churners[:, -1] * others[:, -1]))


def captured(rows: Ints, churners: Ints, percent: int) -> Floats:
    """Return the expected share of the churners in the top ``percent`` of the rows, ``[R]``."""
    k = top_rows(Fraction(percent, 100), int(rows[0, -1]))
    # Inside the group of ties that holds the k-th row the expectation is a straight line.
    end = (rows < k).sum(axis=1, keepdims=True)
    rows_before, rows_after = (np.take_along_axis(rows, i, axis=1) for i in (end - 1, end))
    before, after = (np.take_along_axis(churners, i, axis=1) for i in (end - 1, end))
    found = before + (k - rows_before) * (after - before) / (rows_after - rows_before)
    return np.asarray(found[:, 0] / churners[:, -1])


def lift(rows: Ints, churners: Ints, percent: int) -> Floats:
    """Return how many times more churners than in the split are in the top ``percent``, ``[R]``."""
    n = int(rows[0, -1])
    return captured(rows, churners, percent) * n / top_rows(Fraction(percent, 100), n)

"""Harrell's C-index: how often the customer with the higher risk leaves first."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from churn_torch.evaluation.kaplan_meier import Z_95


class Concordance(NamedTuple):
    """The C-index and its 95 % interval.

    Attributes:
        value: 1 where risks and lifetimes have the same order, 0.5 for risks that say nothing.
        low: Lower end.
        high: Upper end.
    """

    value: float
    low: float
    high: float


def concordance(
    risk: npt.NDArray[Any], last: npt.NDArray[Any], event: npt.NDArray[Any]
) -> Concordance | None:
    """Return the C-index of risks; None where no two customers can be compared.

    A pair counts where it is known who left first: one left in a period in which the other was
    still there at its end. Equal risks count half. The interval takes the index as the ratio of two
    sums over pairs, and the variance of a customer's part in it (infinitesimal jackknife).
    Sources: Harrell, Lee & Mark 1996, "Multivariable prognostic models"; for the interval Efron &
    Tibshirani 1993, "An introduction to the bootstrap", chapter 21.

    Args:
        risk: ``[N]``, higher where a customer should leave earlier.
        last: ``[N]``, the last period observed.
        event: ``[N]``, 1 for customers who left in it.
    """
    right, pairs = pairs_of(risk, last, event)
    n_pairs = pairs.sum() / 2
    if not n_pairs:
        return None
    value = right.sum() / 2 / n_pairs
    value = float(value)
    spread = Z_95 * float(np.sqrt(np.sum((right - value * pairs) ** 2)) / n_pairs)
    return Concordance(value, max(value - spread, 0.0), min(value + spread, 1.0))


def pairs_of(
    risk: npt.NDArray[Any], last: npt.NDArray[Any], event: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return in how many pairs that count each customer is, ``[N]``: in right ones, and in all.

    Args:
        risk: As for `concordance`.
        last: As for `concordance`.
        event: As for `concordance`.
    """
    risk, last = np.asarray(risk, dtype=np.float64), np.asarray(last)
    left = np.asarray(event) == 1
    right, pairs = np.zeros(len(risk)), np.zeros(len(risk))
    for period in np.unique(last[left]):
        case = np.flatnonzero(left & (last == period))
        stays = np.flatnonzero((last > period) | ((last == period) & ~left))
        for these, others, sign in ((case, stays, 1), (stays, case, -1)):
            ordered = np.sort(sign * risk[others])
            below = np.searchsorted(ordered, sign * risk[these], side="left")
            up_to = np.searchsorted(ordered, sign * risk[these], side="right")
            right[these] += (below + up_to) / 2
            pairs[these] += len(others)
    return right, pairs

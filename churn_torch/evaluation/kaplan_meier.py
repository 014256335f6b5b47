"""The Kaplan-Meier estimate: how many customers stay, and how many are still observed."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Z_95 = NormalDist().inv_cdf(0.975)
LEAST_CHANCE = 0.025


class KaplanMeier(NamedTuple):
    """The share of customers who stay for 1, 2, ... K periods, every array ``[K]``.

    Attributes:
        stay: The estimate; NaN from the period on in which nobody is observed any more.
        low: Lower end of its 95 % interval.
        high: Upper end.
        error: Its standard error (Greenwood).
        at_risk: Customers observed in each period.
    """

    stay: Floats
    low: Floats
    high: Floats
    error: Floats
    at_risk: npt.NDArray[np.int64]


def kaplan_meier(last: npt.NDArray[Any], event: npt.NDArray[Any], *, n_periods: int) -> KaplanMeier:
    """Estimate the share of customers who stay, from those who left and those still there.

    ``S_k = prod(1 - d_j / n_j, j <= k)`` with d customers who leave in a period and n who are
    observed in it; the interval is Greenwood's, on the scale of log(-log S),
    or the exact one of a binomial where nobody has left.
    Sources: Kaplan & Meier 1958, "Nonparametric estimation from incomplete observations";
    Kalbfleisch & Prentice 2002, "The statistical analysis of failure time data", section 1.4.

    Args:
        last: ``[N]``, the last period observed, from 0 on.
        event: ``[N]``, 1 for customers who left in it.
        n_periods: K.
    """
    n_left, at_risk = counts(last, event, n_periods)
    with np.errstate(divide="ignore", invalid="ignore"):
        share: Floats = np.where(at_risk > 0, 1 - n_left / at_risk, np.nan)
        stay: Floats = np.asarray(np.cumprod(share), dtype=np.float64)
        stay[np.cumsum(stay == 0) > 0] = 0.0  # who has left stays away
        variance = np.cumsum(n_left / (at_risk * (at_risk - n_left)))
        error: Floats = np.asarray(stay * np.sqrt(variance))
        spread = Z_95 * np.sqrt(variance) / np.abs(np.log(stay))
        low: Floats = np.asarray(stay ** np.exp(spread))
        high: Floats = np.asarray(stay ** np.exp(-spread))
        # Where nobody has left yet, what as many customers would show by chance in one of 40 cases.
        none_left = np.where(stay == 1, LEAST_CHANCE ** (1 / at_risk), low)
    low, high = np.where(stay == 0, 0.0, none_left), np.where(stay == 1, 1.0, high)
    high = np.where(stay == 0, 0.0, high)
    error = np.where(stay == 0, 0.0, error)
    return KaplanMeier(stay, low, high, error, at_risk)


def counts(
    last: npt.NDArray[Any], event: npt.NDArray[Any], n_periods: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return how many customers left in each period, and how many were observed in it, ``[K]``."""
    last = np.minimum(np.asarray(last, dtype=np.int64), n_periods + 1)
    n_left = np.bincount(last[np.asarray(event) == 1], minlength=n_periods + 2)
    n_last = np.bincount(last, minlength=n_periods + 2)
    at_risk = n_last[::-1].cumsum()[::-1]
    return n_left[1 : n_periods + 1], at_risk[1 : n_periods + 1]


def still_observed(last: npt.NDArray[Any], event: npt.NDArray[Any], *, n_periods: int) -> Floats:
    """Return the chance that a customer is observed in a period, had nobody left: ``[K]``.

    It is the Kaplan-Meier estimate for the end of the observation. Who is still there after a
    period has been observed in all of it, so of the customers who end in period k those who left
    left before.
    """
    censored = 1 - np.asarray(event)
    n_ended, at_risk = counts(last, censored, n_periods)
    n_left, _ = counts(last, event, n_periods)
    able = at_risk - n_left
    with np.errstate(divide="ignore", invalid="ignore"):
        after = np.cumprod(np.where(able > 0, 1 - n_ended / able, 0.0))
    n_rows = len(np.asarray(last))
    begun = float((np.asarray(last) > 0).mean()) if n_rows else 1.0
    return begun * np.concatenate([[1.0], after[:-1]])

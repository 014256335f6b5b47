"""How well expected spend holds: its total, and what groups of customers spent in truth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from churn_torch.errors import InputError
from churn_torch.evaluation.share_intervals import CONFIDENCE, Interval

Floats = npt.NDArray[np.floating[Any]]

N_GROUPS = 10
_Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


@dataclass(frozen=True)
class SpendGroup:
    """Customers who stay, of neighbouring expected spend.

    Attributes:
        n: How many.
        expected: Their mean expected spend.
        observed: Their mean spend.
        interval: Of the mean spend.
    """

    n: int
    expected: float
    observed: float
    interval: Interval


@dataclass(frozen=True)
class SpendMetrics:
    """How well expected spend holds on rows whose spend is known.

    Attributes:
        n: Customers who stay.
        spent: What they spent in all.
        expected: What they were expected to spend in all.
        ratio: Spent over expected: 1 where the total holds.
        ratio_interval: Of `ratio`.
        mean_absolute_error: Of a customer who stays.
        explained: Share of the Poisson deviance that the expected spend explains: 0 for the mean of
            all customers, 1 for the truth.
        n_all: Customers, those who leave included.
        spent_all: What all customers spent.
        expected_all: The sum of ``(1 - churn_probability) * expected_spend``.
        deciles: Customers who stay in groups of about equal size, largest expected spend first.
    """

    n: int
    spent: float
    expected: float
    ratio: float
    ratio_interval: Interval
    mean_absolute_error: float
    explained: float
    n_all: int
    spent_all: float
    expected_all: float
    deciles: tuple[SpendGroup, ...]


def spend_metrics(
    expected: Floats, probability: Floats, spend: Floats, label: Floats
) -> SpendMetrics:
    """Return how well expected spend holds.

    The interval of the ratio of two totals is that of a ratio estimator (Cochran 1977, "Sampling
    techniques", chapter 6).

    Args:
        expected: ``[N]`` expected spend of a customer who stays, above 0.
        probability: ``[N]`` of churn.
        spend: ``[N]`` what each spent, 0 or more.
        label: ``[N]`` 1 for churners.

    Raises:
        InputError: Fewer than two customers stay.
    """
    expected, probability, spend = (
        np.asarray(values, np.float64) for values in (expected, probability, spend)
    )
    stays = np.asarray(label) == 0
    n = int(stays.sum())
    if n < 2:
        raise InputError(
            "data.spend",
            expected="two or more customers who stay",
            got=str(n),
            fix="measure on more rows",
        )
    known, guess = spend[stays], expected[stays]
    ratio = known.sum() / guess.sum()
    error = math.sqrt(n / (n - 1) * float(((known - ratio * guess) ** 2).sum())) / guess.sum()
    base = _deviance(known, np.full(n, known.mean())) if known.any() else 0.0
    order = np.argsort(-guess, kind="stable")
    return SpendMetrics(
        n=n,
        spent=float(known.sum()),
        expected=float(guess.sum()),
        ratio=float(ratio),
        ratio_interval=(float(ratio - _Z * error), float(ratio + _Z * error)),
        mean_absolute_error=float(np.abs(known - guess).mean()),
        explained=1.0 - _deviance(known, guess) / base if base else 0.0,
        n_all=len(spend),
        spent_all=float(spend.sum()),
        expected_all=float(((1.0 - probability) * expected).sum()),
        deciles=tuple(
            _group(known[rows], guess[rows])
            for rows in np.array_split(order, min(N_GROUPS, n // 2))
        ),
    )


def _group(known: Floats, guess: Floats) -> SpendGroup:
    mean = float(known.mean())
    error = _Z * float(known.std(ddof=1)) / math.sqrt(len(known))
    return SpendGroup(len(known), float(guess.mean()), mean, (mean - error, mean + error))


def _deviance(known: Floats, guess: Floats) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(known > 0, known * np.log(known / guess), 0.0)
    return 2 * float((logs - known + guess).sum())

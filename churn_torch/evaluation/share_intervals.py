"""Intervals of shares: precision and recall, and the churners among the most probable rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from statistics import NormalDist

from churn_torch.evaluation import gains
from churn_torch.evaluation.gains import Ints

CONFIDENCE = 0.95
Interval = tuple[float, float]


def wilson(successes: float, n: float, *, confidence: float = CONFIDENCE) -> Interval:
    """Return the score interval of a share; n is 1 or more, or the effective number of rows.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, scale = successes / n, 1 + z * z / n
    middle = (share + z * z / (2 * n)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low, high = middle - half, middle + half
    return low if successes else 0.0, high if successes < n else 1.0


def top_intervals(
    rows: Ints, churners: Ints, percents: Sequence[int], *, confidence: float = CONFIDENCE
) -> dict[str, Interval]:
    """Return the intervals of each lift and captured share, by the name of the metric.

    Args:
        rows: Of one gains curve, ``[1, G + 1]``.
        churners: The same.
        percents: Shares of the rows.
        confidence: As for `captured_interval`.
    """
    n, n_churners = int(rows[0, -1]), int(churners[0, -1])
    lifts, shares = {}, {}
    for percent in percents:
        taken = gains.top_rows(Fraction(percent, 100), n)
        low, high = captured_interval(
            gains.captured(rows, churners, percent).item() * n_churners,
            taken,
            n_churners,
            n,
            rate_at_edge=gains.rate_around(rows, churners, taken),
            confidence=confidence,
        )
        shares[f"captured_at_{percent}"] = (low, high)
        lifts[f"lift_at_{percent}"] = (low * n / taken, high * n / taken)
    return {**lifts, **shares}


def captured_interval(
    churners: float,
    rows: int,
    n_churners: int,
    n: int,
    *,
    rate_at_edge: float,
    confidence: float = CONFIDENCE,
) -> Interval:
    """Return the interval of the share of all churners that the most probable rows hold.

    The labels of the rows taken, and those of the others, are two samples with a churn rate each,
    and the share depends on the ratio of the two rates. The interval holds the shares that a score
    test does not reject, widened for the probability on the edge, which the sample decides too.
    Lift is the share divided by ``rows / n``, so its interval follows.

    Source: Koopman 1984, "Confidence intervals for the ratio of two binomial proportions".

    Args:
        churners: Among the rows taken; a fraction where rows on the edge are tied.
        rows: Rows taken, above 0 and below n.
        n_churners: Among all rows; there are also non-churners.
        n: All rows.
        rate_at_edge: Churn rate of the rows around the last one taken.
        confidence: Share of samples whose interval is to hold the true share.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    z *= math.sqrt(_widening(churners, rows, n_churners, n, rate_at_edge))
    others, churners_of_others = n - rows, max(n_churners - churners, 0.0)

    def rejected(share: float) -> bool:
        """Whether the samples differ too much from rates in this ratio."""
        if share <= 0:
            return churners > 0
        if share >= 1:
            return churners_of_others > 0
        ratio = share * others / (rows * (1 - share))
        # The most likely rates, if their ratio is this (Koopman's equation).
        linear = ratio * (rows + churners_of_others) + churners + others
        root = math.sqrt(max(linear**2 - 4 * ratio * n * n_churners, 0.0))
        rate_of_others = 2 * n_churners / (linear + root)
        rate = ratio * rate_of_others
        variance = rows * rate * (1 - rate)
        variance_of_others = others * rate_of_others * (1 - rate_of_others)
        deviation = churners - rows * rate
        deviation_of_others = churners_of_others - others * rate_of_others
        statistic = deviation**2 / variance if variance > 0 else 0.0
        if variance_of_others > 0:
            statistic += deviation_of_others**2 / variance_of_others
        return statistic > z * z

    estimate = churners / n_churners
    return edge_between(rejected, 0.0, estimate), edge_between(rejected, 1.0, estimate)


def _widening(churners: float, rows: int, n_churners: int, n: int, rate_at_edge: float) -> float:
    """Return the variance of the log of the share, in times of that of two samples of labels.

    Were the edge a probability known before, another number of rows would lie above it, of
    variance n q (1 - q) with q = rows / n. What one row more or less changes is the derivative of
    the share by q.
    """
    others, q = n - rows, rows / n
    # Half a churner more in each part, so that no rate is 0 or 1.
    rate = (churners + 0.5) / (rows + 1)
    rate_of_others = (n_churners - churners + 0.5) / (others + 1)
    mean = q * rate + (1 - q) * rate_of_others
    labels = (1 - rate) / (rows * rate) + (1 - rate_of_others) / (others * rate_of_others)
    labels *= ((1 - q) * rate_of_others / mean) ** 2
    slope = (rate - rate_of_others) / mean - (1 - rate_at_edge / rate) / q
    return 1 + slope**2 * q * (1 - q) / n / labels


def edge_between(
    rejected: Callable[[float], bool], outside: float, inside: float, *, steps: int = 60
) -> float:
    """Return the first number that is not rejected on the way to one that is not, by bisection."""
    if not rejected(outside):
        return outside
    for _ in range(steps):
        middle = (outside + inside) / 2
        if rejected(middle):
            outside = middle
        else:
            inside = middle
    return inside

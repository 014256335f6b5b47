"""The interval of an AUROC: DeLong's variance on the logit scale, with a small prior row.

The variance is that of DeLong, DeLong and Clarke-Pearson 1988, "Comparing the areas under two or
more correlated receiver operating characteristic curves"; on the logit scale the interval stays
inside 0 and 1 (Pepe 2003, "The statistical evaluation of medical tests", 5.2.4). With few churners
the sample may lack the churners whom the model ranks low, and then both the AUROC and its certainty
are too high. So the limit nearer to chance counts a third of one more churner, and of one more
non-churner, whom the model ranks at chance; the centre of the other limit moves half as far. There
is an interval even where every pair is in the right order. The two numbers were chosen by
simulation, and benchmarks/interval_coverage.py measures how often the interval holds the truth.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from churn_torch.evaluation.gains import Floats, Ints

# Rows of each class at chance that the limit nearer to chance counts on top, and how far the other
# limit's centre follows.
PRIOR_ROWS = 1 / 3
FOLLOWS = 0.5


class Placements(NamedTuple):
    """Of a class: its rows, and the variance of the share of the other class each is right of."""

    n: float
    variance: float


def auroc_interval(
    negatives: Ints, positives: Ints, *, confidence: float = 0.95
) -> tuple[float, float]:
    """Return the interval of the AUROC of rows that are counted in groups of ties.

    Args:
        negatives: Non-churners of each group, most probable group first, ``[G]``.
        positives: Churners of each group, ``[G]``; both classes have rows.
        confidence: Share of samples whose interval is to hold the true AUROC.
    """
    n_negative, n_positive = int(negatives.sum()), int(positives.sum())
    below, above = placements(negatives, positives)
    area = float(positives @ below) / n_positive
    churners = Placements(n_positive, _variance(below, positives, area))
    others = Placements(n_negative, _variance(above, negatives, area))
    return interval_of(area, churners, others, confidence=confidence)


def interval_of(
    area: float, churners: Placements, others: Placements, *, confidence: float = 0.95
) -> tuple[float, float]:
    """Return the interval of an AUROC whose placements are known.

    Args:
        area: The AUROC.
        churners: Of the churners; where they have weights, as many rows as tell as much.
        others: Of the others.
        confidence: As for `auroc_interval`.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    low = _lower_limit(area, churners, others, z)
    high = 1 - _lower_limit(1 - area, churners, others, z)
    return low, high


def placements(negatives: Ints, positives: Ints) -> tuple[Floats, Floats]:
    """Return the share of the other class that a row of each group is ranked right of.

    Ties are half. DeLong's variance is that of these shares.

    Args:
        negatives: Non-churners of each group, most probable group first, ``[G]``.
        positives: Churners of each group, ``[G]``.

    Returns:
        The share of the non-churners below a churner, and of the churners above a non-churner,
        both ``[G]``.
    """
    n_negative, n_positive = negatives.sum(), positives.sum()
    below = (n_negative - np.cumsum(negatives) + negatives / 2) / n_negative
    above = (np.cumsum(positives) - positives / 2) / n_positive
    return below, above


def ranked_counts(probability: Floats, label: Floats) -> tuple[Ints, Ints]:
    """Return rows as the other functions take them: those of each class by group of ties.

    Args:
        probability: ``[N]``.
        label: ``[N]`` of 1 for churners and 0 for the others.

    Returns:
        Non-churners and churners of each group, most probable group first, both ``[G]``.
    """
    values, group = np.unique(-probability, return_inverse=True)
    negatives, positives = (
        np.bincount(group[label == of_class], minlength=len(values)) for of_class in (0, 1)
    )
    return negatives, positives


def area(negatives: Ints, positives: Ints) -> float:
    """Return the AUROC of rows that are counted in groups of ties; both classes have rows."""
    below, _ = placements(negatives, positives)
    return float(positives @ below) / int(positives.sum())


def standard_error(negatives: Ints, positives: Ints) -> tuple[float, float]:
    """Return the standard error of an AUROC, and its degrees of freedom as of Satterthwaite.

    Args:
        negatives: Non-churners of each group, most probable group first, ``[G]``.
        positives: Churners of each group, ``[G]``; both classes have two rows or more.
    """
    below, above = placements(negatives, positives)
    area = float(positives @ below) / int(positives.sum())
    variance = unsure = 0.0
    for rows, placement in ((positives, below), (negatives, above)):
        one = Placements(int(rows.sum()), _variance(placement, rows, area))
        of_class = max(one.variance / (one.n - 1), _with_prior(one, 0.5 - area))
        variance += of_class
        unsure += of_class**2 / (one.n - 1)
    if unsure == 0:  # of a constant probability
        return 0.0, float(min(positives.sum(), negatives.sum()) - 1)
    return math.sqrt(variance), variance**2 / unsure


def _with_prior(rows: Placements, to_chance: float) -> float:
    """Return the variance of a class's mean placement that counts the prior row."""
    n, spread = rows
    n_all = n + PRIOR_ROWS
    return (n * spread + PRIOR_ROWS * to_chance**2 * n / n_all) / n_all / (n_all - 1)


def _variance(placement: Floats, rows: Ints, mean: float) -> float:
    return float(rows @ (placement - mean) ** 2) / int(rows.sum())


def _lower_limit(area: float, churners: Placements, others: Placements, z: float) -> float:
    """Return the lower limit; the upper one is that of the AUROC of the turned order."""
    to_chance = 0.5 - area
    nearer = area > 0.5  # this limit to chance than the other
    variance, center = 0.0, area
    for rows in (churners, others):
        # One row does not show a spread: that of ranks at random.
        plain = rows.variance / (rows.n - 1) if rows.n > 1 else 1 / 12
        variance += max(plain, _with_prior(rows, to_chance)) if nearer else plain
        center += to_chance * PRIOR_ROWS / (rows.n + PRIOR_ROWS) * (1.0 if nearer else FOLLOWS)
    half = z * math.sqrt(variance) / (center * (1 - center))
    limit = 1 / (1 + math.exp(half) * (1 - center) / center)
    return min(limit, area)

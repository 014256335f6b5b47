"""Many differences judged at once: p-values and intervals that hold for all of them together.

The largest of several differences looks large even where the models are equal. A single-step test
of the largest standardised difference corrects for that with the correlation that the differences
have (Hothorn, Bretz & Westfall 2008, "Simultaneous inference in general parametric models"). For
differences to one model it is Dunnett's test, for all pairs Tukey's. Unlike Holm's correction it
has intervals that go with it: one excludes 0 exactly if its p-value is below 0.05.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import norm
from scipy.stats import t as student

from churn_torch.evaluation.model_comparison.paired_metrics import Estimates, Floats
from churn_torch.evaluation.share_intervals import CONFIDENCE

# Draws, fewer where there are many pairs, and numbers that are in memory at a time.
MOST_DRAWS, FEWEST_DRAWS, MOST_NUMBERS, AT_A_TIME = 100_000, 10_000, 50_000_000, 4_000_000

# What rounding leaves of two equal numbers, in times of them.
ROUNDING = 1e-12

Pairs = npt.NDArray[np.intp]


class Differences(NamedTuple):
    """Differences of P pairs of models, each ``[P]``."""

    value: Floats
    low: Floats
    high: Floats
    p_value: Floats
    adjusted_p_value: Floats


def differences(
    estimates: Estimates, pairs: Pairs, *, confidence: float = CONFIDENCE, seed: int = 0
) -> Differences:
    """Return the first minus the second model of each pair, corrected for the number of pairs.

    Args:
        estimates: A metric of R models.
        pairs: ``[P, 2]``, two different models each.
        confidence: How often all intervals are to hold the truth at once.
        seed: Of the draws that the correlation needs.
    """
    first, second = pairs.T
    value = estimates.value[first] - estimates.value[second]
    value[np.abs(value) <= ROUNDING * np.abs(estimates.value[first])] = 0.0
    error, freedom = _errors(estimates, first, second)
    statistic = np.divide(value, error, out=np.zeros_like(value), where=error > 0)
    statistic[(error == 0) & (value != 0)] = np.inf
    p_value = 2 * student.sf(np.abs(statistic), freedom)
    largest = _largest(estimates.covariance, first, second, error, seed)
    # Each statistic as the normal one of equal p-value: the pairs differ in degrees of freedom.
    equivalent = norm.isf(p_value / 2)
    above = 1 - np.searchsorted(largest, equivalent, side="left") / len(largest)
    # Simulation is rough far out, where the bounds of one pair and of independent pairs hold.
    adjusted = np.clip(above, p_value, np.minimum(len(pairs) * p_value, 1))
    one, all_apart = norm.isf((1 - confidence) / 2 / np.array([1, len(pairs)]))
    critical = np.clip(np.quantile(largest, confidence), one, all_apart)
    half = student.isf(norm.sf(critical), freedom) * error
    return Differences(value, value - half, value + half, p_value, adjusted)


def _errors(estimates: Estimates, first: Pairs, second: Pairs) -> tuple[Floats, Floats]:
    """Return standard errors of the differences, and degrees of freedom as of Satterthwaite."""
    variances = np.array([_variance(part, first, second) for part, _ in estimates.parts])
    freedom = np.array([[each] for _, each in estimates.parts])
    total = variances.sum(axis=0)
    weights = (variances**2 / freedom).sum(axis=0)
    joint = np.divide(total**2, weights, out=np.full_like(total, freedom.min()), where=weights > 0)
    if estimates.cross is not None:
        total = total + _variance(estimates.cross, first, second)
    scale = np.diag(estimates.covariance)
    total[total <= ROUNDING * (scale[first] + scale[second])] = 0.0
    return np.sqrt(total), joint


def _variance(covariance: Floats, first: Pairs, second: Pairs) -> Floats:
    of_one = np.diag(covariance)
    return np.asarray(of_one[first] + of_one[second] - 2 * covariance[first, second])


def _largest(covariance: Floats, first: Pairs, second: Pairs, error: Floats, seed: int) -> Floats:
    """Return draws of the largest standardised difference of equal models, sorted."""
    known = error > 0
    first, second, error = first[known], second[known], error[known]
    if len(known) == 1 or len(error) == 0:  # there is nothing to correct
        return np.zeros(1)
    eigenvalues, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(eigenvalues, 0.0))
    loads = (root[first] - root[second]) / error[:, None]
    rng = np.random.default_rng(seed)
    draws = int(np.clip(MOST_NUMBERS // len(error), FEWEST_DRAWS, MOST_DRAWS))
    at_a_time = max(AT_A_TIME // len(error), 1)
    largest = [
        np.abs(rng.standard_normal((min(at_a_time, draws - done), len(root))) @ loads.T).max(axis=1)
        for done in range(0, draws, at_a_time)
    ]
    return np.sort(np.concatenate(largest))

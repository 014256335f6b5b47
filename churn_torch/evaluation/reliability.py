"""Reliability: whether customers leave as often as their probability says.

The curve is CORP: the churn rate of each probability by isotonic regression, which needs no choice
of bins and gives an exact decomposition of the Brier score. The consistency band is where 95 % of
the curves of a calibrated model lie, point by point. Source: Dimitriadis, Gneiting & Jordan 2021,
"Stable reliability diagrams for probabilistic classifiers", PNAS 118(8).

Slope and intercept are those of a logistic regression of churn on the log-odds of the probability,
the intercept with the slope fixed at 1 (Cox 1958, "Two further applications of a model for binary
regression"; Van Calster et al. 2019, "Calibration: the Achilles heel of predictive analytics").
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression

from churn_torch.evaluation.gains import Ints
from churn_torch.evaluation.share_intervals import CONFIDENCE, wilson

# Groups that are drawn anew for the band; more are merged with their neighbours.
_DRAWN_GROUPS = 1_000
# A smaller error of money or of a slope is not worth a word, however many rows show it.
_NOTABLE_RATIO = 0.05
_NOTABLE_SLOPE = 0.1
_EPS = 1e-7
_STEPS = 50

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Reliability:
    """A reliability curve: both ends of each block of rows that share a churn rate, rising.

    Attributes:
        probability: ``[K]`` predicted.
        rate: ``[K]`` churn rate at it, by isotonic regression.
        band_low: ``[K]`` lower end of the band in which the curve of a calibrated model lies.
        band_high: ``[K]`` upper end.
        n_rows: ``[K]`` rows of the block.
    """

    probability: tuple[float, ...]
    rate: tuple[float, ...]
    band_low: tuple[float, ...]
    band_high: tuple[float, ...]
    n_rows: tuple[int, ...]


@dataclass(frozen=True)
class Calibration:
    """How well probabilities are calibrated; intervals of 95 %.

    The Brier score is ``miscalibration - discrimination + uncertainty``.

    Attributes:
        slope: 1 is ideal, below 1 the probabilities are too extreme; None where there is none: all
            rows have one probability, or it separates the classes.
        slope_low: Lower end.
        slope_high: Upper end.
        intercept: 0 is ideal, below 0 churn is overstated; None as for the slope.
        intercept_low: Lower end.
        intercept_high: Upper end.
        miscalibration: What recalibration could gain; never below 0, and a little above it for a
            calibrated model, because the curve follows chance too.
        discrimination: What the probabilities gain over the churn rate alone.
        uncertainty: The Brier score of the churn rate alone.
        sentence: What is wrong with the probabilities beyond chance; empty for nothing.
    """

    slope: float | None
    slope_low: float | None
    slope_high: float | None
    intercept: float | None
    intercept_low: float | None
    intercept_high: float | None
    miscalibration: float
    discrimination: float
    uncertainty: float
    sentence: str


@dataclass(frozen=True)
class Groups:
    """Rows of equal probability, least probable first.

    Attributes:
        probability: ``[G]``, rising.
        n_rows: ``[G]``.
        n_churners: ``[G]``.
    """

    probability: Floats
    n_rows: Ints
    n_churners: Ints


def grouped(probability: npt.ArrayLike, label: npt.ArrayLike) -> Groups:
    """Return the groups of ``[N]`` probabilities and labels of 0 and 1."""
    values, group, counts = np.unique(
        np.asarray(probability, np.float64), return_inverse=True, return_counts=True
    )
    churners = np.bincount(group, weights=np.asarray(label, np.float64), minlength=len(values))
    return Groups(values, counts.astype(np.int64), churners.astype(np.int64))


def reliability(groups: Groups, *, n_draws: int = 400, seed: int = 0) -> Reliability:
    """Return the CORP curve of rows with its consistency band.

    Args:
        groups: Of the rows, with one row or more.
        n_draws: Labels are drawn so often from the probabilities for the band. Beyond 1,000 groups
            neighbours are drawn together.
        seed: Of the draws.
    """
    curve = isotonic_regression(groups.n_churners / groups.n_rows, weights=groups.n_rows)
    starts, ends = curve.blocks[:-1], curve.blocks[1:] - 1
    at = np.unique(np.concatenate([starts, ends]))
    block = np.searchsorted(curve.blocks, at, side="right") - 1
    rows = np.add.reduceat(groups.n_rows, starts)
    few, of_group = _merged(groups)
    random = np.random.default_rng(seed)
    drawn = random.binomial(few.n_rows, few.probability, (n_draws, len(few.n_rows))) / few.n_rows
    drawn = np.stack([isotonic_regression(rate, weights=few.n_rows).x for rate in drawn])
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(drawn, [tail, 100 - tail], axis=0)
    return Reliability(
        tuple(groups.probability[at].tolist()),
        tuple(curve.x[at].tolist()),
        tuple(low[of_group[at]].tolist()),
        tuple(high[of_group[at]].tolist()),
        tuple(rows[block].tolist()),
    )


def calibration(groups: Groups) -> Calibration:
    """Return how well the probabilities of rows are calibrated.

    Args:
        groups: Of the rows, with churners and others among them.
    """
    probability, n_rows, n_churners = groups.probability, groups.n_rows, groups.n_churners
    n, mean = n_rows.sum(), n_churners.sum() / n_rows.sum()
    rate = isotonic_regression(n_churners / n_rows, weights=n_rows).x

    def brier(of: Floats | float) -> float:
        return float((n_churners * (1 - of) ** 2 + (n_rows - n_churners) * of**2).sum() / n)

    best, alone = brier(rate), brier(mean)
    slope, slope_low, slope_high = _slope(groups)
    intercept, intercept_low, intercept_high = _intercept(groups)
    return Calibration(
        slope,
        slope_low,
        slope_high,
        intercept,
        intercept_low,
        intercept_high,
        miscalibration=brier(probability) - best,
        discrimination=alone - best,
        uncertainty=alone,
        sentence=_sentence(groups, (slope, slope_low, slope_high)),
    )


_Estimate = tuple[float | None, float | None, float | None]
_NONE: _Estimate = (None, None, None)


def _logit(groups: Groups) -> Floats:
    clipped = groups.probability.clip(_EPS, 1 - _EPS)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))


def _slope(groups: Groups) -> _Estimate:
    logit = _logit(groups)
    center = float(groups.n_rows @ logit) / float(groups.n_rows.sum())
    churned, stayed = logit[groups.n_churners > 0], logit[groups.n_churners < groups.n_rows]
    # One probability, or classes that it separates: the likelihood then has no maximum.
    if np.ptp(logit) < _EPS or churned.min() >= stayed.max() or churned.max() <= stayed.min():
        return _NONE
    # Centred: the two coefficients then hardly depend on each other.
    design = np.column_stack([np.ones_like(logit), logit - center])
    estimate = _fitted(design, np.zeros_like(logit), groups)
    return _NONE if estimate is None else _with_interval(*(part[1] for part in estimate))


def _intercept(groups: Groups) -> _Estimate:
    logit = _logit(groups)
    estimate = _fitted(np.ones((len(logit), 1)), logit, groups)
    return _NONE if estimate is None else _with_interval(*(part[0] for part in estimate))


def _with_interval(estimate: float, error: float) -> _Estimate:
    half = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * error
    return float(estimate), float(estimate - half), float(estimate + half)


def _fitted(design: Floats, offset: Floats, groups: Groups) -> tuple[Floats, Floats] | None:
    """Return coefficients and their standard errors of a logistic regression; None if it has none.

    Newton's method with halved steps, from the offset alone.
    """
    n_rows, n_churners = groups.n_rows, groups.n_churners

    def loss(coefficients: Floats) -> float:
        logit = offset + design @ coefficients
        return float((n_rows * np.logaddexp(0, logit) - n_churners * logit).sum())

    coefficients = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        predicted = 1 / (1 + np.exp(-(offset + design @ coefficients)))
        weight = n_rows * predicted * (1 - predicted)
        information = design.T @ (weight[:, None] * design)
        gradient = design.T @ (n_rows * predicted - n_churners)
        step = np.linalg.solve(information, gradient)
        if float(gradient @ step) < 1e-12 * n_rows.sum():
            return coefficients - step, np.sqrt(np.diag(np.linalg.inv(information)))
        now = loss(coefficients)
        while loss(coefficients - step) > now:
            step /= 2
        coefficients = coefficients - step
    return None


def _merged(groups: Groups) -> tuple[Groups, Ints]:
    """Merge neighbours until few groups are left; also return which one each group is in."""
    n_groups = len(groups.n_rows)
    if n_groups <= _DRAWN_GROUPS:
        return groups, np.arange(n_groups)
    middle = np.cumsum(groups.n_rows) - groups.n_rows / 2
    wanted = (middle / groups.n_rows.sum() * _DRAWN_GROUPS).astype(np.int64)
    starts = np.flatnonzero(np.diff(wanted, prepend=-1))
    n_rows = np.add.reduceat(groups.n_rows, starts)
    expected = np.add.reduceat(groups.probability * groups.n_rows, starts)
    churners = np.add.reduceat(groups.n_churners, starts)
    of_group = np.searchsorted(starts, np.arange(n_groups), side="right") - 1
    return Groups((expected / n_rows).clip(0, 1), n_rows, churners), of_group


def _sentence(groups: Groups, slope: _Estimate) -> str:
    """Say what is wrong beyond chance, and enough to matter; nothing else."""
    n, n_churners = int(groups.n_rows.sum()), int(groups.n_churners.sum())
    predicted = float(groups.n_rows @ groups.probability) / n
    low, high = wilson(n_churners, n)
    said = []
    off = abs(predicted * n / n_churners - 1)
    if not low <= predicted <= high and off >= _NOTABLE_RATIO:
        word = "too high" if predicted > high else "too low"
        said.append(
            f"the mean probability is {predicted:.1%}, but {n_churners / n:.1%} left "
            f"[{low:.1%} to {high:.1%}], so amounts of money computed from it are {word} by about "
            f"{off:.0%}"
        )
    value, lowest, highest = slope
    if value is not None and lowest is not None and highest is not None:
        notable = abs(math.log(max(value, _EPS))) >= math.log1p(_NOTABLE_SLOPE)
        if notable and not lowest <= 1 <= highest:
            kind = (
                "too extreme: high ones are too high and low ones too low"
                if value < 1
                else "not extreme enough: high ones are too low and low ones too high"
            )
            said.append(
                f"the probabilities are {kind} (calibration slope {value:.2f} "
                f"[{lowest:.2f} to {highest:.2f}])"
            )
    return "; ".join(said)

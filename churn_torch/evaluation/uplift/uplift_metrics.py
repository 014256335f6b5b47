"""How well predicted uplift ranks customers (Qini) and is calibrated, with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from churn_torch.evaluation.gains import Floats, top_rows
from churn_torch.evaluation.share_intervals import wilson
from churn_torch.evaluation.uplift import uplift_curves as curves
from churn_torch.evaluation.uplift.experiment import Experiment
from churn_torch.evaluation.uplift.uplift_bootstrap import (
    REPLICATES,
    Interval,
    band,
    interval,
    merged,
    replicates,
)

PERCENTS = (10, 20, 30)


@dataclass(frozen=True)
class QiniCurve:
    """A Qini curve of at most about 200 points with its 95 % band, each point alone; ``[K]`` each.

    Attributes:
        share: Share of the customers, largest predicted uplift first.
        qini: `churn_torch.evaluation.uplift.uplift_curves.qini_curve`.
        low: Lower limit.
        high: Upper limit.
    """

    share: Floats
    qini: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class UpliftGroup:
    """Customers of similar predicted uplift.

    Attributes:
        n: Customers.
        n_treated: Those of them who were contacted.
        predicted: Mean predicted uplift.
        observed: Rate of the good outcome among contacted customers minus that among the others;
            None where one of the two is missing.
        interval: Its 95 % interval (Newcombe 1998, "Interval estimation for the difference between
            independent proportions", method 10; with weights, for the effective numbers of rows).
    """

    n: int
    n_treated: int
    predicted: float
    observed: float | None
    interval: Interval | None


@dataclass(frozen=True)
class UpliftMetrics:
    """Metrics of predicted uplift on an experiment.

    Attributes:
        numbers: ``n``, ``n_treated``, ``average_effect``, ``qini`` (the coefficient),
            ``qini_area``, ``auuc`` (area under the uplift curve), and ``uplift_at_10`` and so on.
            None where the rows do not show it.
        intervals: 95 % intervals of all but the first two, by name: over the customers, with the
            predictions as they are.
        curve: The Qini curve.
        deciles: Ten groups of the customers, largest predicted uplift first; fewer where many
            predictions are equal.
    """

    numbers: Mapping[str, float | None]
    intervals: Mapping[str, Interval]
    curve: QiniCurve
    deciles: tuple[UpliftGroup, ...]


def uplift_metrics(
    predicted: Floats, rows: Experiment, *, seed: int = 0, n: int = REPLICATES
) -> UpliftMetrics:
    """Measure predicted uplift.

    Args:
        predicted: ``[N]`` uplift, positive where a contact is good.
        rows: N customers of an experiment.
        seed: Of the bootstrap.
        n: Number of resampled tables.

    Raises:
        ValueError: The lengths differ, or a prediction is not finite.
    """
    predicted = np.asarray(predicted, np.float64)
    if predicted.shape != (len(rows),) or not np.isfinite(predicted).all():
        raise ValueError(f"expected {len(rows)} finite predictions, got {predicted.shape}")
    _, group = curves.groups_of(predicted)
    rough = merged(group)
    treated_share = float(rows.treated.mean())
    estimates = {
        name: float(value[0])
        for name, value in _numbers(
            curves.sums_by_group(group, rows.good, rows), treated_share, len(rows)
        ).items()
    }
    resampled = replicates(rough, rows.good, rows, n=n, seed=seed)
    drawn = _numbers(resampled, treated_share, len(rows))
    found = {name: value for name, value in estimates.items() if math.isfinite(value)}
    counts = {"n": len(rows), "n_treated": int(rows.treated.sum())}
    return UpliftMetrics(
        numbers=counts | {name: found.get(name) for name in estimates},
        intervals={name: interval(drawn[name], value) for name, value in found.items()},
        curve=_curve(curves.sums_by_group(rough, rows.good, rows), resampled),
        deciles=uplift_groups(predicted, rows),
    )


def _numbers(sums: curves.Sums, treated_share: float, n: int) -> dict[str, Floats]:
    uplift = curves.uplift_curve(sums)
    tops = {f"uplift_at_{p}": curves.uplift_at(sums, top_rows(p / 100, n) / n) for p in PERCENTS}
    return {
        "average_effect": uplift[:, -1],
        "qini": curves.qini_coefficient(sums, treated_share),
        "qini_area": curves.qini_area(sums),
        "auuc": curves.area(sums.share, uplift),
        **tops,
    }


def _curve(sums: curves.Sums, resampled: curves.Sums) -> QiniCurve:
    qini, drawn = curves.qini_curve(sums)[0], curves.qini_curve(resampled)
    return QiniCurve(sums.share[0], qini, *band(drawn, qini))


def uplift_groups(
    predicted: Floats, rows: Experiment, n_groups: int = 10
) -> tuple[UpliftGroup, ...]:
    """Compare predicted with observed uplift in groups of about the same size.

    Args:
        predicted: ``[N]`` uplift.
        rows: N customers of an experiment.
        n_groups: Most groups; ties stay together.
    """
    part = merged(curves.groups_of(predicted)[1], n_groups)
    order = np.argsort(part, kind="stable")
    pieces = np.split(order, np.flatnonzero(np.diff(part[order])) + 1)
    return tuple(_group(predicted[piece], rows.take(piece)) for piece in pieces)


def _group(predicted: Floats, rows: Experiment) -> UpliftGroup:
    n_treated, mean = int(rows.treated.sum()), float(predicted.mean())
    if not 0 < n_treated < len(rows):
        return UpliftGroup(len(rows), n_treated, mean, None, None)
    (rate, low, high), (other, other_low, other_high) = (
        _rate(rows.take(side)) for side in (rows.treated, ~rows.treated)
    )
    difference = rate - other
    below = math.hypot(rate - low, other_high - other)
    above = math.hypot(high - rate, other - other_low)
    ends = (difference - below, difference + above)
    return UpliftGroup(len(rows), n_treated, mean, difference, ends)


def _rate(rows: Experiment) -> tuple[float, float, float]:
    """Return the rate of the good outcome and its interval."""
    total = float(rows.weight.sum())
    rate = float(rows.weight @ rows.good) / total
    n = total**2 / float(rows.weight @ rows.weight)  # effective number of rows (Kish 1965)
    return rate, *wilson(rate * n, n)

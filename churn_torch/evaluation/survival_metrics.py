"""Metrics of predicted lifetimes: C-index, Brier score, AUROC by period, calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from churn_torch.evaluation.auroc_interval import Placements, interval_of
from churn_torch.evaluation.concordance import concordance
from churn_torch.evaluation.horizon_groups import HorizonGroup, horizon_group, left_within
from churn_torch.evaluation.kaplan_meier import (
    Z_95,
    Floats,
    KaplanMeier,
    kaplan_meier,
    still_observed,
)

# Customers who must still be observed in a period for metrics of it.
FEWEST_OBSERVED = 20
GROUPS = 10
QUARTERS = 4


@dataclass(frozen=True)
class SurvivalMetrics:
    """How good predicted lifetimes are.

    Attributes:
        numbers: The metrics by name; None where the rows do not tell.
        intervals: 95 % intervals of some.
        horizon: Periods of the horizon.
        groups: By predicted chance, lowest first.
        auroc: By period, from 1 on; NaN where it is not known.
        brier: By period.
        observed: Kaplan-Meier of all customers.
        predicted: ``[K]``, the mean predicted curve.
        quarters: For each quarter of the customers by risk, lowest first, both.
    """

    numbers: dict[str, float | None]
    intervals: dict[str, tuple[float, float]]
    horizon: int
    groups: tuple[HorizonGroup, ...]
    auroc: Floats
    brier: Floats
    observed: KaplanMeier
    predicted: Floats
    quarters: tuple[tuple[KaplanMeier, Floats], ...]


def survival_metrics(
    survival: npt.NDArray[Any],
    last: npt.NDArray[Any],
    event: npt.NDArray[Any],
    *,
    horizon: int,
) -> SurvivalMetrics:
    """Measure predicted lifetimes, counted from the first period observed.

    Args:
        survival: ``[N, K]``, chances to stay for 1, 2, ... periods.
        last: ``[N]``, the last period observed, from 0 on.
        event: ``[N]``, 1 for customers who left in it.
        horizon: Period that the risk is of.
    """
    survival, event = np.asarray(survival, dtype=np.float64), np.asarray(event)
    last = np.asarray(last, dtype=np.int64)
    n_periods = survival.shape[1]
    observed = kaplan_meier(last, event, n_periods=n_periods)
    longest = int((observed.at_risk >= FEWEST_OBSERVED).sum())
    risk = 1 - survival[:, horizon - 1]
    index = concordance(risk, last, event)
    auroc = np.array([auroc_at(survival, last, event, t) for t in range(1, longest + 1)])
    brier = np.array([brier_at(survival, last, event, t) for t in range(1, longest + 1)])
    flat = np.broadcast_to(observed.stay, survival.shape)
    none = np.array([brier_at(flat, last, event, t) for t in range(1, longest + 1)])
    order = np.argsort(risk, kind="stable")
    tenths = [rows for rows in np.array_split(order, GROUPS) if len(rows)]
    groups = tuple(horizon_group(risk[rows], last[rows], event[rows], horizon) for rows in tenths)
    within = left_within(groups)
    numbers: dict[str, float | None] = {
        "n": float(len(last)),
        "n_left": float((event == 1).sum()),
        "c_index": None if index is None else index.value,
        "auroc": _at(auroc, horizon),
        "mean_auroc": _mean(auroc),
        "brier": _at(brier, horizon),
        "integrated_brier": integrated(brier),
        "integrated_brier_without_features": integrated(none),
        "predicted_within_horizon": float(risk.mean()),
        "observed_within_horizon": None if within is None else within[0],
    }
    intervals = {} if index is None else {"c_index": (index.low, index.high)}
    if within is not None:
        intervals["observed_within_horizon"] = within[1]
    for name, interval in (("auroc", auroc_interval_at), ("brier", brier_interval_at)):
        if numbers[name] is not None:
            intervals[name] = interval(survival, last, event, horizon)
    quarters = [rows for rows in np.array_split(order, QUARTERS) if len(rows)]
    return SurvivalMetrics(
        numbers,
        intervals,
        horizon,
        groups,
        auroc,
        brier,
        observed,
        survival.mean(0),
        tuple(
            (kaplan_meier(last[rows], event[rows], n_periods=n_periods), survival[rows].mean(0))
            for rows in quarters
        ),
    )


def brier_at(
    survival: npt.NDArray[Any], last: npt.NDArray[Any], event: npt.NDArray[Any], period: int
) -> float:
    """Return the mean squared error of the chance to stay for so many periods.

    Each customer whose outcome is known counts as 1 / the chance that it is known.
    Source: Graf, Schmoor, Sauerbrei & Schumacher 1999, "Assessment and comparison of prognostic
    classification schemes for survival data".

    Args:
        survival: As for `survival_metrics`.
        last: As for `survival_metrics`.
        event: As for `survival_metrics`.
        period: The period, from 1 on.
    """
    return float(_errors(survival, last, event, period).mean())


def brier_interval_at(
    survival: npt.NDArray[Any], last: npt.NDArray[Any], event: npt.NDArray[Any], period: int
) -> tuple[float, float]:
    """Return the 95 % interval of `brier_at`, with the censoring weights taken as known."""
    errors = _errors(survival, last, event, period)
    mean, spread = errors.mean(), Z_95 * errors.std() / len(errors) ** 0.5
    return max(float(mean - spread), 0.0), float(mean + spread)


def _errors(
    survival: npt.NDArray[Any], last: npt.NDArray[Any], event: npt.NDArray[Any], period: int
) -> Floats:
    known = known_outcomes(last, event, period)
    return np.asarray(known.weight * np.square(1 - survival[:, period - 1] - known.left))


def auroc_at(
    survival: npt.NDArray[Any], last: npt.NDArray[Any], event: npt.NDArray[Any], period: int
) -> float:
    """Return how often who leaves by a period has a higher risk than who stays beyond it.

    Who left counts as 1 / the chance that it is known (cumulative cases, dynamic controls). NaN
    where there are none of a kind.
    Sources: Heagerty & Zheng 2005, "Survival model predictive accuracy and ROC curves"; Uno, Cai,
    Tian & Wei 2007, "Evaluating prediction rules for t-year survivors with censored data".

    Args:
        survival: As for `survival_metrics`.
        last: As for `survival_metrics`.
        event: As for `survival_metrics`.
        period: The period, from 1 on.
    """
    ranked = rank(1 - survival[:, period - 1], known_outcomes(last, event, period))
    return ranked.value if ranked is not None else float("nan")


def auroc_interval_at(
    survival: npt.NDArray[Any], last: npt.NDArray[Any], event: npt.NDArray[Any], period: int
) -> tuple[float, float]:
    """Return the 95 % interval of `auroc_at`, which must be known.

    It is `churn_torch.evaluation.auroc_interval` with weights, which are taken as known. Cases with
    weights w tell as much as (sum w)^2 / sum w^2 others (Kish 1965, "Survey sampling").
    """
    ranked = rank(1 - survival[:, period - 1], known_outcomes(last, event, period))
    assert ranked is not None
    share, value = ranked.weight / ranked.weight.sum(), ranked.value
    n_left = float(1 / np.square(share).sum())
    spread = float(np.square(share * (ranked.above - value)).sum())
    left = Placements(n_left, n_left * spread)
    stayed = Placements(len(ranked.below), float(np.square(ranked.below - value).mean()))
    return interval_of(value, left, stayed)


class Ranked(NamedTuple):
    """Who left by a period against who stayed for it.

    Attributes:
        value: The AUROC.
        weight: ``[L]``, of each customer who left.
        above: ``[L]``, the share of those who stayed that each is ranked above.
        below: ``[M]``, the weighted share of those who left that each who stayed is ranked below.
    """

    value: float
    weight: Floats
    above: Floats
    below: Floats


def rank(risk: npt.NDArray[Any], known: KnownOutcomes) -> Ranked | None:
    """Rank who left against who stayed by their risk, ``[N]``; None where there are none of a kind.

    Args:
        risk: ``[N]``.
        known: What became of them.
    """
    left, stayed, weight = known.left, known.stayed, known.weight[known.left]
    if not left.any() or not stayed.any():
        return None
    above = _share_below(risk[left], risk[stayed], np.ones(int(stayed.sum())))
    below = 1 - _share_below(risk[stayed], risk[left], weight)
    return Ranked(float(weight @ above / weight.sum()), weight, above, below)


def _share_below(values: Floats, others: Floats, weight: Floats) -> Floats:
    """Return the weighted share of the others below each value; equal ones count half."""
    order = np.argsort(others, kind="stable")
    ordered, total = others[order], np.concatenate([[0.0], np.cumsum(weight[order])])
    ends = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    below, up_to = (total[end] for end in ends)
    return np.asarray((below + up_to) / 2 / total[-1])


class KnownOutcomes(NamedTuple):
    """What is known of customers by the end of a period.

    Attributes:
        left: ``[N]``, who has left.
        stayed: ``[N]``, who has stayed for it; of the others neither is known.
        weight: ``[N]``, 1 / the chance that it is known; 0 where it is not.
    """

    left: npt.NDArray[np.bool_]
    stayed: npt.NDArray[np.bool_]
    weight: Floats


def known_outcomes(last: npt.NDArray[Any], event: npt.NDArray[Any], period: int) -> KnownOutcomes:
    """Return who left by a period and who stayed for it, with inverse censoring weights.

    Args:
        last: As for `survival_metrics`.
        event: As for `survival_metrics`.
        period: The period, from 1 on.
    """
    last = np.asarray(last)
    left = (np.asarray(event) == 1) & (last <= period)
    stayed, seen = (last >= period) & ~left, still_observed(last, event, n_periods=period)
    weight = np.zeros(len(last))
    weight[left] = 1 / seen[last[left] - 1]
    weight[stayed] = 1 / seen[period - 1]
    return KnownOutcomes(left, stayed, weight)


def integrated(by_period: Floats) -> float | None:
    """Return the mean of a curve over its periods, by the trapezoidal rule."""
    if len(by_period) < 2:
        return None
    return float(np.trapezoid(by_period) / (len(by_period) - 1))


def _at(by_period: Floats, period: int) -> float | None:
    known = period <= len(by_period) and not np.isnan(by_period[period - 1])
    return float(by_period[period - 1]) if known else None


def _mean(by_period: Floats) -> float | None:
    known = by_period[~np.isnan(by_period)]
    return float(known.mean()) if len(known) else None

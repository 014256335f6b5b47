from __future__ import annotations

import numpy as np
import pytest

from churn_torch.evaluation.auroc_interval import auroc_interval, ranked_counts
from churn_torch.evaluation.survival import survival_metrics as metrics
from churn_torch.evaluation.survival.kaplan_meier import still_observed
from tests.reference.survival import made_lifetimes

SKSURV_BRIER = [0.11817323238231785, 0.16703108007909045, 0.17629052647607543]
SKSURV_AUROC = [0.7399553571428572, 0.8318775900666474, 0.8249897470149865]
SKSURV_IBS = 0.1767524173371382


def test_brier_score_and_auroc_are_sums_over_customers_and_pairs() -> None:
    _, last, event, curves = made_lifetimes(120)
    period, seen = 6, still_observed(last, event, n_periods=15)
    risk, left = 1 - curves[:, period - 1], (event == 1) & (last <= period)
    total, right, pairs = 0.0, 0.0, 0.0
    for i in range(len(last)):
        if left[i]:
            weight = 1 / seen[last[i] - 1]
            total += weight * (1 - risk[i]) ** 2
            stay = risk[(last >= period) & ~left]
            right += weight * ((risk[i] > stay).sum() + 0.5 * (risk[i] == stay).sum())
            pairs += weight * len(stay)
        elif last[i] >= period:
            total += risk[i] ** 2 / seen[period - 1]
    assert metrics.brier_at(curves, last, event, period) == pytest.approx(total / len(last))
    assert metrics.auroc_at(curves, last, event, period) == pytest.approx(right / pairs)


def test_they_are_those_of_scikit_survival() -> None:
    # scikit-survival: brier_score, cumulative_dynamic_auc and integrated_brier_score, where who
    # left in period k left at k - 0.5, and the periods 1 to 12 are asked for at k - 0.25.
    _, last, event, curves = made_lifetimes(200)
    periods = range(1, 13)
    brier = [metrics.brier_at(curves, last, event, k) for k in periods]
    auroc = [metrics.auroc_at(curves, last, event, k) for k in periods]
    assert brier[::4] == pytest.approx(SKSURV_BRIER, abs=1e-12)
    assert auroc[::4] == pytest.approx(SKSURV_AUROC, abs=1e-12)
    assert metrics.integrated(np.array(brier)) == pytest.approx(SKSURV_IBS, abs=1e-12)


def test_all_metrics_of_good_curves() -> None:
    _, last, event, curves = made_lifetimes(2_000)
    measured = metrics.survival_metrics(curves, last, event, horizon=6)
    numbers = measured.numbers
    assert numbers["n"] == 2_000
    assert numbers["auroc"] == measured.auroc[5]
    assert numbers["integrated_brier"] < numbers["integrated_brier_without_features"]  # type: ignore[operator]
    low, high = measured.intervals["observed_within_horizon"]
    assert low < numbers["predicted_within_horizon"] < high  # type: ignore[operator]
    assert sum(group.n for group in measured.groups) == 2_000
    inside = [g.interval[0] <= g.predicted <= g.interval[1] for g in measured.groups if g.interval]
    assert sum(inside) >= 7
    assert [len(curve) for _, curve in measured.quarters] == [15] * 4


def test_what_the_rows_do_not_tell_is_none() -> None:
    measured = metrics.survival_metrics(
        np.full((3, 5), 0.5), np.ones(3), np.array([1, 0, 0]), horizon=4
    )
    assert measured.numbers["observed_within_horizon"] is None
    assert measured.numbers["auroc"] is None
    assert measured.numbers["integrated_brier"] is None
    assert measured.groups[1].observed is None


def test_intervals_at_the_horizon_are_those_of_plain_metrics_where_nobody_is_censored() -> None:
    _, last, event, curves = made_lifetimes(300)
    last = np.where(event == 1, last, 20)  # who has not left stays to the end
    outcome, risk = (last <= 6).astype(float), 1 - curves[:, 5]
    low, high = metrics.auroc_interval_at(curves, last, event, 6)
    assert (low, high) == pytest.approx(auroc_interval(*ranked_counts(risk, outcome)))
    errors = np.square(risk - outcome)
    low, high = metrics.brier_interval_at(curves, last, event, 6)
    assert (low + high) / 2 == pytest.approx(errors.mean())
    assert (high - low) / 2 == pytest.approx(1.96 * errors.std() / 300**0.5, rel=1e-4)


def test_intervals_at_the_horizon_hold_the_truth() -> None:
    _, last, event, curves = made_lifetimes(40_000)
    truth = (metrics.auroc_at(curves, last, event, 6), metrics.brier_at(curves, last, event, 6))
    held = np.zeros(2)
    for seed in range(1, 101):
        _, last, event, curves = made_lifetimes(200, seed)
        ends = (
            metrics.auroc_interval_at(curves, last, event, 6),
            metrics.brier_interval_at(curves, last, event, 6),
        )
        held += [low <= value <= high for value, (low, high) in zip(truth, ends, strict=True)]
    assert (held >= 89).all()

"""Metrics of predicted uplift: intervals that hold the truth, deciles, missing numbers."""

from __future__ import annotations

import numpy as np
import pytest

from churn_torch.evaluation.uplift.experiment import experiment
from churn_torch.evaluation.uplift.uplift_bootstrap import interval, merged, replicates
from churn_torch.evaluation.uplift.uplift_curves import uplift_curve
from churn_torch.evaluation.uplift.uplift_metrics import (
    UpliftMetrics,
    uplift_groups,
    uplift_metrics,
)
from tests.evaluation.made_experiments import drawn, fixed


def measured(rng: np.random.Generator, n: int, probability: float | None = 0.5) -> UpliftMetrics:
    made = drawn(rng, n, probability=probability)
    rows = experiment(made.outcome, made.treatment, made.probability)
    return uplift_metrics(made.predicted, rows, n=200)


@pytest.mark.parametrize("probability", [0.3, None])
def test_intervals_hold_the_truth_as_often_as_they_say(probability: float | None):
    """60 sets of 600 customers; the truth is measured on half a million."""
    truth = measured(np.random.default_rng(10**6), 500_000, probability).numbers
    rng = np.random.default_rng(0)
    hits = dict.fromkeys(truth.keys() - {"n", "n_treated"}, 0)
    for _ in range(60):
        found = measured(rng, 600, probability)
        for name in hits:
            low, high = found.intervals[name]
            hits[name] += low <= truth[name] <= high
    # An interval of 95 % holds it in 52 of 60 sets or more, but once in a hundred.
    assert min(hits.values()) >= 52, hits


def test_a_fixed_outcome_in_each_group_would_hide_the_uncertainty_of_the_effect():
    made = drawn(np.random.default_rng(0), 4000)
    rows = experiment(made.outcome, made.treatment)
    found = uplift_metrics(made.predicted, rows)
    low, high = found.intervals["average_effect"]
    rates = [rows.good[side] for side in (rows.treated, ~rows.treated)]
    error = np.sqrt(sum(r.var() / len(r) for r in rates))
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.15)


def test_blocks_give_the_spread_that_rows_give():
    made = drawn(np.random.default_rng(0), 5000)
    rows = experiment(made.outcome, made.treatment)
    part = merged(np.unique(-made.predicted, return_inverse=True)[1], 20)
    blocks = [
        uplift_curve(replicates(part, rows.good, rows, n=300, seed=seed))[:, 1:].std(axis=0)
        for seed in range(5)
    ]
    rng = np.random.default_rng(0)
    by_row = []
    for _ in range(1500):
        drawn_rows = np.concatenate(
            [rng.choice(np.flatnonzero(side), side.sum()) for side in (rows.treated, ~rows.treated)]
        )
        counts = np.bincount(drawn_rows, minlength=5000).astype(float)
        sums = [
            np.cumsum(np.bincount(part, counts * side * value, 20))
            for side in (rows.treated, ~rows.treated)
            for value in (np.ones(5000), rows.good)
        ]
        share = np.cumsum(np.bincount(part, counts, 20)) / 5000
        by_row.append(share * (sums[1] / sums[0] - sums[3] / sums[2]))
    ratio = np.mean(blocks, axis=0) / np.std(by_row, axis=0)
    assert ratio.mean() == pytest.approx(1, abs=0.06)
    assert ratio == pytest.approx(np.ones(20), abs=0.12)


def test_the_basic_interval_takes_the_bias_off():
    drawn_values = np.random.default_rng(0).normal(3.0, 1.0, 100_000)  # 1 above the estimate
    low, high = interval(drawn_values, 2.0)
    assert (low, high) == pytest.approx((1 - 1.96, 1 + 1.96), abs=0.03)
    assert interval(np.array([np.nan, 1.0, 1.0]), 1.0) == (1.0, 1.0)
    assert np.isnan(interval(np.array([np.nan]), 1.0)).all()


def test_parts_are_of_one_size_and_keep_ties_together():
    part = merged(np.arange(1000), 10)
    assert np.bincount(part).tolist() == [100] * 10
    ties = np.repeat([0, 1, 2], [450, 100, 450])
    assert merged(ties, 10)[[0, 500, 999]].tolist() == [0, 1, 2]
    assert (np.diff(merged(np.arange(77), 10)) >= 0).all()


def test_deciles_compare_predicted_with_observed():
    rng = np.random.default_rng(0)
    made = drawn(rng, 40_000)
    rows = experiment(made.outcome, made.treatment)
    groups = uplift_groups(made.predicted, rows)
    assert [group.n for group in groups] == pytest.approx([4000] * 10, abs=5)
    assert sum(group.n_treated for group in groups) == made.treatment.sum()
    predicted = [group.predicted for group in groups]
    assert predicted == sorted(predicted, reverse=True)
    top = made.predicted >= np.sort(made.predicted)[-4000]
    rates = [1 - made.outcome[top & (made.treatment == t)].mean() for t in (1, 0)]
    assert groups[0].observed == pytest.approx(rates[0] - rates[1], abs=0.002)
    assert all(low < g.observed < high for g in groups for low, high in [g.interval])


def test_the_interval_of_a_difference_is_newcombes():
    """Table II of the paper, method 10: 56 of 70 and 48 of 80."""
    good = np.repeat([1, 0, 1, 0], [56, 14, 48, 32])
    treated = np.repeat([1, 0], [70, 80])
    (group,) = uplift_groups(np.zeros(150), experiment(good, treated, outcome_is_good=True))
    assert group.observed == pytest.approx(0.2)
    assert group.interval == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_what_the_rows_do_not_show_is_none():
    rows = experiment([0, 0, 0, 0], [1, 1, 0, 0], outcome_is_good=True)
    found = uplift_metrics(np.array([0.4, 0.3, 0.2, 0.1]), rows)
    assert found.numbers["qini"] is None  # nobody has the good outcome
    assert found.numbers["uplift_at_10"] is None  # all of the top was contacted
    assert "qini" not in found.intervals
    assert found.deciles[0].observed is found.deciles[0].interval is None


def test_predictions_that_are_none():
    made = fixed(tied=False)
    rows = experiment(made.outcome, made.treatment)
    with pytest.raises(ValueError, match="400 finite predictions"):
        uplift_metrics(made.predicted[1:], rows)
    with pytest.raises(ValueError, match="400 finite predictions"):
        uplift_metrics(np.full(400, np.nan), rows)

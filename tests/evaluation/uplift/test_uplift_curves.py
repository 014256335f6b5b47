"""Uplift and Qini curves against scikit-uplift, causalml and their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_torch.evaluation.uplift import uplift_curves as curves
from churn_torch.evaluation.uplift.experiment import Experiment, experiment
from churn_torch.evaluation.uplift.uplift_curves import Sums
from tests.evaluation.made_experiments import Made, drawn, fixed
from tests.reference import uplift as reference


def sums_of(made: Made, rows: Experiment) -> Sums:
    return curves.sums_by_group(curves.groups_of(made.predicted)[1], rows.good, rows)


def fixed_sums(*, tied: bool) -> Sums:
    made = fixed(tied=tied)
    return sums_of(made, experiment(made.outcome, made.treatment, outcome_is_good=True))


# From scikit-uplift 0.5.1, on fixed(tied=True), whose first group has customers of both kinds:
#   from sklift.metrics import qini_auc_score, qini_curve, uplift_at_k, uplift_curve
#   u, y, t, _ = fixed(tied=True)
#   qini_curve(y, u, t); uplift_curve(y, u, t); qini_auc_score(y, u, t)
#   uplift_at_k(y, u, t, "overall", 0.2)   # the 80th row ends a group
ROWS = [7, 20, 80, 182]  # points 1, 2, 5 and 8
QINI = [2.25, 2.84615385, 6.54385965, 17.09009009]
UPLIFT = [5.25, 8.13186813, 22.76125095, 43.80839995]
QINI_COEFFICIENT = 0.08986151879757401
UPLIFT_AT_20 = 0.2845156369183829


def test_it_agrees_with_scikit_uplift():
    sums = fixed_sums(tied=True)
    at = [1, 2, 5, 8]
    assert sums.share[0, at] * 400 == pytest.approx(ROWS)
    assert curves.qini_curve(sums)[0, at] * 159 == pytest.approx(QINI)
    assert curves.uplift_curve(sums)[0, at] * 400 == pytest.approx(UPLIFT)
    coefficient = curves.qini_coefficient(sums, 159 / 400)
    assert coefficient == pytest.approx([QINI_COEFFICIENT], rel=1e-9)
    assert curves.uplift_at(sums, 0.2) == pytest.approx([UPLIFT_AT_20], rel=1e-9)


# From causalml 0.18.0, on fixed(tied=False):
#   from causalml.metrics import auuc_score, qini_score
#   u, y, t, _ = fixed(tied=False)
#   d = pd.DataFrame({"y": y, "w": t, "m": u})
#   qini_score(d, normalize=False), qini_score(d), auuc_score(d, normalize=False)
CAUSALML_QINI = 3.788767172657649
CAUSALML_QINI_NORMALISED = 0.15751127973270546
CAUSALML_AUUC = 40.99423503043307


def test_it_agrees_with_causalml():
    sums, n, n_treated = fixed_sums(tied=False), 400, 159
    area, effect = curves.qini_area(sums)[0], curves.uplift_curve(sums)[0, -1]
    # Its areas are means over the N + 1 points from 0 to N.
    assert area * n_treated * n / (n + 1) == pytest.approx(CAUSALML_QINI)
    assert area / effect * n / (n + 1) == pytest.approx(CAUSALML_QINI_NORMALISED)
    auuc = curves.area(sums.share, curves.uplift_curve(sums))[0]
    # Before both groups have rows it interpolates r1 - r0 instead of the curve.
    assert (auuc * n + effect / 2) * n / (n + 1) == pytest.approx(CAUSALML_AUUC, rel=1e-4)


@given(st.integers(0, 10_000), st.integers(2, 40), st.sampled_from([0, 1, 6]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_curves_are_their_definition(seed: int, n: int, decimals: int, uneven: bool):
    rng = np.random.default_rng(seed)
    made = drawn(rng, n, probability=None if uneven else 0.5, decimals=decimals)
    made.treatment[:2] = 0, 1
    rows = experiment(made.outcome, made.treatment, made.probability)
    sums = sums_of(made, rows)
    uplift, qini = reference.curves(
        made.predicted, 1 - made.outcome, made.treatment, made.probability
    )
    for ours, points in ((curves.uplift_curve(sums), uplift), (curves.qini_curve(sums), qini)):
        x, y = zip(*points, strict=True)
        # Points that have both groups, and straight lines from 0 to the first of them.
        assert ours[0] == pytest.approx(np.interp(sums.share[0], x, y), abs=1e-12)
        assert curves.area(sums.share, ours)[0] == pytest.approx(reference.area(points), abs=1e-12)


def test_ties_are_the_mean_over_their_orders():
    made = fixed(tied=True)
    rows = experiment(made.outcome, made.treatment, outcome_is_good=True)
    expected = curves.uplift_at(sums_of(made, rows), 0.3)[0]
    rng = np.random.default_rng(0)
    orders = [
        curves.uplift_at(
            sums_of(made._replace(predicted=made.predicted + 1e-6 * rng.random(400)), rows), 0.3
        )[0]
        for _ in range(400)
    ]
    assert expected == pytest.approx(np.mean(orders), abs=0.01)


def test_no_order_has_a_qini_of_zero_and_nobody_with_the_outcome_none():
    made = fixed(tied=False)._replace(predicted=np.zeros(400))
    rows = experiment(made.outcome, made.treatment)
    assert curves.qini_coefficient(sums_of(made, rows), 0.4) == pytest.approx([0.0], abs=1e-12)
    none = experiment(np.ones(400), made.treatment)
    assert np.isnan(curves.qini_coefficient(sums_of(made, none), 0.4))


def test_a_turned_order_has_the_opposite_sign_with_equal_groups():
    """Of a table in which every contacted customer has a twin who was not."""
    made = drawn(np.random.default_rng(3), 500)
    twice = np.repeat(made.predicted, 2)
    t = np.tile([0, 1], 500)
    y = np.random.default_rng(4).integers(0, 2, 1000)
    rows = experiment(y, t)
    forward, back = (
        curves.qini_area(curves.sums_by_group(curves.groups_of(s)[1], rows.good, rows))[0]
        for s in (twice, -twice)
    )
    assert forward == pytest.approx(-back)
    assert forward != 0


def test_a_constant_probability_changes_nothing():
    made = drawn(np.random.default_rng(1), 3000, probability=0.3)
    free, given_ = (experiment(made.outcome, made.treatment, e) for e in (None, 0.3))
    for function in (curves.uplift_curve, curves.qini_curve):
        assert function(sums_of(made, free)) == pytest.approx(function(sums_of(made, given_)))


def test_a_top_without_customers_of_both_kinds_has_no_uplift():
    rows = experiment([1, 1, 0, 0], [1, 1, 0, 0])
    sums = curves.sums_by_group(np.arange(4), rows.good, rows)
    assert np.isnan(curves.uplift_at(sums, 0.5))
    assert curves.uplift_at(sums, 1.0) == pytest.approx([-1.0])

"""Logistic regression with standard errors equals statsmodels; separation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from churn_torch.explanation.logistic_inference import SEPARATED_ERROR, fit_logistic


def made():
    random = np.random.default_rng(7)
    n = 400
    age, plan = random.normal(45, 12, n), random.integers(0, 3, n)
    calls = random.poisson(2, n)
    design = np.column_stack([age, plan == 1, plan == 2, calls]).astype(float)
    group = random.integers(0, 150, n)
    logit = -2 + 0.03 * age + 0.7 * (plan == 2) + 0.3 * calls
    logit = logit + 0.5 * random.normal(size=150)[group]
    label = (random.random(n) < 1 / (1 + np.exp(-logit))).astype(float)
    return design, label, group, random.integers(1, 4, n).astype(float)


DESIGN, LABEL, GROUP, WEIGHT = made()
MANY = np.random.default_rng(8).integers(0, 300, 400)
# statsmodels 0.15.0, with a constant first: Logit(...).fit(method="newton"), cov_type "HC0", and
# "cluster"; GLM(..., Binomial(), freq_weights=WEIGHT), and var_weights=WEIGHT with "HC0".
PLAIN = [-1.7151726053228316, 0.016150166375278274, 0.35254353088595425, 0.42603648703180536,
         0.3291566779909098]  # fmt: skip
WEIGHTED = [-2.0233146523111127, 0.020225986942229848, 0.32467019636332817, 0.5478931663312125,
            0.3700524613328666]  # fmt: skip
CASES = {
    "Wald": ({}, PLAIN,
             [0.0093847230877866, 0.252734018287483, 0.2564424657219048, 0.08310043002550326]),
    "sandwich": ({"robust": True}, PLAIN,
                 [0.009457727695712891, 0.2560007941810537, 0.25386058588526544,
                  0.08204697966118539]),
    "clustered": ({"group": MANY}, PLAIN,
                  [0.009442907398099757, 0.2764049370791838, 0.2623407313767104,
                   0.08016800882016702]),
    "weights": ({"weight": WEIGHT}, WEIGHTED,
                [0.0067927967384618275, 0.18059983207927485, 0.18099280438246992,
                 0.060219173250136065]),
    "weights, sandwich": ({"weight": WEIGHT, "robust": True}, WEIGHTED,
                          [0.010251871345623451, 0.2756583457299146, 0.2771612524102069,
                           0.08960026957367544]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_estimates_and_errors_are_those_of_statsmodels(case: str) -> None:
    arguments, (constant, *expected), errors = CASES[case]
    fit = fit_logistic(DESIGN, LABEL, **arguments)
    assert fit.intercept == pytest.approx(constant, rel=1e-9)
    assert fit.coefficients == pytest.approx(expected, rel=1e-9)
    assert np.sqrt(np.diag(fit.covariance)) == pytest.approx(errors, rel=1e-8)
    estimate, error = fit.estimate(np.array([0.0, 1.0, 0.0, 0.0]))
    assert (estimate, error) == pytest.approx((expected[1], errors[1]), rel=1e-8)


def test_errors_of_few_customers_are_those_of_leaving_each_out() -> None:
    group = GROUP % 20
    fit = fit_logistic(DESIGN, LABEL, WEIGHT, group=group)
    assert fit.freedom == 19
    one = np.column_stack([np.ones(400), DESIGN])
    theta = np.array([fit.intercept, *fit.coefficients])
    probability = 1 / (1 + np.exp(-one @ theta))
    steps, refits = [], []
    for each in range(20):
        rest = group != each
        z, p, w = one[rest], probability[rest], WEIGHT[rest]
        hessian = (z.T * (w * p * (1 - p))) @ z
        steps.append(np.linalg.solve(hessian, z.T @ (w * (LABEL[rest] - p)))[1:])
        refits.append(fit_logistic(DESIGN[rest], LABEL[rest], w).coefficients - theta[1:])
    expected, slow = (19 / 20 * np.array(each).T @ np.array(each) for each in (steps, refits))
    np.testing.assert_allclose(fit.covariance, expected, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(np.diag(fit.covariance), np.diag(slow), rtol=0.1)


def test_what_one_customer_alone_tells_has_no_error() -> None:
    group = GROUP % 20
    alone = np.where((group == 3) & (np.arange(400) % 2 == 0), 1.0, 0.0)
    fit = fit_logistic(np.column_stack([DESIGN, alone]), LABEL, group=group)
    told = [fit.is_of_one_group(one) for one in np.eye(5)]
    assert told == [False, False, False, False, True]
    many = fit_logistic(np.column_stack([DESIGN, alone]), LABEL, group=MANY)
    assert not any(many.is_of_one_group(one) for one in np.eye(5))


def test_a_weight_of_two_is_a_row_twice() -> None:
    twice = np.repeat(np.arange(400), WEIGHT.astype(int))
    fit, weighted = fit_logistic(DESIGN[twice], LABEL[twice]), fit_logistic(DESIGN, LABEL, WEIGHT)
    np.testing.assert_allclose(fit.covariance, weighted.covariance, rtol=1e-8)


def test_the_penalised_fit_is_scikit_learns() -> None:
    fit = fit_logistic(DESIGN, LABEL, l2=4.0)
    theirs = LogisticRegression(C=1 / 4.0, tol=1e-12, max_iter=10_000).fit(DESIGN, LABEL)
    assert fit.coefficients == pytest.approx(theirs.coef_[0], abs=1e-5)
    assert fit.intercept == pytest.approx(theirs.intercept_[0], abs=1e-4)
    design = np.column_stack([np.ones(400), DESIGN])
    predicted = theirs.predict_proba(DESIGN)[:, 1]
    hessian = design.T @ ((predicted * (1 - predicted))[:, None] * design)
    hessian[1:, 1:] += 4.0 * np.eye(4)
    np.testing.assert_allclose(fit.covariance, np.linalg.inv(hessian)[1:, 1:], rtol=1e-4)


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), scale=st.sampled_from([1e-6, 1.0, 1e6]))
def test_units_do_not_matter(seed: int, scale: float) -> None:
    random = np.random.default_rng(seed)
    design = random.normal(size=(200, 3)) + 5
    label = random.random(200) < 0.4
    plain, scaled = fit_logistic(design, label), fit_logistic(scale * design, label)
    np.testing.assert_allclose(scale * scaled.coefficients, plain.coefficients, atol=1e-7)
    np.testing.assert_allclose(scale**2 * scaled.covariance, plain.covariance, rtol=1e-6, atol=1e-9)


def test_what_collinear_columns_do_not_determine_is_told_from_what_they_do() -> None:
    design = np.column_stack([DESIGN, DESIGN[:, 0] + DESIGN[:, 3]])
    fit = fit_logistic(design, LABEL)
    assert [fit.is_estimable(one) for one in np.eye(5)] == [False, True, True, False, False]
    # The sum along which the columns agree is determined, and is the coefficient without the copy.
    expected = fit_logistic(DESIGN, LABEL)
    both = np.array([1.0, 0, 0, 0, 1.0])
    assert fit.is_estimable(both)
    got = fit.estimate(both)
    assert got == pytest.approx(expected.estimate(np.eye(4)[0]), rel=1e-6)
    for i in (1, 2):
        assert fit.estimate(np.eye(5)[i]) == pytest.approx(
            expected.estimate(np.eye(4)[i]), rel=1e-6
        )


def test_a_full_set_of_indicators_gives_differences_of_levels() -> None:
    full = np.column_stack([DESIGN, 1 - DESIGN[:, 1] - DESIGN[:, 2]])
    fit, reference = fit_logistic(full, LABEL), fit_logistic(DESIGN, LABEL)
    difference = np.array([0, 1.0, 0, 0, -1.0])
    assert fit.is_estimable(difference)
    assert fit.estimate(difference) == pytest.approx(reference.estimate(np.eye(4)[1]), rel=1e-8)


def test_separation_is_seen() -> None:
    assert fit_logistic(DESIGN, DESIGN[:, 0] > 45).is_separated
    assert not fit_logistic(DESIGN, LABEL).is_separated
    assert not fit_logistic(DESIGN, DESIGN[:, 0] > 45, l2=1.0).is_separated


def test_a_level_of_churners_alone_has_no_finite_error_and_leaves_the_others_as_they_are() -> None:
    rare = (np.arange(400) < 6).astype(float)
    label = np.where(rare, 1.0, LABEL)
    fit = fit_logistic(np.column_stack([DESIGN, rare]), label)
    without = fit_logistic(DESIGN[6:], label[6:])
    assert fit.estimate(np.eye(5)[4])[1] > SEPARATED_ERROR
    for i in range(4):
        assert fit.estimate(np.eye(5)[i]) == pytest.approx(without.estimate(np.eye(4)[i]), rel=1e-4)

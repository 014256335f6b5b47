"""Both solvers against scikit-learn and the conditions of an optimum, in float64."""

from __future__ import annotations

import copy
import itertools

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from churn_torch.training.logistic.lbfgs import Lbfgs
from churn_torch.training.logistic.newton import Newton
from churn_torch.training.logistic.problem import NOISE, Penalty
from tests.training.logistic.made_problems import (
    KINDS,
    METHODS,
    PENALTIES,
    hessian_at,
    kkt,
    loss_and_gradient,
    made_data,
    make,
    objective,
    solve,
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("penalty", [p for p in PENALTIES if not p.l1], ids=str)
@pytest.mark.parametrize("method", METHODS)
def test_l2_ends_where_scikit_learn_does(method, penalty, kind):
    data = made_data(kind)
    x, y = (array.numpy() for array in data)
    expected = LogisticRegression(
        C=1 / (penalty.l2 * len(y)), solver="newton-cholesky", tol=1e-12, max_iter=1000
    ).fit(x, y)
    problem = make(data, method, penalty)
    solve(problem, data)
    assert problem.converged
    # Where little but the penalty curves the objective, it fixes fewer digits of the weights.
    tolerance = 1e-4 if kind in ("badly scaled", "correlated") else 1e-5
    np.testing.assert_allclose(problem.point[:-1], expected.coef_[0], atol=tolerance)
    assert problem.point[-1].item() == pytest.approx(expected.intercept_[0], abs=tolerance)
    optimum = torch.from_numpy(np.append(expected.coef_[0], expected.intercept_))
    assert problem.value == pytest.approx(objective(data, optimum, penalty), rel=1e-10)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("penalty", [p for p in PENALTIES if p.l1], ids=str)
@pytest.mark.parametrize("method", METHODS)
def test_l1_and_elastic_net_end_at_the_optimum(method, penalty, kind):
    """The conditions of an optimum hold, and scikit-learn's slow saga finds nothing lower."""
    data = made_data(kind)
    problem = make(data, method, penalty)
    solve(problem, data, most=3000)
    scale = loss_and_gradient(data, torch.zeros(13, dtype=torch.float64))[1].abs().max().item()
    assert kkt(data, problem.point, penalty) < 2e-5 * scale
    if kind == "plain":
        x, y = (array.numpy() for array in data)
        total = penalty.l1 + penalty.l2
        saga = LogisticRegression(
            C=1 / (total * len(y)), l1_ratio=penalty.l1 / total, solver="saga", tol=1e-9,
            max_iter=20_000, random_state=0,
        ).fit(x, y)  # fmt: skip
        point = torch.from_numpy(np.append(saga.coef_[0], saga.intercept_))
        ours = objective(data, problem.point, penalty)
        assert ours <= objective(data, point, penalty) + 1e-12
        np.testing.assert_allclose(problem.point[:-1], saga.coef_[0], atol=1e-4)
        assert torch.equal(problem.point[:-1] == 0, point[:-1] == 0)  # zeros are exact


@pytest.mark.parametrize("method", METHODS)
def test_a_strong_l1_leaves_the_intercept_alone(method):
    data = made_data("plain")
    problem = make(data, method, Penalty(10.0, 0.0))
    solve(problem, data)
    rate = data[1].mean()
    assert torch.equal(problem.point[:-1], torch.zeros(12, dtype=torch.float64))
    assert problem.point[-1].item() == pytest.approx((rate / (1 - rate)).log().item(), abs=1e-6)


@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
@pytest.mark.parametrize("method", METHODS)
def test_the_objective_never_rises_and_the_attributes_tell_the_point(method, penalty):
    data = made_data("correlated")
    problem = make(data, method, penalty)
    values = []
    while not problem.done:
        problem.tell(*loss_and_gradient(data, problem.trial))
        assert problem.value is not None
        values.append(problem.value)
        if not problem.done:  # the end may take a last step, unseen
            assert problem.value == pytest.approx(objective(data, problem.point, penalty))
            assert problem.gradient_norm == pytest.approx(kkt(data, problem.point, penalty))
    assert all(b <= a + NOISE * a for a, b in itertools.pairwise(values))
    assert objective(data, problem.point, penalty) <= min(values) * (1 + NOISE)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-6, 1e-9])
@pytest.mark.parametrize("method", METHODS)
def test_the_tolerance_bounds_what_is_left_to_gain(method, tolerance):
    data, penalty = made_data("plain"), Penalty(0.0, 1e-3)
    problem, exact = (
        make(data, method, penalty, tolerance=t) for t in (tolerance, 1e-14)
    )  # fmt: skip
    assert solve(problem, data) <= solve(exact, data)
    best = objective(data, exact.point, penalty)
    # The promised decrease is a quadratic model's: of the right size.
    assert objective(data, problem.point, penalty) - best <= 5 * tolerance * best


@pytest.mark.parametrize("method", METHODS)
def test_noise_of_float32_sums_ends_it_and_is_not_taken_for_descent(method):
    data, penalty = made_data("plain"), Penalty(0.0, 1e-3)
    generator = torch.Generator().manual_seed(0)
    problem = make(data, method, penalty, tolerance=1e-15)
    for _ in range(500):
        loss, gradient = loss_and_gradient(data, problem.trial)
        noise = 1 + 1e-8 * torch.randn(14, generator=generator, dtype=torch.float64)
        problem.tell(loss * noise[0].item(), gradient * noise[1:])
        if problem.done:
            break
    assert problem.done
    assert kkt(data, problem.point, penalty) < 1e-5


@pytest.mark.parametrize("method", METHODS)
def test_a_first_loss_that_is_not_finite_is_an_error(method):
    data = made_data("plain")
    problem = make(data, method, Penalty(0.0, 1.0))
    with pytest.raises(FloatingPointError, match=r"^the loss is nan$"):
        problem.tell(float("nan"), torch.zeros(13, dtype=torch.float64))


@pytest.mark.parametrize("method", METHODS)
def test_a_later_loss_that_is_not_finite_is_a_step_too_long(method):
    data, penalty = made_data("plain"), Penalty(0.0, 1e-3)
    problem = make(data, method, penalty)
    problem.tell(*loss_and_gradient(data, problem.trial))
    first, trial = problem.point, problem.trial
    problem.tell(float("nan"), torch.full((13,), float("nan"), dtype=torch.float64))
    assert torch.equal(problem.point, first)
    torch.testing.assert_close(problem.trial - first, (trial - first) / 2)
    solve(problem, data)
    assert kkt(data, problem.point, penalty) < 1e-6


@pytest.mark.parametrize("penalty", [Penalty(0.0, 1e-3), Penalty(0.01, 0.0)], ids=str)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("at", [1, 2, 4])
def test_a_restored_problem_goes_on_bitwise_the_same(method, penalty, at):
    data = made_data("correlated")
    hessian = 0.25 * torch.eye(13, dtype=torch.float64)  # so that it takes some passes
    problem = make(data, method, penalty, hessian=hessian)
    for _ in range(at):
        problem.tell(*loss_and_gradient(data, problem.trial))
    assert not problem.done
    state = copy.deepcopy(problem.state_dict())
    restored = make(data, method, penalty, hessian=hessian)
    restored.load_state_dict(state)
    passes = [solve(p, data) for p in (problem, restored)]
    assert passes[0] == passes[1] > 1
    assert torch.equal(problem.point, restored.point)
    assert (problem.value, problem.gradient_norm) == (restored.value, restored.gradient_norm)


def test_the_inputs_are_left_as_they_were():
    data = made_data("plain")
    start = torch.zeros(13, dtype=torch.float64)
    hessian = hessian_at(data, start)
    copies = start.clone(), hessian.clone()
    for problem in (
        Newton(start, Penalty(0.0, 1.0), hessian, tolerance=1e-9, memory=3),
        Lbfgs(start, Penalty(0.0, 1.0), hessian.diagonal(), tolerance=1e-9, memory=3),
    ):
        solve(problem, data)
        assert len(problem.pairs) <= 3
    assert torch.equal(start, copies[0])
    assert torch.equal(hessian, copies[1])

"""Against scikit-learn, coordinate descent and the conditions of an optimum, in float64."""

from __future__ import annotations

import copy
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from churn_torch.training.logistic.solvers import (
    NOISE,
    Lbfgs,
    Newton,
    Penalty,
    Problem,
    minimise_quadratic,
)

Data = tuple[Tensor, Tensor]
METHODS = ["newton", "lbfgs"]
PENALTIES = [
    Penalty(0.0, 1e-3),
    Penalty(0.0, 1.0),
    Penalty(0.003, 0.0),
    Penalty(0.05, 0.0),
    Penalty(0.01, 0.01),
]


def made_data(kind: str, n: int = 600, d: int = 12, seed: int = 0) -> Data:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    if kind == "correlated":
        x = 0.05 * x + rng.normal(size=(n, 1))
    elif kind == "badly scaled":
        x = x * 10.0 ** np.linspace(-2, 2, d)
    elif kind == "collinear":
        x[:, 1] = x[:, 0]
        x[:, 2] = x[:, 3] + x[:, 4]
    logit = (x / x.std(0)) @ rng.normal(size=d) / 2 - 1
    y = rng.random(n) < 1 / (1 + np.exp(-logit))
    return torch.from_numpy(x), torch.from_numpy(y.astype(np.float64))


KINDS = ["plain", "correlated", "badly scaled", "collinear"]


def loss_and_gradient(data: Data, point: Tensor) -> tuple[float, Tensor]:
    x, y = data
    z = x @ point[:-1] + point[-1]
    loss = torch.nn.functional.softplus(z) - y * z
    residual = torch.sigmoid(z) - y
    gradient = torch.cat([x.T @ residual, residual.sum().unsqueeze(0)]) / len(y)
    return loss.mean().item(), gradient


def hessian_at(data: Data, point: Tensor) -> Tensor:
    x, _ = data
    x = torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], dim=1)
    p = torch.sigmoid(x @ point)
    return x.T @ (x * (p * (1 - p)).unsqueeze(1)) / len(x)


def objective(data: Data, point: Tensor, penalty: Penalty) -> float:
    weights = point[:-1]
    loss, _ = loss_and_gradient(data, point)
    return loss + float(penalty.l2 / 2 * weights.square().sum() + penalty.l1 * weights.abs().sum())


def make(data: Data, method: str, penalty: Penalty, **options) -> Problem:
    start = torch.zeros(data[0].shape[1] + 1, dtype=torch.float64)
    found = options.pop("hessian", hessian_at(data, start))
    options = {"tolerance": 1e-13, "memory": 10, **options}
    if method == "newton":
        return Newton(start, penalty, found, **options)
    return Lbfgs(start, penalty, found.diagonal(), **options)


def solve(problem: Problem, data: Data, most: int = 500) -> int:
    """Passes taken."""
    for n_passes in range(1, most + 1):
        problem.tell(*loss_and_gradient(data, problem.trial))
        if problem.done:
            return n_passes
    raise AssertionError(f"not done after {most} passes, gradient {problem.gradient_norm}")


def kkt(data: Data, point: Tensor, penalty: Penalty) -> float:
    """How far the worst component is from what holds at the optimum."""
    _, gradient = loss_and_gradient(data, point)
    weights, slope = point[:-1], gradient[:-1] + penalty.l2 * point[:-1]
    at_zero = (slope.abs() - penalty.l1).clamp(min=0)
    elsewhere = (slope + penalty.l1 * weights.sign()).abs()
    return max(
        torch.where(weights == 0, at_zero, elsewhere).max().item(), gradient[-1].abs().item()
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
        found = objective(data, problem.point, penalty)
        assert found <= objective(data, point, penalty) + 1e-12
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


def test_newton_takes_a_handful_of_passes():
    """From the optimum of a sample, with its Hessian: what `ExactModule` does."""
    data = made_data("plain", n=40_000)
    sample = (data[0][:4000], data[1][:4000])
    penalty = Penalty(0.0, 1e-3)
    first = make(sample, "newton", penalty)
    solve(first, sample)
    found = hessian_at(sample, first.point)
    problem = Newton(first.point, penalty, found, tolerance=1e-9, memory=10)
    assert solve(problem, data) <= 4
    assert kkt(data, problem.point, penalty) < 1e-5


@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
@pytest.mark.parametrize(
    "wrong",
    [
        lambda h: 0.25 * torch.eye(len(h), dtype=h.dtype),
        lambda h: 10 * h,
        lambda h: 0.3 * h,
        lambda h: torch.diag(h.diagonal()),
    ],
    ids=["identity", "too large", "too small", "diagonal"],
)
def test_a_wrong_hessian_costs_passes_and_not_the_optimum(wrong, penalty):
    data = made_data("plain")
    hessian = wrong(hessian_at(data, torch.zeros(13, dtype=torch.float64)))
    problem = make(data, "newton", penalty, hessian=hessian)
    solve(problem, data)
    assert kkt(data, problem.point, penalty) < 2e-6


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


def test_a_singular_hessian_is_raised_and_one_of_no_numbers_is_an_error():
    data, penalty = made_data("collinear"), Penalty(0.0, 0.0)
    flat = hessian_at(data, torch.zeros(13, dtype=torch.float64))
    noise = torch.randn(13, 13, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for hessian in (flat, flat - 1e-6 * (noise + noise.T).abs(), torch.zeros_like(flat)):
        problem = make(data, "newton", penalty, hessian=hessian)
        problem.tell(*loss_and_gradient(data, problem.trial))
        assert problem.trial.isfinite().all()
    with pytest.raises(FloatingPointError, match=r"^the curvature of the loss is not finite$"):
        make(data, "newton", penalty, hessian=flat * float("nan"))


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


# The quadratic model with an L1 penalty


def coordinate_descent(
    point: Tensor, gradient: Tensor, matrix: Tensor, l1: float, most: int = 20_000
) -> Tensor:
    """One weight at a time until nothing moves: slow, and sure."""
    v, p, g, h = (t.numpy().copy() for t in (point, point, gradient, matrix))
    for _ in range(most):
        before = v.copy()
        for j in range(len(v)):
            slope = g[j] + h[j] @ (v - p)
            target = v[j] - slope / h[j, j]
            shrink = 0.0 if j == len(v) - 1 else l1 / h[j, j]
            v[j] = np.sign(target) * max(abs(target) - shrink, 0)
        if np.abs(v - before).max() < 1e-14:
            break
    return torch.from_numpy(v)


def value_of(v: Tensor, point: Tensor, gradient: Tensor, matrix: Tensor, l1: float) -> float:
    moved = v - point
    return float(gradient @ moved + moved @ matrix @ moved / 2 + l1 * v[:-1].abs().sum())


@settings(max_examples=60)
@given(
    st.integers(1, 12), st.integers(0, 2**31), st.sampled_from([0.0, 0.01, 0.3, 3.0]),
    st.sampled_from([1e-3, 0.1, 1.0]), st.sampled_from([0.0, 1.0]),
)  # fmt: skip
def test_quadratic_minimum_is_that_of_coordinate_descent(n, seed, l1, ridge, start):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n + 2, n))
    matrix = torch.from_numpy(root.T @ root / n + ridge * np.eye(n))
    point = torch.from_numpy(start * rng.normal(size=n) * (rng.random(n) < 0.6))
    gradient = torch.from_numpy(rng.normal(size=n))
    kept = point.clone()
    found = minimise_quadratic(point, gradient, matrix, l1)
    expected = coordinate_descent(point, gradient, matrix, l1)
    assert torch.equal(point, kept)
    arguments = (point, gradient, matrix, l1)
    assert value_of(found, *arguments) <= value_of(expected, *arguments) + 1e-9
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_quadratic_minimum_of_correlated_columns():
    """Nearly collinear: coordinate descent alone would crawl."""
    rng = np.random.default_rng(0)
    root = 0.01 * rng.normal(size=(200, 40)) + rng.normal(size=(200, 1))
    matrix = torch.from_numpy(root.T @ root / 200 + 1e-6 * np.eye(40))
    gradient = torch.from_numpy(rng.normal(size=40) * 0.1)
    point = torch.zeros(40, dtype=torch.float64)
    found = minimise_quadratic(point, gradient, matrix, 0.05)
    slope = gradient + matrix @ (found - point)
    strength = torch.full((40,), 0.05, dtype=torch.float64)
    strength[-1] = 0
    worst = torch.where(
        found == 0, (slope.abs() - strength).clamp(min=0), (slope + strength * found.sign()).abs()
    )
    assert worst.max() < 1e-8

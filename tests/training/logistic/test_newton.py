from __future__ import annotations

import pytest
import torch

from churn_torch.training.logistic.newton import Newton
from churn_torch.training.logistic.problem import Penalty
from tests.training.logistic.made_problems import (
    PENALTIES,
    hessian_at,
    kkt,
    loss_and_gradient,
    made_data,
    make,
    solve,
)


def test_newton_takes_a_handful_of_passes():
    """From the optimum of a sample, with its Hessian: what `ExactModule` does."""
    data = made_data("plain", n=40_000)
    sample = (data[0][:4000], data[1][:4000])
    penalty = Penalty(0.0, 1e-3)
    first = make(sample, "newton", penalty)
    solve(first, sample)
    hessian = hessian_at(sample, first.point)
    problem = Newton(first.point, penalty, hessian, tolerance=1e-9, memory=10)
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

"""Problems for the tests of the solvers, in float64."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from churn_torch.training.logistic.lbfgs import Lbfgs
from churn_torch.training.logistic.newton import Newton
from churn_torch.training.logistic.problem import Penalty, Problem

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
    hessian = options.pop("hessian", hessian_at(data, start))
    options = {"tolerance": 1e-13, "memory": 10, **options}
    if method == "newton":
        return Newton(start, penalty, hessian, **options)
    return Lbfgs(start, penalty, hessian.diagonal(), **options)


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

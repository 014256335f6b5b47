from __future__ import annotations

import torch

from churn_torch.training.logistic.lbfgs import Lbfgs
from churn_torch.training.logistic.problem import Penalty
from tests.training.logistic.made_problems import kkt, made_data, solve


def test_a_constant_column_is_no_obstacle():
    data = made_data("plain")
    data[0][:, 3] = 0
    start = torch.zeros(13, dtype=torch.float64)
    diagonal = torch.full_like(start, 0.25)
    diagonal[3] = 0
    problem = Lbfgs(start, Penalty(0.0, 0.0), diagonal, tolerance=1e-12, memory=10)
    solve(problem, data)
    assert problem.point[3] == 0
    assert kkt(data, problem.point, Penalty(0.0, 0.0)) < 1e-5


def test_a_step_does_not_cross_zero_under_l1():
    """OWL-QN: a weight that would change its sign stops at zero for this step."""
    start = torch.tensor([0.1, -0.1, 0.0], dtype=torch.float64)
    problem = Lbfgs(start, Penalty(0.01, 0.0), torch.ones(3), tolerance=1e-12, memory=10)
    problem.tell(1.0, torch.tensor([5.0, 5.0, 5.0], dtype=torch.float64))
    assert problem.trial[0] == 0
    assert problem.trial[1] < -0.1
    assert problem.trial[2] < 0  # the intercept may cross

"""Logistic regression as a net."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch.nn.functional import binary_cross_entropy_with_logits

from churn_torch.models.nets.linear import Linear


def test_starts_at_even_odds():
    net = Linear(n_features=4)
    assert net(torch.randn(5, 4)).tolist() == [0.0] * 5


def test_log_odds_are_the_weighted_sum():
    net = Linear(n_features=2)
    with torch.no_grad():
        net.linear.weight.copy_(torch.tensor([[2.0, -1.0]]))
        net.linear.bias.fill_(0.5)
    assert net(torch.tensor([[1.0, 1.0], [0.0, 3.0]])).tolist() == [1.5, -2.5]


def test_its_minimum_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 3))
    y = (rng.random(300) < 1 / (1 + np.exp(-(x @ [1.0, -2.0, 0.0] - 0.7)))).astype(float)
    c = 0.5
    expected = LogisticRegression(C=c, tol=1e-10, solver="newton-cholesky").fit(x, y)
    net = Linear(n_features=3).double()
    inputs, label = torch.from_numpy(x), torch.from_numpy(y)
    optimizer = torch.optim.LBFGS(
        net.parameters(),
        max_iter=200,
        tolerance_grad=1e-10,
        tolerance_change=1e-15,
        line_search_fn="strong_wolfe",
    )

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = binary_cross_entropy_with_logits(net(inputs), label)
        loss = loss + net.linear.weight.square().sum() / (2 * c * len(y))
        loss.backward()
        return loss

    optimizer.step(closure)
    assert net.linear.weight.detach().numpy()[0] == pytest.approx(expected.coef_[0], abs=1e-5)
    assert net.linear.bias.item() == pytest.approx(expected.intercept_[0], abs=1e-5)


def test_a_feature_without_evidence_keeps_a_weight_of_zero():
    net = Linear(n_features=2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    x = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    for _ in range(5):
        optimizer.zero_grad()
        binary_cross_entropy_with_logits(net(x), torch.tensor([1.0, 0.0])).backward()
        optimizer.step()
    assert net.linear.weight[0, 0] > 0
    assert net.linear.weight[0, 1] == 0

"""Against coordinate descent and the conditions of an optimum."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from churn_torch.training.logistic.quadratic import minimise_quadratic


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
    minimum = minimise_quadratic(point, gradient, matrix, l1)
    expected = coordinate_descent(point, gradient, matrix, l1)
    assert torch.equal(point, kept)
    arguments = (point, gradient, matrix, l1)
    assert value_of(minimum, *arguments) <= value_of(expected, *arguments) + 1e-9
    torch.testing.assert_close(minimum, expected, rtol=1e-5, atol=1e-5)


def test_quadratic_minimum_of_correlated_columns():
    """Nearly collinear: coordinate descent alone would crawl."""
    rng = np.random.default_rng(0)
    root = 0.01 * rng.normal(size=(200, 40)) + rng.normal(size=(200, 1))
    matrix = torch.from_numpy(root.T @ root / 200 + 1e-6 * np.eye(40))
    gradient = torch.from_numpy(rng.normal(size=40) * 0.1)
    point = torch.zeros(40, dtype=torch.float64)
    minimum = minimise_quadratic(point, gradient, matrix, 0.05)
    slope = gradient + matrix @ (minimum - point)
    strength = torch.full((40,), 0.05, dtype=torch.float64)
    strength[-1] = 0
    worst = torch.where(
        minimum == 0,
        (slope.abs() - strength).clamp(min=0),
        (slope + strength * minimum.sign()).abs(),
    )
    assert worst.max() < 1e-8

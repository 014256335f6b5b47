"""Collinearity: variance inflation and the condition number equal their definitions."""

from __future__ import annotations

import numpy as np
import pytest

from churn_torch.explanation.collinearity import condition_number, inflation


def test_inflation_is_that_of_a_regression_on_the_other_columns() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(300, 3))
    x[:, 2] += 2 * x[:, 0]
    got = inflation(x, np.arange(3), 3)
    for j in range(3):
        others = np.column_stack([np.ones(300), np.delete(x, j, axis=1)])
        residual = x[:, j] - others @ np.linalg.lstsq(others, x[:, j], rcond=None)[0]
        assert got[j] == pytest.approx(x[:, j].var() / residual.var(), rel=1e-9)


def test_inflation_of_a_column_with_levels_is_the_generalised_one() -> None:
    random = np.random.default_rng(1)
    level = random.integers(0, 3, 300)
    hot = np.eye(3)[level]
    x = np.column_stack([hot, random.normal(size=300) + level])
    got = inflation(x, np.array([0, 0, 0, 1]), 2)
    # Fox & Monette: det(R11) det(R22) / det(R), the same for any coding without one level.
    correlation = np.corrcoef(np.column_stack([hot[:, 1:], x[:, 3]]), rowvar=False)
    generalised = np.linalg.det(correlation[:2, :2]) / np.linalg.det(correlation)
    assert got == pytest.approx([generalised**0.5, generalised], rel=1e-9)
    assert inflation(np.column_stack([x, x[:, 3]]), np.array([0, 0, 0, 1, 2]), 3)[2] > 1e6


def test_the_condition_number_is_belsleys() -> None:
    design = np.random.default_rng(2).normal(1, 2, size=(400, 3))
    x = np.column_stack([np.ones(400), design])
    singular = np.linalg.svd(x / np.linalg.norm(x, axis=0))[1]
    assert condition_number(design) == pytest.approx(singular[0] / singular[-1])

"""Temperature scaling against a grid and Newton's method."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from scipy.special import expit

from churn_torch.models.calibration import Temperature
from churn_torch.models.calibration.temperature import fit_temperature
from tests.models.calibration.made_rows import DEGENERATE, Array, sample, scored


@given(scored())
def test_temperature_is_no_worse_than_any_on_a_grid(rows: tuple[Array, Array]):
    logit, label = rows
    temperature = fit_temperature(logit, label)
    grid = np.exp(np.linspace(-4, 4, 161))
    best = min(np.mean(np.logaddexp(0, logit / t) - label * logit / t) for t in grid)
    mine = np.mean(np.logaddexp(0, logit / temperature) - label * logit / temperature)
    assert mine <= best + 1e-6 * max(1, abs(best))


@pytest.mark.parametrize("slope", [0.25, 1.0, 4.0])
def test_temperature_against_newton(slope: float):
    logit, label = sample(1000, slope=slope)
    beta = 1.0  # the reciprocal: log-loss is convex in it
    for _ in range(50):
        p = expit(beta * logit)
        beta -= np.sum((p - label) * logit) / np.sum(p * (1 - p) * logit**2)
    assert fit_temperature(logit, label) == pytest.approx(1 / beta, rel=1e-5)


def test_temperature_is_bounded():
    assert fit_temperature(*map(np.array, DEGENERATE["separable"])) == pytest.approx(np.exp(-4))
    wrong = map(np.array, DEGENERATE["separable, the wrong way round"])
    assert fit_temperature(*wrong) == pytest.approx(np.exp(4))


def test_temperature_divides():
    calibrator = Temperature()
    calibrator.temperature.fill_(4)
    assert calibrator(torch.tensor([2.0, -8.0])).tolist() == [0.5, -2.0]

"""Quadratic calibration: a parabola that rises between its ends, straight beyond them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from scipy.special import expit

from churn_torch.models.calibration import Platt, Quadratic
from churn_torch.models.calibration.bounded_fit import LEAST
from churn_torch.models.calibration.quadratic import fit_quadratic
from tests.models.calibration.made_rows import Array, calibrated, fitted, loss, scored


def made(low: float, width: float, first: float, last: float, value: float) -> Quadratic:
    calibrator = Quadratic()
    calibrator.low.fill_(low)
    calibrator.width.fill_(width)
    calibrator.first_slope.fill_(first)
    calibrator.last_slope.fill_(last)
    calibrator.value.fill_(value)
    return calibrator


def test_quadratic_by_hand() -> None:
    # Slopes 1 and 3 over a width of 2: x + x^2 / 2 from the first end, then straight.
    logits = [-2.0, -1.0, 0.0, 1.0, 2.0]
    assert calibrated(made(-1, 2, 1, 3, 0.5), logits).tolist() == [-0.5, 0.5, 2.0, 4.5, 7.5]


def test_quadratic_changes_nothing_before_it_is_fitted() -> None:
    logit = torch.tensor([-30.0, -1.0, 0.0, 0.3, 1.0, 40.0])
    torch.testing.assert_close(Quadratic()(logit), logit)


def test_equal_slopes_are_a_line() -> None:
    logit = np.linspace(-9, 9, 50)
    np.testing.assert_allclose(
        calibrated(made(-2, 5, 0.4, 0.4, 0), logit), 0.4 * (logit + 2), atol=1e-6
    )


def test_quadratic_mends_what_a_line_cannot() -> None:
    rng = np.random.default_rng(0)
    logit = rng.normal(size=10_000)
    truth = 0.25 * (logit + 2).clip(0, 4) ** 2 - 2
    label = (rng.random(len(logit)) < expit(truth)).astype(float)
    got = calibrated(fitted(Quadratic, logit, label), logit)
    assert np.abs(expit(got) - expit(truth)).mean() < 0.015
    assert loss(got, label) < loss(calibrated(fitted(Platt, logit, label), logit), label) - 0.002


def test_a_parabola_that_would_fall_is_level_at_its_end() -> None:
    rng = np.random.default_rng(0)
    logit = rng.uniform(-3, 3, size=5_000)
    label = (rng.random(len(logit)) < expit(logit - 0.6 * logit**2)).astype(float)
    low, width, first, last, _ = fit_quadratic(logit, label)
    assert last == pytest.approx(LEAST)
    assert first > 1
    assert (low, low + width) == pytest.approx((-2.94, 2.94), abs=0.03)


@given(scored())
def test_slopes_stay_between_those_at_the_ends(rows: tuple[Array, Array]) -> None:
    calibrator = fitted(Quadratic, *rows)
    assert isinstance(calibrator, Quadratic)
    steepest = max(calibrator.first_slope.item(), calibrator.last_slope.item())
    probes = torch.linspace(-40, 40, 401)
    rise = calibrator(probes).diff()
    assert (rise <= steepest * 0.2 * 1.01 + 1e-3).all()

"""Beta calibration against its definition and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from churn_torch.models.calibration import Beta, Platt
from churn_torch.models.calibration.beta import fit_beta
from tests.models.calibration.made_rows import calibrated, fitted, loss, sample


def test_beta_is_the_map_of_the_paper() -> None:
    calibrator = Beta()
    for buffer, value in zip((calibrator.a, calibrator.b, calibrator.c), (0.5, 2.0, -1.0),
                             strict=True):  # fmt: skip
        buffer.fill_(value)
    p = np.array([0.01, 0.3, 0.5, 0.9])
    logit = np.log(p) - np.log1p(-p)
    expected = 0.5 * np.log(p) - 2.0 * np.log1p(-p) - 1.0
    np.testing.assert_allclose(calibrated(calibrator, logit), expected, rtol=1e-6)


def test_beta_changes_nothing_before_it_is_fitted() -> None:
    logit = torch.tensor([-30.0, -1.0, 0.0, 2.0, 40.0])
    torch.testing.assert_close(Beta()(logit), logit)


@pytest.mark.parametrize("shift", [0.0, -1.0])
def test_beta_against_scikit_learn(shift: float) -> None:
    logit, label = sample(3000, slope=0.7, shift=shift)
    curves = np.stack([np.log(expit(logit)), -np.log(expit(-logit))], axis=1)
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(curves, label)
    got = fit_beta(logit, label)
    want = (*model.coef_[0], model.intercept_[0])
    # The targets are smoothed, by about one row of each class.
    assert got == pytest.approx(want, abs=0.01)


def test_beta_mends_what_a_line_cannot() -> None:
    rng = np.random.default_rng(0)
    logit = rng.normal(size=10_000) * 2
    truth = -0.3 * np.logaddexp(0, -logit) + 1.5 * np.logaddexp(0, logit) - 1
    label = (rng.random(len(logit)) < expit(truth)).astype(float)
    made = calibrated(fitted(Beta, logit, label), logit)
    assert np.abs(expit(made) - expit(truth)).mean() < 0.01
    assert loss(made, label) < loss(calibrated(fitted(Platt, logit, label), logit), label) - 0.003


def test_infinite_logits_stay_what_they_are() -> None:
    ends = fitted(Beta, *sample(100))(torch.tensor([-torch.inf, torch.inf]))
    assert ends.tolist() == [-np.inf, np.inf]

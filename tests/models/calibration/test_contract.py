"""What every calibrator keeps to, whatever its rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from scipy.special import expit
from torch import nn

from churn_torch.models import calibration
from churn_torch.models.calibration import Calibrator
from tests.models.calibration.made_rows import (
    DEGENERATE,
    PROBES,
    Array,
    calibrated,
    fitted,
    loss,
    sample,
    scored,
)

# Every calibrator of the package, so that a new one is held to the contract too.
CALIBRATORS = [getattr(calibration, name) for name in calibration.__all__]


def test_there_are_calibrators():
    assert len(CALIBRATORS) >= 7
    assert all(issubclass(cls, Calibrator) for cls in CALIBRATORS)


@pytest.mark.parametrize("cls", CALIBRATORS)
@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_rows_give_a_finite_rising_map(cls: type[Calibrator], name: str):
    calibrator = fitted(cls, *DEGENERATE[name])
    for key, buffer in calibrator.state_dict().items():
        assert buffer.isfinite().all(), key
    probability = torch.sigmoid(calibrator(PROBES))
    assert not probability.isnan().any()
    assert (probability.diff() >= 0).all()


@pytest.mark.parametrize("cls", CALIBRATORS)
@given(rows=scored())
def test_any_rows_give_a_finite_rising_map(cls: type[Calibrator], rows: tuple[Array, Array]):
    calibrator = fitted(cls, *rows)
    assert all(buffer.isfinite().all() for buffer in calibrator.buffers())
    probes = torch.cat([PROBES, torch.tensor(rows[0], dtype=torch.float32)]).sort().values
    made = calibrator(probes)
    assert not made.isnan().any()
    # Rounding in sums of float32 segments may undo an increase smaller than it can show.
    assert (made.diff() >= -1e-5).all()


@pytest.mark.parametrize("cls", CALIBRATORS)
@pytest.mark.parametrize("n", [0, 1, 5])
def test_shape_and_dtype(cls: type[Calibrator], n: int):
    made = fitted(cls, *sample(50))(torch.linspace(-1, 1, n))
    assert made.shape == (n,)
    assert made.dtype == torch.float32


@pytest.mark.parametrize("cls", CALIBRATORS)
def test_state_comes_back_and_nothing_is_trained(cls: type[Calibrator]):
    calibrator = fitted(cls, *sample(slope=0.5, shift=0.4))
    assert list(calibrator.parameters()) == []
    again = cls()
    again.load_state_dict(calibrator.state_dict())
    assert torch.equal(again(PROBES), calibrator(PROBES))


@pytest.mark.parametrize("cls", CALIBRATORS)
def test_a_second_fit_forgets_the_first(cls: type[Calibrator]):
    calibrator = fitted(cls, *sample(slope=0.3))
    rows = sample(40, seed=1, slope=2.0)
    calibrator.fit(*rows)
    assert torch.equal(calibrator(PROBES), fitted(cls, *rows)(PROBES))


@pytest.mark.parametrize("cls", CALIBRATORS)
def test_whole_weights_are_repeated_rows(cls: type[Calibrator]):
    logit, label = sample(400, slope=0.5, shift=0.4)
    times = np.random.default_rng(0).integers(1, 5, len(logit))
    weighted = cls()
    weighted.fit(logit, label, times.astype(np.float64))
    repeated = fitted(cls, np.repeat(logit, times), np.repeat(label, times))
    torch.testing.assert_close(weighted(PROBES), repeated(PROBES), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("cls", CALIBRATORS)
def test_row_order_does_not_matter(cls: type[Calibrator]):
    logit, label = sample(300)
    logit = logit.round(1)  # with ties
    order = np.random.default_rng(0).permutation(len(logit))
    one, other = fitted(cls, logit, label), fitted(cls, logit[order], label[order])
    torch.testing.assert_close(one(PROBES), other(PROBES), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("cls", [cls for cls in CALIBRATORS if cls is not Calibrator])
@pytest.mark.parametrize("slope", [0.3, 3.0])
def test_a_miscalibrated_model_is_mended(cls: type[Calibrator], slope: float):
    logit, label = sample(4000, slope=slope)
    calibrator = fitted(cls, logit, label)
    assert loss(calibrated(calibrator, logit), label) < loss(logit, label) - 0.02
    fresh, fresh_label = sample(4000, seed=1, slope=slope)
    made = calibrated(calibrator, fresh)
    assert loss(made, fresh_label) < loss(slope * fresh, fresh_label) + 0.004


@pytest.mark.parametrize("cls", CALIBRATORS)
def test_a_calibrated_model_is_left_nearly_as_it_is(cls: type[Calibrator]):
    logit, label = sample(20_000)
    made = calibrated(fitted(cls, logit, label), logit)
    assert np.abs(expit(made) - expit(logit)).max() < 0.05


@pytest.mark.parametrize("cls", CALIBRATORS)
def test_calibrators_are_modules_without_dropout(cls: type[Calibrator]):
    calibrator = fitted(cls, *sample(100))
    assert isinstance(calibrator, nn.Module)
    assert torch.equal(calibrator.train()(PROBES), calibrator.eval()(PROBES))


def test_none_changes_nothing():
    assert torch.equal(fitted(Calibrator, *sample(30))(PROBES), PROBES)

"""The calibrator is fitted on the validation rows, with their weights, after the prior's shift."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from churn_torch.models.calibration import Auto, Calibrator
from churn_torch.models.calibration.platt import fit_platt
from churn_torch.training import calibrate as module
from churn_torch.training.calibrate import calibrate
from churn_torch.training.inference import sampled_logits
from churn_torch.training.rows.store import MemoryPart


def test_none_is_left_alone(prepare) -> None:
    prepared = prepare("model=logreg", "calibration=none")
    assert calibrate(prepared.scorer.eval(), prepared.validation) is None
    assert type(prepared.scorer.calibrator) is Calibrator


def test_platt_sees_the_shifted_logits_of_validation(prepare) -> None:
    prepared = prepare("model=mlp", "calibration=platt")
    scorer = prepared.scorer.eval()
    scorer.prior_shift.fill_(0.7)
    assert calibrate(scorer, prepared.validation) is None
    raw, label, _ = sampled_logits(scorer, prepared.validation, 10**6)
    expected = fit_platt((raw - 0.7).double().numpy(), label.double().numpy())
    fitted = [scorer.calibrator.slope.item(), scorer.calibrator.intercept.item()]
    assert fitted == pytest.approx(expected, abs=1e-5)


def test_weighted_rows_count_as_many_as_kish_says(prepare) -> None:
    prepared = prepare("model=mlp", "calibration=platt")
    scorer, part = prepared.scorer.eval(), prepared.validation
    weight = torch.rand(part.n_rows, generator=torch.Generator().manual_seed(0))
    weight[::3] = 0
    part = MemoryPart(part.block._replace(weight=weight))
    calibrate(scorer, part)
    raw, label, _ = sampled_logits(scorer, part, 10**6)
    kept = weight > 0
    w = weight[kept].double().numpy()
    w *= w.sum() / (w**2).sum()
    expected = fit_platt(raw[kept].double().numpy(), label[kept].double().numpy(), w)
    fitted = [scorer.calibrator.slope.item(), scorer.calibrator.intercept.item()]
    assert fitted == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("model", "margin"), [("logreg", 2.0), ("mlp", 1.0), ("gam", 1.0)])
def test_a_linear_net_asks_for_more(
    prepare, monkeypatch: pytest.MonkeyPatch, model: str, margin: float
) -> None:
    seen: list[float] = []
    original = Auto.fit

    def fit(self, *rows: np.ndarray, margin: float) -> None:
        seen.append(margin)
        original(self, *rows, margin=margin)

    monkeypatch.setattr(Auto, "fit", fit)
    prepared = prepare(f"model={model}")
    choice = calibrate(prepared.scorer.eval(), prepared.validation)
    assert choice is not None
    assert (choice.chosen, choice.rows) == ("none", prepared.validation.n_rows)
    assert seen == [margin]


def test_a_bounded_number_of_rows_is_looked_at(prepare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CALIBRATION_ROWS", 10)
    prepared = prepare("model=mlp")
    choice = calibrate(prepared.scorer.eval(), prepared.validation)
    assert choice is not None
    assert 0 < choice.rows <= 10

"""Logits and probabilities of a part are those of the scorer on its rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from churn_torch.models.preprocessing.expansion import Expansion
from churn_torch.training.inference import mean_row, sampled_logits, scored
from churn_torch.training.rows import batches


@pytest.fixture
def prepared(prepare, monkeypatch):
    monkeypatch.setattr(batches, "VIEW_BYTES", 4_000)  # many blocks
    result = prepare("model=mlp", "calibration=platt")
    result.scorer.eval()
    result.scorer.prior_shift.fill_(0.7)
    return result


def test_scored_is_the_scorer_on_every_row_in_order(prepared) -> None:
    scorer, part = prepared.scorer, prepared.train
    blocks = list(scored(scorer, part))
    assert len(blocks) > 1
    block = part.block
    with torch.no_grad():
        logit = scorer.net(Expansion(scorer.preprocess)(block.dense, block.codes))
        expected = torch.sigmoid(scorer.calibrator(logit - 0.7))
    torch.testing.assert_close(torch.cat([rows.probability for rows in blocks]), expected)
    assert torch.equal(torch.cat([rows.label for rows in blocks]), block.label)


@pytest.mark.parametrize("most_rows", [1, 7, 100, 10**6])
def test_sampled_logits_are_every_kth(prepared, most_rows: int) -> None:
    scorer, part = prepared.scorer, prepared.train
    everything, label, _ = sampled_logits(scorer, part, part.n_rows)
    step = -(-part.n_rows // most_rows)
    logit, sampled_label, _ = sampled_logits(scorer, part, most_rows)
    assert len(logit) <= most_rows
    np.testing.assert_allclose(logit, everything[::step], atol=1e-6)
    assert torch.equal(sampled_label, label[::step])


def test_mean_row_is_the_mean_of_the_training_rows(prepared) -> None:
    mean = mean_row(prepared.scorer, prepared.train).numpy()
    np.testing.assert_allclose(mean, prepared.features("train").mean(0), atol=1e-6)
    assert np.abs(mean - prepared.features("validation").mean(0)).max() > 0.01

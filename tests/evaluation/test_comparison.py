"""Differences in words: which model is better, by which metric, and where nothing is known."""

from __future__ import annotations

import numpy as np
import pytest

from churn_torch.evaluation.comparison import (
    METRICS,
    PairedDifference,
    against,
    against_best,
    comparison,
    estimates,
)
from churn_torch.evaluation.paired_metrics import Estimates

NAMES = ("logreg", "mlp", "noise")

# The C-index is of models of time to churn (tests/evaluation/test_paired_survival.py).
OF_CHURN = [metric for metric in METRICS if metric != "c_index"]


@pytest.fixture(scope="module")
def measured() -> dict[str, Estimates]:
    """Two alike models and a bad one on 800 rows, with what contacts bring."""
    rng = np.random.default_rng(0)
    signal = rng.normal(size=800)
    label = rng.random(800) < 1 / (1 + np.exp(-1.5 * signal))
    logits = np.stack([signal, signal + 0.1 * rng.normal(size=800), rng.normal(size=800)])
    probability = 1 / (1 + np.exp(-1.5 * logits))
    profit = np.where(probability > 0.5, np.where(label, 20.0, -10.0), 0.0)
    return {one.metric: one for one in estimates(label, probability, profit=profit)}


def test_every_metric_is_compared(measured) -> None:
    assert list(measured) == OF_CHURN
    found = comparison(NAMES, list(measured.values()), "auroc", measured_on="800 rows")
    assert set(found.differences) == set(found.to_best) == set(found.values) == set(OF_CHURN)


@pytest.mark.parametrize("metric", OF_CHURN)
def test_the_bad_model_is_worse_whatever_the_sign_of_the_metric(measured, metric: str) -> None:
    alike, bad = against(NAMES, measured[metric], 0)
    assert (alike.first, alike.second, bad.first) == ("mlp", "logreg", "noise")
    assert bad.verdict.startswith("noise is worse than logreg (")
    assert bad.is_real
    assert bad.difference == measured[metric].value[2] - measured[metric].value[0]
    other = against(NAMES, measured[metric], 2)[0]
    assert other.verdict.startswith("logreg is better than noise (")


def test_no_difference_is_said_with_its_interval(measured) -> None:
    one = against(("a", "b"), Estimates("auroc", np.array([0.8, 0.802]),
                  ((np.diag([1e-5, 1e-5]), 1e9),)), 0)[0]  # fmt: skip
    assert one.verdict == "no real difference between b and a (AUROC +0.002, -0.007 to 0.011)"
    assert not one.is_real


def test_the_best_is_that_of_the_metric_and_corrected_for_all_pairs(measured) -> None:
    losses = Estimates("log_loss", np.array([0.5, 0.3, 0.4]), ((np.eye(3) * 1e-3, 1e9),))
    found = against_best(NAMES, losses)
    assert {(one.first, one.second) for one in found} == {("logreg", "mlp"), ("noise", "mlp")}
    to_it = {one.first: one for one in against(NAMES, losses, 1)}
    for one in found:
        assert isinstance(one, PairedDifference)
        assert one.low < to_it[one.first].low < to_it[one.first].high < one.high
        assert one.adjusted_p_value > to_it[one.first].adjusted_p_value > one.p_value


def test_two_models_need_no_best(measured) -> None:
    two = Estimates("brier", np.array([0.2, 0.1]), ((np.eye(2), 5.0),))
    found = comparison(("a", "b"), [two], "brier", measured_on="5 folds")
    assert found.to_best == {}
    assert found.best_first() == [1, 0]

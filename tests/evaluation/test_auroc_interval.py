"""The interval of the AUROC against DeLong's definition, and against known truths."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from scipy.stats import norm

from churn_torch.errors import InputError
from churn_torch.evaluation import auroc_interval as module
from churn_torch.evaluation.auroc_interval import auroc_interval
from tests.evaluation.made_splits import arrays, imbalanced, split_metrics, splits
from tests.reference.auroc_variance import delong

Interval = tuple[float, float]


def counted(score: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Non-churners and churners of each group of ties, most probable group first."""
    _, group = np.unique(-score, return_inverse=True)
    return np.bincount(group[label == 0], minlength=group.max() + 1), np.bincount(
        group[label == 1], minlength=group.max() + 1
    )


def of_logit(area: float, variance: float, confidence: float = 0.95) -> Interval:
    half = norm.ppf((1 + confidence) / 2) * np.sqrt(variance) / (area * (1 - area))
    low, high = np.log(area / (1 - area)) + np.array([-half, half])
    return 1 / (1 + np.exp(-low)), 1 / (1 + np.exp(-high))


@pytest.mark.parametrize("decimals", [1, 6])
@pytest.mark.parametrize("shift", [-1.0, 0.2, 2.0])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_without_a_prior_it_is_delongs_on_the_logit_scale(
    monkeypatch: pytest.MonkeyPatch, decimals: int, shift: float, confidence: float
) -> None:
    monkeypatch.setattr(module, "PRIOR_ROWS", 0.0)
    rng = np.random.default_rng(0)
    label = (rng.random(90) < 0.3).astype(float)
    score = (rng.normal(size=90) + shift * label).round(decimals)
    expected = of_logit(*delong(score, label), confidence)
    ours = auroc_interval(*counted(score, label), confidence=confidence)
    assert ours == pytest.approx(expected, rel=1e-9)


def test_the_prior_vanishes_with_the_rows() -> None:
    probability, label = imbalanced(40_000)
    score, y = arrays(probability, label)
    ours = auroc_interval(*counted(score, y))
    assert ours == pytest.approx(of_logit(*delong_of_many(score, y)), abs=2e-4)


def delong_of_many(score: np.ndarray, label: np.ndarray) -> tuple[float, float]:
    """By ranks, as all pairs would be too many."""
    from scipy.stats import rankdata

    ranks, churner = rankdata(score), label == 1
    m, n = churner.sum(), (~churner).sum()
    of_churners = (ranks[churner] - rankdata(score[churner])) / n
    of_others = 1 - (ranks[~churner] - rankdata(score[~churner])) / m
    variance = of_churners.var(ddof=1) / m + of_others.var(ddof=1) / n
    return float(of_churners.mean()), float(variance)


@given(splits())
def test_any_rows_give_an_interval_around_the_auroc(
    split: tuple[torch.Tensor, torch.Tensor],
) -> None:
    metrics = split_metrics(*split)
    low, high = metrics.intervals()["auroc"]
    assert 0 <= low <= metrics.evaluate(0.5)["auroc"] <= high <= 1
    assert high - low > 0 or metrics.n_positive * (metrics.n - metrics.n_positive) == 0


@given(splits())
def test_the_turned_order_has_the_turned_interval(
    split: tuple[torch.Tensor, torch.Tensor],
) -> None:
    score, label = arrays(*split)
    low, high = auroc_interval(*counted(score, label))
    assert auroc_interval(*counted(-score, label)) == pytest.approx((1 - high, 1 - low), abs=1e-12)
    # Churners and others have one part each.
    assert auroc_interval(*counted(-score, 1 - label)) == pytest.approx((low, high), abs=1e-12)


@pytest.mark.parametrize(("churners", "others"), [(1, 1), (1, 50), (15, 45), (300, 3000)])
def test_rows_in_the_right_order_throughout_have_an_interval(churners: int, others: int) -> None:
    low, high = auroc_interval(np.array([0, others]), np.array([churners, 0]))
    assert high == 1
    assert 1 - 5 / churners < low < 1 - 0.5 / churners
    turned = auroc_interval(np.array([others, 0]), np.array([0, churners]))
    assert turned == pytest.approx((0, 1 - low), abs=1e-12)


def test_one_group_of_ties_is_chance() -> None:
    assert auroc_interval(np.array([40]), np.array([20])) == pytest.approx((0.5, 0.5))


@pytest.mark.parametrize("n_rows", [60, 300])
@pytest.mark.parametrize("area", [0.5, 0.84, 0.96])
@pytest.mark.parametrize("levels", [0, 8])
def test_it_holds_the_truth_as_often_as_it_says(n_rows: int, area: float, levels: int) -> None:
    """400 seeded sets with 15 churners; benchmarks/interval_coverage.py has more cases."""
    rng = np.random.default_rng(0)
    label = (np.arange(n_rows) < 15).astype(float)

    def drawn(label: np.ndarray) -> np.ndarray:
        score = rng.normal(size=len(label)) + np.sqrt(2) * norm.ppf(area) * label
        return np.digitize(score, np.linspace(-2, 4, levels - 1)) if levels else score

    large = (np.arange(200_000) % 2).astype(float)
    truth = delong_of_many(drawn(large), large)[0]
    held = 0
    for _ in range(400):
        low, high = auroc_interval(*counted(drawn(label), label))
        held += low <= truth <= high
    # Two standard errors of a share of 400, 0.022, on either side of the band.
    assert 0.91 <= held / 400 <= 0.99


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95])
def test_a_confidence_out_of_range_is_refused(confidence: float) -> None:
    with pytest.raises(InputError, match=r"^confidence: expected a number between 0 and 1"):
        split_metrics(*imbalanced(100)).intervals(confidence=confidence)

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk
from torch import Tensor

from churn_torch.errors import InputError
from churn_torch.evaluation import bootstrap
from tests.evaluation.made_splits import arrays, imbalanced, split_metrics
from tests.reference import metrics as reference


def naive_bootstrap(
    probability: Tensor, label: Tensor, replicates: int, confidence: float, seed: int
) -> dict[str, tuple[float, float]]:
    p, y = arrays(probability, label)
    order = np.lexsort([y, -p])  # the order in which ties are drawn
    p, y = p[order], y[order]
    generator = np.random.default_rng(seed)
    values: dict[str, list[float]] = {
        "auroc": [], "lift_at_5": [], "lift_at_10": [], "lift_at_20": []
    }  # fmt: skip
    while len(values["auroc"]) < replicates:
        draw = generator.integers(len(y), size=len(y))
        if 0 < y[draw].sum() < len(y):
            values["auroc"].append(sk.roc_auc_score(y[draw], p[draw]))
            for share in (5, 10, 20):
                values[f"lift_at_{share}"].append(reference.lift(p[draw], y[draw], share))
    tail = 100 * (1 - confidence) / 2
    return {
        name: (np.percentile(of, tail), np.percentile(of, 100 - tail))
        for name, of in values.items()
    }


@pytest.mark.parametrize(
    ("n", "share", "decimals", "confidence", "seed"),
    [
        (60, 0.3, 1, 0.95, 0),  # many ties
        (101, 0.3, 6, 0.8, 3),  # none
        (5, 0.1, 6, 0.95, 1),  # many draws without a churner
        (5, 0.9, 6, 0.95, 1),  # many draws of churners only
    ],
)
def test_bootstrap_equals_a_loop_over_resampled_rows(
    n: int, share: float, decimals: int, confidence: float, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    label = (torch.rand(n, generator=generator) < share).long()
    label[:2] = torch.tensor([0, 1])
    logit = torch.randn(n, generator=generator) + label
    probability = torch.sigmoid(logit).double().round(decimals=decimals)
    # Small blocks: the seams between them must not show either.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap, "BLOCK_DRAWS", 7 * n)
        ours = split_metrics(probability, label).intervals(
            replicates=50, confidence=confidence, seed=seed
        )
    expected = naive_bootstrap(probability, label, 50, confidence, seed)
    assert list(ours) == ["auroc", "lift_at_5", "lift_at_10", "lift_at_20"]
    for name, interval in expected.items():
        assert ours[name] == pytest.approx(interval, rel=1e-12), name


def test_intervals_hold_the_estimate_and_widen_with_confidence() -> None:
    probability, label = imbalanced()
    estimate = split_metrics(probability, label).evaluate(0.5)
    narrow = split_metrics(probability, label).intervals(replicates=200, confidence=0.5)
    wide = split_metrics(probability, label).intervals(replicates=200, confidence=0.99)
    for name in wide:
        assert wide[name][0] < narrow[name][0] < estimate[name] < narrow[name][1] < wide[name][1]
        assert all(type(end) is float for end in wide[name])


@pytest.mark.parametrize("max_rows", [10**6, 0], ids=["rows", "counts"])
def test_auroc_interval_is_as_wide_as_theory_says(
    monkeypatch: pytest.MonkeyPatch, max_rows: int
) -> None:
    monkeypatch.setattr(bootstrap, "MAX_ROWS", max_rows)
    # DeLong, DeLong and Clarke-Pearson (1988): the variance from each row's share of won pairs.
    generator = torch.Generator().manual_seed(0)
    label = (torch.rand(3000, generator=generator) < 0.3).long()
    probability = torch.sigmoid(torch.randn(3000, generator=generator) + label)
    won = (probability[label == 1, None] > probability[None, label == 0]).double()
    variance = sum(won.mean(dim=i).var().item() / won.shape[1 - i] for i in (0, 1))
    low, high = split_metrics(probability, label).intervals()["auroc"]
    assert high - low == pytest.approx(2 * 1.96 * math.sqrt(variance), rel=0.1)


def test_same_seed_same_intervals() -> None:
    probability, label = imbalanced(300)
    first = split_metrics(probability, label).intervals(replicates=50, seed=0)
    assert split_metrics(probability, label).intervals(replicates=50, seed=0) == first
    assert split_metrics(probability, label).intervals(replicates=50, seed=1) != first


def test_counts_drawn_from_bins_are_as_good_as_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    split = imbalanced(40_000)
    # One standard error either side; the ends have a tenth of it as noise.
    counts = split_metrics(*split, exact_rows=0).intervals(confidence=0.68)
    monkeypatch.setattr(bootstrap, "MAX_ROWS", 10**6)
    rows = split_metrics(*split).intervals(confidence=0.68, replicates=200)
    for name, (low, high) in rows.items():
        assert counts[name] == pytest.approx((low, high), abs=0.2 * (high - low)), name


def test_a_class_of_one_row_is_drawn_from_many() -> None:
    label = torch.zeros(30_000)
    label[7] = 1
    probability = torch.linspace(0.2, 0.1, 30_000)
    low, high = split_metrics(probability, label).intervals(replicates=50)["auroc"]
    assert 1 - 1e-3 < low <= high <= 1


@given(
    counts=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=60),
    max_groups=st.integers(1, 9),
)
def test_coarser_groups_are_few_and_hold_the_same_rows(
    counts: list[tuple[int, int]], max_groups: int
) -> None:
    counts = [(negative, positive + 1) for negative, positive in counts]
    fine = np.array(counts).T
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap, "MAX_GROUPS", max_groups)
        coarse = bootstrap._coarser(*fine)
    assert len(coarse[0]) <= max_groups
    points = {tuple(point) for point in np.cumsum(fine, axis=1).T}
    assert {tuple(point) for point in np.cumsum(coarse, axis=1).T} <= points
    assert np.sum(coarse, axis=1).tolist() == np.sum(fine, axis=1).tolist()
    largest = np.sum(fine, axis=0).max()
    assert np.sum(coarse, axis=0).max() < np.sum(fine) / max_groups + largest


@pytest.mark.parametrize("arguments", [{"replicates": 0}, {"confidence": 1.0}, {"confidence": 95}])
def test_bootstrap_refuses_arguments_out_of_range(arguments: dict[str, float]) -> None:
    with pytest.raises(InputError, match=r"^bootstrap: expected replicates >= 1 and a confidence"):
        split_metrics(*imbalanced(100)).intervals(**arguments)

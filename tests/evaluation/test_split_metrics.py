from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from torch import Tensor
from torchmetrics.functional.classification import (
    binary_auroc,
    binary_average_precision,
    binary_calibration_error,
)

from churn_torch.errors import InputError
from churn_torch.evaluation import probability_bins
from churn_torch.evaluation import split_metrics as split_metrics_module
from churn_torch.evaluation.reliability import grouped
from churn_torch.evaluation.split_metrics import SplitMetrics
from tests.evaluation.made_splits import arrays, imbalanced, realistic, split_metrics, splits
from tests.reference import metrics as reference

CONFUSION = ["true_positives", "false_positives", "false_negatives", "true_negatives"]
KEYS = [
    *["n", "n_positive", "base_rate", "auroc", "average_precision", "log_loss", "brier", "ece"],
    *["accuracy", "precision", "recall", "f1", *CONFUSION],
    *["lift_at_5", "lift_at_10", "lift_at_20"],
    *["captured_at_5", "captured_at_10", "captured_at_20", "threshold"],
]


@given(split=splits(), threshold=st.floats(0, 1, width=32))
def test_evaluate_equals_the_definitions(split: tuple[Tensor, Tensor], threshold: float) -> None:
    probability, label = arrays(*split)
    ours = split_metrics(*split).evaluate(threshold)
    assert list(ours) == KEYS
    tp, fp, fn, tn = reference.confusion(probability, label, threshold)
    expected = {
        "n": len(label),
        "n_positive": int(label.sum()),
        "base_rate": label.mean(),
        "auroc": reference.auroc(probability, label),
        "average_precision": reference.average_precision(probability, label),
        "log_loss": reference.log_loss(probability, label),
        "brier": reference.brier(probability, label),
        "ece": reference.ece(probability, label),
        "accuracy": (tp + tn) / len(label),
        "precision": tp / (tp + fp) if tp + fp else 0.0,
        "recall": tp / (tp + fn),
        "f1": 2 * tp / (2 * tp + fp + fn),
        "true_positives": tp,
        "false_positives": fp,
        "false_negatives": fn,
        "true_negatives": tn,
        **{f"lift_at_{s}": reference.lift(probability, label, s) for s in (5, 10, 20)},
        **{f"captured_at_{s}": reference.captured(probability, label, s) for s in (5, 10, 20)},
        "threshold": threshold,
    }
    for key, value in expected.items():
        assert ours[key] == pytest.approx(value, rel=1e-12, abs=1e-14), key


@settings(max_examples=30)
@given(split=splits(), threshold=st.floats(0, 1, width=32))
def test_evaluate_equals_scikit_learn(split: tuple[Tensor, Tensor], threshold: float) -> None:
    probability, label = arrays(*split)
    decision = probability >= threshold
    ours = split_metrics(*split).evaluate(threshold)
    assert ours["auroc"] == pytest.approx(sk.roc_auc_score(label, probability), rel=1e-12)
    assert ours["average_precision"] == pytest.approx(
        sk.average_precision_score(label, probability), rel=1e-12
    )
    assert ours["log_loss"] == pytest.approx(sk.log_loss(label, probability), rel=1e-12)
    assert ours["brier"] == pytest.approx(sk.brier_score_loss(label, probability), rel=1e-12)
    assert ours["accuracy"] == pytest.approx(sk.accuracy_score(label, decision), rel=1e-12)
    for name, score in (
        ("precision", sk.precision_score),
        ("recall", sk.recall_score),
        ("f1", sk.f1_score),
    ):
        assert ours[name] == pytest.approx(score(label, decision, zero_division=0), rel=1e-12)


def test_evaluate_gives_plain_numbers_of_the_right_kind() -> None:
    result = split_metrics(*imbalanced(200)).evaluate(0.5)
    whole = {"n", "n_positive", *CONFUSION}
    assert {key: type(value) for key, value in result.items()} == {
        key: int if key in whole else float for key in KEYS
    }


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int8, torch.bool])
def test_labels_come_in_any_dtype(dtype: torch.dtype) -> None:
    probability, label = imbalanced(500)
    expected = split_metrics(probability, label).evaluate(0.1)
    assert split_metrics(probability, label.to(dtype)).evaluate(0.1) == expected


def test_evaluate_leaves_its_arguments_and_gradients_alone() -> None:
    probability, label = imbalanced(100)
    before = probability.clone()
    split_metrics(probability.requires_grad_(), label).evaluate(0.1)
    assert torch.equal(probability.detach(), before)
    assert probability.grad is None


def test_order_of_the_rows_does_not_matter() -> None:
    probability, label = imbalanced(1000)
    probability = (probability * 50).round() / 50  # many ties
    shuffle = torch.randperm(1000, generator=torch.Generator().manual_seed(1))
    straight = split_metrics(probability, label).evaluate(0.1)
    shuffled = split_metrics(probability[shuffle], label[shuffle]).evaluate(0.1)
    assert shuffled == pytest.approx(straight, rel=1e-12)


def test_decision_is_made_in_float32() -> None:
    below = np.nextafter(0.3, 0)  # below 0.3 in float64, equal to it in float32
    probability = torch.tensor([below, 0.2], dtype=torch.float64)
    result = split_metrics(probability, torch.tensor([1, 0])).evaluate(0.3)
    assert result["true_positives"] == 1
    assert result["threshold"] == 0.3


def test_a_confident_mistake_costs_a_finite_log_loss() -> None:
    result = split_metrics(torch.tensor([1.0, 0.0]), torch.tensor([0, 1])).evaluate(0.5)
    assert result["log_loss"] == pytest.approx(-math.log(2.0**-52))
    assert result["ece"] == 1.0
    assert result["auroc"] == 0.0


def test_precision_is_zero_when_nobody_is_called_a_churner() -> None:
    result = split_metrics(torch.tensor([0.1, 0.2]), torch.tensor([0, 1])).evaluate(0.9)
    assert (result["precision"], result["recall"], result["f1"]) == (0.0, 0.0, 0.0)


def test_a_constant_model_has_no_lift() -> None:
    _, label = imbalanced(1000)
    result = split_metrics(torch.full((1000,), 0.05), label).evaluate(0.5)
    for share in (5, 10, 20):
        assert result[f"lift_at_{share}"] == pytest.approx(1)
        assert result[f"captured_at_{share}"] == pytest.approx(share / 100)


def test_the_mean_over_batches_is_another_number() -> None:
    probability, label = imbalanced()
    whole = split_metrics(probability, label).evaluate(0.1)
    batches = [
        split_metrics(p, y).evaluate(0.1)
        for p, y in zip(probability.view(-1, 50), label.view(-1, 50), strict=True)
        if y.any()
    ]
    for key in ("average_precision", "ece"):  # small batches flatter the one, shame the other
        mean = sum(batch[key] for batch in batches) / len(batches)
        assert mean > 1.25 * whole[key], key
    assert whole["average_precision"] == pytest.approx(
        sk.average_precision_score(label, probability), rel=1e-12
    )


@pytest.mark.parametrize(
    ("probability", "label", "message"),
    [
        ([], [], "expected labelled rows to evaluate, got none"),
        ([0.1, 0.2], [0, 1, 1], r"the shapes \(2,\) and \(3,\)"),
        ([[0.1], [0.2]], [[0], [1]], r"the shapes \(2, 1\) and \(2, 1\)"),
        ([0.1, math.nan, 0.2], [0, 1, 1], r"got 1 other values in 3 rows, the first nan in row 1"),
        (
            [0.1, 0.5, 1.5, -2.0],
            [0, 1, 1, 0],
            r"got 2 other values in 4 rows, the first 1\.5 in row 2",
        ),
        ([0.1, 0.5, 0.2], [0, 1, 2], r"expected labels of 0 or 1, got 1 .* the first 2 in row 2"),
        (
            [0.1, 0.5, 0.2],
            [0.0, math.nan, 1.0],
            r"expected labels of 0 or 1, got 1 .* first nan in row 1",
        ),
        ([0.1, 0.5], [0, 0], "got 2 labels that are all 0"),
        ([0.1, 0.5], [1.0, 1.0], "got 2 labels that are all 1"),
        ([0.1], [1.0], "got one label, 1;"),
    ],
)
@pytest.mark.parametrize(
    "compute",
    [
        lambda probability, label: split_metrics(probability, label).evaluate(0.5),
        lambda probability, label: split_metrics(probability, label).intervals(),
        lambda probability, label: split_metrics(probability, label).choose_threshold("f1"),
        lambda probability, label: split_metrics(probability, label).choose_threshold("top_share"),
    ],
    ids=["evaluate", "intervals", "f1", "top_share"],
)
def test_rows_that_cannot_be_evaluated_are_refused(
    compute: Callable[[Tensor, Tensor], object],
    probability: list[float],
    label: list[float],
    message: str,
) -> None:
    with pytest.raises(InputError, match=message):
        compute(torch.tensor(probability), torch.tensor(label))


@pytest.mark.parametrize("threshold", [-0.1, 1.1, math.nan])
def test_a_threshold_outside_0_to_1_is_refused(threshold: float) -> None:
    expected = r"^threshold: expected f1, top_share, profit or a number between 0 and 1, got"
    with pytest.raises(InputError, match=expected):
        split_metrics(torch.tensor([0.1, 0.2]), torch.tensor([0, 1])).evaluate(threshold)


# Thresholds


@given(split=splits())
def test_f1_threshold_is_the_best_and_the_largest_of_equals(split: tuple[Tensor, Tensor]) -> None:
    threshold = split_metrics(*split).choose_threshold("f1")
    best, n_taken = reference.best_f1(*arrays(*split))
    result = split_metrics(*split).evaluate(threshold)
    assert result["f1"] == best
    assert int(result["true_positives"]) + int(result["false_positives"]) == n_taken


def test_f1_threshold_sees_the_ties_that_the_decision_sees() -> None:
    below = np.nextafter(0.3, 0)  # in float32 the same as 0.3: nothing stands between the two
    probability = torch.tensor([0.3, below, 0.1], dtype=torch.float64)
    threshold = split_metrics(probability, torch.tensor([1, 0, 0])).choose_threshold("f1")
    assert threshold == pytest.approx(0.2)


@given(split=splits(), share=st.floats(0.01, 1))
def test_top_share_takes_the_share_and_the_ties_of_its_last_row(
    split: tuple[Tensor, Tensor], share: float
) -> None:
    probability, label = split
    threshold = split_metrics(probability, label).choose_threshold("top_share", top_share=share)
    k = math.ceil(round(share * len(label), 12))
    last = probability.sort(descending=True).values[k - 1]
    taken = probability >= torch.tensor(threshold, dtype=torch.float32)
    assert torch.equal(taken, probability >= last)


def test_top_share_takes_a_tenth_unless_told() -> None:
    probability, label = imbalanced(1000)
    threshold = split_metrics(probability, label).choose_threshold("top_share")
    assert (probability >= threshold).sum() == 100


@pytest.mark.parametrize("rule", ["f1", "top_share"])
def test_threshold_stands_between_two_steps_of_a_calibrator(rule: str) -> None:
    probability = torch.tensor([0.7] * 3 + [0.4] * 3 + [0.1] * 6)
    label = torch.tensor([1, 1, 1, 1, 1, 0] + [0] * 6)
    threshold = split_metrics(probability, label).choose_threshold(rule, top_share=0.5)
    assert threshold == pytest.approx(0.25)
    # A step that moves by the last bit, as in another runtime, moves nobody.
    for nudged in (
        torch.nextafter(probability, torch.tensor(0.0)),
        torch.nextafter(probability, torch.tensor(1.0)),
    ):
        assert ((nudged >= threshold) == (probability >= threshold)).all()


def test_threshold_between_neighbours_in_float32_takes_the_upper_one() -> None:
    upper = np.float32(0.5)
    lower = np.nextafter(upper, np.float32(0))
    for scores in ([upper, lower], [np.nextafter(upper, np.float32(1)), upper]):
        threshold = split_metrics(
            torch.tensor(np.array(scores)), torch.tensor([1, 0])
        ).choose_threshold("f1")
        assert threshold == scores[0]


@pytest.mark.parametrize("number", [0, 1, 0.5, 0.123])
def test_a_number_is_itself(number: float) -> None:
    threshold = SplitMetrics().choose_threshold(number)
    assert threshold == number
    assert type(threshold) is float


@pytest.mark.parametrize(("rule", "top_share"), [("youden", 0.1), (1.5, 0.1), ("top_share", 0)])
def test_rules_that_cannot_be_used_are_refused(rule: str | float, top_share: float) -> None:
    with pytest.raises(InputError, match=r"^(threshold|top_share): expected .*, got"):
        split_metrics(*imbalanced(100)).choose_threshold(rule, top_share=top_share)


# Chunks, and bins


@pytest.fixture
def coarse_bins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bins 256 times as wide: many rows share one, and a table of them is made in no time."""
    below, n_bins = probability_bins.BELOW >> 8, 2 + ((probability_bins.N_BINS - 2) >> 8)
    monkeypatch.setattr(probability_bins, "DROPPED_BITS", probability_bins.DROPPED_BITS + 8)
    monkeypatch.setattr(probability_bins, "BELOW", below)
    monkeypatch.setattr(split_metrics_module, "N_BINS", n_bins)


@pytest.mark.usefixtures("coarse_bins")
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    split=splits(),
    cuts=st.lists(st.integers(0, 40), max_size=3),
    exact_rows=st.sampled_from([0, 5, 1000]),
    backwards=st.booleans(),
)
def test_chunks_give_the_metrics_of_the_whole(
    split: tuple[Tensor, Tensor], cuts: list[int], exact_rows: int, backwards: bool
) -> None:
    whole = split_metrics(*split, exact_rows=exact_rows, threshold=0.37)
    pieces = np.split(np.arange(len(split[1])), sorted(min(cut, len(split[1])) for cut in cuts))
    chunks = SplitMetrics(exact_rows=exact_rows, threshold=0.37)
    for rows in reversed(pieces) if backwards else pieces:
        chunks.update(split[0][rows], split[1][rows])
    assert chunks.n == whole.n
    assert chunks.evaluate(0.37) == pytest.approx(whole.evaluate(0.37), rel=1e-12, abs=1e-14)
    assert chunks.intervals() == whole.intervals()
    assert chunks.choose_threshold("f1") == whole.choose_threshold("f1")
    assert chunks.binning_error == whole.binning_error


def test_one_class_in_bins_is_refused() -> None:
    binned = split_metrics(torch.tensor([0.1, 0.2]), torch.tensor([1, 1]), exact_rows=0)
    with pytest.raises(InputError, match="got 2 labels that are all 1"):
        binned.evaluate(0.5)
    with pytest.raises(InputError, match="got 2 labels that are all 1"):
        _ = binned.binning_error


@pytest.mark.usefixtures("coarse_bins")
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(split=splits(), threshold=st.floats(0, 1, width=32), share=st.floats(0.01, 1))
def test_bins_are_off_by_no_more_than_they_say(
    split: tuple[Tensor, Tensor], threshold: float, share: float
) -> None:
    exact, binned = split_metrics(*split), split_metrics(*split, exact_rows=0, threshold=threshold)
    ours, expected = binned.evaluate(threshold), exact.evaluate(threshold)
    bound = ours.pop("auroc_error_bound")
    assert bound == binned.binning_error
    assert exact.binning_error == 0
    assert abs(ours["auroc"] - expected["auroc"]) <= bound + 1e-12
    from_bins = {"auroc", "average_precision"} | {key for key in KEYS if "_at_" in key}
    for key in set(KEYS) - from_bins:
        assert ours[key] == expected[key], key
    for rule in ("f1", "top_share"):  # whole bins are taken, and counted exactly
        chosen = binned.choose_threshold(rule, top_share=share)
        ours, expected = binned.evaluate(chosen), exact.evaluate(chosen)
        assert all(ours[key] == expected[key] for key in CONFUSION)


@pytest.mark.parametrize("base_rate", [0.01, 0.25, 0.6])
def test_bins_are_fine_enough_for_models_as_they_come(base_rate: float) -> None:
    probability, label = realistic(base_rate)
    exact, binned = (
        split_metrics(probability, label),
        split_metrics(probability, label, exact_rows=100_000),
    )
    threshold = binned.choose_threshold("f1")
    ours, expected = binned.evaluate(threshold), exact.evaluate(threshold)
    assert 0 < ours["auroc_error_bound"] < 1e-4
    assert ours["auroc"] == pytest.approx(expected["auroc"], abs=1e-6)
    assert ours["average_precision"] == pytest.approx(expected["average_precision"], abs=1e-4)
    for share in (5, 10, 20):
        assert ours[f"lift_at_{share}"] == pytest.approx(expected[f"lift_at_{share}"], rel=1e-4)
    best = exact.evaluate(exact.choose_threshold("f1"))["f1"]
    assert ours["f1"] == pytest.approx(best, abs=1e-4)
    threshold = binned.choose_threshold("top_share", top_share=0.1)
    taken = (probability >= threshold).double().mean().item()
    assert 0.1 <= taken < 0.1005


def test_a_threshold_in_bins_stands_between_two_steps_too() -> None:
    split = torch.tensor([0.7] * 3 + [0.4] * 3), torch.tensor([1, 1, 0, 0, 0, 0])
    threshold = split_metrics(*split, exact_rows=0).choose_threshold("f1")
    assert threshold == pytest.approx(0.55, rel=1e-4)


def test_a_threshold_in_bins_that_was_not_counted_is_not_guessed() -> None:
    binned = split_metrics(*imbalanced(100), exact_rows=99, threshold=0.3)
    assert binned.evaluate(0.3)["threshold"] == 0.3
    assert binned.evaluate(0.5)["threshold"] == 0.5  # an edge
    with pytest.raises(ValueError, match=r"SplitMetrics\(threshold=0\.37\)"):
        binned.evaluate(0.37)


def test_a_bad_row_is_named_over_all_chunks_and_none_of_its_chunk_is_added() -> None:
    result = split_metrics(*imbalanced(1000))
    before = result.evaluate(0.5)
    with pytest.raises(InputError, match=r"the first nan in row 1001; pass"):
        result.update(torch.tensor([0.5, math.nan, 0.1]), torch.tensor([0, 1, 0]))
    assert result.evaluate(0.5) == before


def test_an_empty_chunk_adds_nothing() -> None:
    result = split_metrics(*imbalanced(100))
    before = result.evaluate(0.5)
    result.update(torch.tensor([]), torch.tensor([]))
    assert result.evaluate(0.5) == before


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_probabilities_come_in_any_float_dtype(dtype: torch.dtype) -> None:
    probability, label = imbalanced(300)
    probability = probability.to(dtype)
    expected = split_metrics(probability.double(), label).evaluate(0.1)
    assert split_metrics(probability, label).evaluate(0.1) == expected


def test_a_zero_may_have_a_sign() -> None:
    label = torch.tensor([0, 1, 1])
    signed, plain = torch.tensor([-0.0, 0.0, 0.5]), torch.tensor([0.0, 0.0, 0.5])
    for rows in (0, 10):
        ours = split_metrics(signed, label, exact_rows=rows).evaluate(0)
        assert ours == split_metrics(plain, label, exact_rows=rows).evaluate(0)


def test_torchmetrics_agrees() -> None:
    probability, label = realistic(0.25)
    ours = split_metrics(probability, label.int()).evaluate(0.5)
    for key, metric in (
        ("auroc", binary_auroc),
        ("average_precision", binary_average_precision),
        ("ece", partial(binary_calibration_error, n_bins=15)),
    ):
        expected = metric(probability.double(), label.int()).item()
        assert ours[key] == pytest.approx(expected, rel=1e-6), key


def test_groups_and_calibration_are_those_of_the_rows_also_in_bins() -> None:
    probability, label = realistic(0.2, 3_000)
    rows = split_metrics(probability, label)
    groups, theirs = rows.groups(), grouped(*arrays(probability.float(), label))
    for name in ("probability", "n_rows", "n_churners"):
        assert (getattr(groups, name) == getattr(theirs, name)).all(), name
    exact = rows.with_intervals(0.5)["calibration"]
    binned = split_metrics(probability, label, exact_rows=0).with_intervals(0.5)["calibration"]
    assert exact["sentence"] == binned["sentence"]
    for name in exact.keys() - {"sentence"}:
        assert binned[name] == pytest.approx(exact[name], abs=1e-3), name

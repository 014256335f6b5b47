from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from churn_torch.errors import InputError
from churn_torch.evaluation import metrics
from churn_torch.evaluation.metrics import (
    LogLoss,
    bootstrap_intervals,
    choose_threshold,
    evaluate,
)
from tests.reference import metrics as reference

CONFUSION = ["true_positives", "false_positives", "false_negatives", "true_negatives"]
KEYS = [
    *["n", "n_positive", "base_rate", "auroc", "average_precision", "log_loss", "brier", "ece"],
    *["accuracy", "precision", "recall", "f1", *CONFUSION],
    *["lift_at_5", "lift_at_10", "lift_at_20"],
    *["captured_at_5", "captured_at_10", "captured_at_20", "threshold"],
]

# Few distinct values make ties; the extremes are those of float32, which the models give.
PROBABILITIES = st.one_of(
    st.sampled_from([0.0, 1.0, 0.5, 0.25, 2.0**-149, 1 - 2.0**-24]),
    st.floats(0, 1, width=32),
)


@st.composite
def splits(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    """Probabilities and labels of 2 to 40 rows with both classes."""
    rows = draw(st.lists(st.tuples(PROBABILITIES, st.integers(0, 1)), max_size=38))
    rows += [(draw(PROBABILITIES), 0), (draw(PROBABILITIES), 1)]
    probability, label = zip(*rows, strict=True)
    return torch.tensor(probability, dtype=torch.float32), torch.tensor(label)


def arrays(
    probability: Tensor, label: Tensor
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    return probability.double().numpy(), label.double().numpy()


def imbalanced(n: int = 4000, seed: int = 0) -> tuple[Tensor, Tensor]:
    """A split with 5 % churn and a fair model."""
    generator = torch.Generator().manual_seed(seed)
    label = (torch.rand(n, generator=generator) < 0.05).long()
    logit = torch.randn(n, generator=generator) + 1.2 * label - 3.2
    return torch.sigmoid(logit), label


@given(split=splits(), threshold=st.floats(0, 1, width=32))
def test_evaluate_equals_the_definitions(split: tuple[Tensor, Tensor], threshold: float) -> None:
    probability, label = arrays(*split)
    ours = evaluate(*split, threshold=threshold)
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
    single = {"auroc", "average_precision"}  # torchmetrics divides these two in float32
    for key, value in expected.items():
        assert ours[key] == pytest.approx(value, rel=1e-6 if key in single else 1e-12, abs=1e-14), (
            key
        )


@given(split=splits(), threshold=st.floats(0, 1, width=32))
def test_evaluate_equals_scikit_learn(split: tuple[Tensor, Tensor], threshold: float) -> None:
    probability, label = arrays(*split)
    decision = probability >= threshold
    ours = evaluate(*split, threshold=threshold)
    assert ours["auroc"] == pytest.approx(sk.roc_auc_score(label, probability), rel=1e-6)
    assert ours["average_precision"] == pytest.approx(
        sk.average_precision_score(label, probability), rel=1e-6
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
    result = evaluate(*imbalanced(200), threshold=0.5)
    whole = {"n", "n_positive", *CONFUSION}
    assert {key: type(value) for key, value in result.items()} == {
        key: int if key in whole else float for key in KEYS
    }


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int8, torch.bool])
def test_labels_come_in_any_dtype(dtype: torch.dtype) -> None:
    probability, label = imbalanced(500)
    assert evaluate(probability, label.to(dtype), threshold=0.1) == evaluate(
        probability, label, threshold=0.1
    )


def test_evaluate_leaves_its_arguments_and_gradients_alone() -> None:
    probability, label = imbalanced(100)
    before = probability.clone()
    evaluate(probability.requires_grad_(), label, threshold=0.1)
    assert torch.equal(probability.detach(), before)
    assert probability.grad is None


def test_order_of_the_rows_does_not_matter() -> None:
    probability, label = imbalanced(1000)
    probability = (probability * 50).round() / 50  # many ties
    shuffle = torch.randperm(1000, generator=torch.Generator().manual_seed(1))
    straight = evaluate(probability, label, threshold=0.1)
    shuffled = evaluate(probability[shuffle], label[shuffle], threshold=0.1)
    assert shuffled == pytest.approx(straight, rel=1e-12)


def test_decision_is_made_in_float32() -> None:
    below = np.nextafter(0.3, 0)  # below 0.3 in float64, equal to it in float32
    result = evaluate(torch.tensor([below, 0.2], dtype=torch.float64), torch.tensor([1, 0]),
                      threshold=0.3)  # fmt: skip
    assert result["true_positives"] == 1
    assert result["threshold"] == 0.3


def test_a_confident_mistake_costs_a_finite_log_loss() -> None:
    result = evaluate(torch.tensor([1.0, 0.0]), torch.tensor([0, 1]), threshold=0.5)
    assert result["log_loss"] == pytest.approx(-math.log(2.0**-52))
    assert result["ece"] == 1.0
    assert result["auroc"] == 0.0


def test_precision_is_zero_when_nobody_is_called_a_churner() -> None:
    result = evaluate(torch.tensor([0.1, 0.2]), torch.tensor([0, 1]), threshold=0.9)
    assert (result["precision"], result["recall"], result["f1"]) == (0.0, 0.0, 0.0)


def test_a_constant_model_has_no_lift() -> None:
    _, label = imbalanced(1000)
    result = evaluate(torch.full((1000,), 0.05), label, threshold=0.5)
    for share in (5, 10, 20):
        assert result[f"lift_at_{share}"] == pytest.approx(1)
        assert result[f"captured_at_{share}"] == pytest.approx(share / 100)


def test_the_mean_over_batches_is_another_number() -> None:
    probability, label = imbalanced()
    whole = evaluate(probability, label, threshold=0.1)
    batches = [
        evaluate(p, y, threshold=0.1)
        for p, y in zip(probability.view(-1, 50), label.view(-1, 50), strict=True)
        if y.any()
    ]
    for key in ("average_precision", "ece"):  # small batches flatter the one, shame the other
        mean = sum(batch[key] for batch in batches) / len(batches)
        assert mean > 1.25 * whole[key], key
    assert whole["average_precision"] == pytest.approx(
        sk.average_precision_score(label, probability), rel=1e-6
    )


@pytest.mark.parametrize(
    ("probability", "label", "message"),
    [
        ([], [], "but got none"),
        ([0.1, 0.2], [0, 1, 1], r"the shapes \(2,\) and \(3,\)"),
        ([[0.1], [0.2]], [[0], [1]], r"the shapes \(2, 1\) and \(2, 1\)"),
        ([0.1, math.nan, 0.2], [0, 1, 1], r"1 of 3 are not \(the first is nan in row 1\)"),
        ([0.1, 0.5, 1.5, -2.0], [0, 1, 1, 0], r"2 of 4 are not \(the first is 1\.5 in row 2\)"),
        ([0.1, 0.5, 0.2], [0, 1, 2], r"labels of 0 or 1, but 1 of 3 .* 2 in row 2"),
        ([0.1, 0.5, 0.2], [0.0, math.nan, 1.0], r"labels of 0 or 1, but 1 of 3 .* nan in row 1"),
        ([0.1, 0.5], [0, 0], "all 2 labels are 0"),
        ([0.1, 0.5], [1.0, 1.0], "all 2 labels are 1"),
    ],
)
@pytest.mark.parametrize(
    "compute",
    [
        lambda probability, label: evaluate(probability, label, threshold=0.5),
        bootstrap_intervals,
        lambda probability, label: choose_threshold("f1", probability, label),
        lambda probability, label: choose_threshold("top_share", probability, label),
    ],
    ids=["evaluate", "bootstrap_intervals", "f1", "top_share"],
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
    with pytest.raises(InputError, match="a number between 0 and 1, but got"):
        evaluate(torch.tensor([0.1, 0.2]), torch.tensor([0, 1]), threshold=threshold)


# Bootstrap


def naive_bootstrap(
    probability: Tensor, label: Tensor, replicates: int, confidence: float, seed: int
) -> dict[str, tuple[float, float]]:
    p, y = arrays(probability, label)
    order = np.argsort(-p, kind="stable")
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
        patch.setattr(metrics, "BLOCK_DRAWS", 7 * n)
        ours = bootstrap_intervals(
            probability, label, replicates=50, confidence=confidence, seed=seed
        )
    expected = naive_bootstrap(probability, label, 50, confidence, seed)
    assert list(ours) == ["auroc", "lift_at_5", "lift_at_10", "lift_at_20"]
    for name, interval in expected.items():
        assert ours[name] == pytest.approx(interval, rel=1e-12), name


def test_intervals_hold_the_estimate_and_widen_with_confidence() -> None:
    probability, label = imbalanced()
    estimate = evaluate(probability, label, threshold=0.5)
    narrow = bootstrap_intervals(probability, label, replicates=200, confidence=0.5)
    wide = bootstrap_intervals(probability, label, replicates=200, confidence=0.99)
    for name in wide:
        assert wide[name][0] < narrow[name][0] < estimate[name] < narrow[name][1] < wide[name][1]
        assert all(type(end) is float for end in wide[name])


def test_auroc_interval_is_as_wide_as_theory_says() -> None:
    # DeLong, DeLong and Clarke-Pearson (1988): the variance from each row's share of won pairs.
    generator = torch.Generator().manual_seed(0)
    label = (torch.rand(3000, generator=generator) < 0.3).long()
    probability = torch.sigmoid(torch.randn(3000, generator=generator) + label)
    won = (probability[label == 1, None] > probability[None, label == 0]).double()
    variance = sum(won.mean(dim=i).var().item() / won.shape[1 - i] for i in (0, 1))
    low, high = bootstrap_intervals(probability, label)["auroc"]
    assert high - low == pytest.approx(2 * 1.96 * math.sqrt(variance), rel=0.1)


def test_same_seed_same_intervals() -> None:
    probability, label = imbalanced(300)
    first = bootstrap_intervals(probability, label, replicates=50, seed=0)
    assert bootstrap_intervals(probability, label, replicates=50, seed=0) == first
    assert bootstrap_intervals(probability, label, replicates=50, seed=1) != first


@pytest.mark.parametrize(
    ("max_draws", "asked", "drawn"), [(500 * 300, 400, 300), (10, 400, 100), (10, 7, 7)]
)
def test_long_splits_get_fewer_replicates(
    monkeypatch: pytest.MonkeyPatch, max_draws: int, asked: int, drawn: int
) -> None:
    split = imbalanced(500)
    expected = bootstrap_intervals(*split, replicates=drawn)
    monkeypatch.setattr(metrics, "MAX_DRAWS", max_draws)
    assert bootstrap_intervals(*split, replicates=asked) == expected


@pytest.mark.parametrize("arguments", [{"replicates": 0}, {"confidence": 1.0}, {"confidence": 95}])
def test_bootstrap_refuses_arguments_out_of_range(arguments: dict[str, float]) -> None:
    with pytest.raises(InputError, match=r"replicates >= 1 and a confidence between 0 and 1"):
        bootstrap_intervals(*imbalanced(100), **arguments)  # type: ignore[arg-type]


# Thresholds


@given(split=splits())
def test_f1_threshold_is_the_best_and_the_largest_of_equals(split: tuple[Tensor, Tensor]) -> None:
    threshold = choose_threshold("f1", *split)
    best, n_taken = reference.best_f1(*arrays(*split))
    result = evaluate(*split, threshold=threshold)
    assert result["f1"] == best
    assert int(result["true_positives"]) + int(result["false_positives"]) == n_taken


def test_f1_threshold_sees_the_ties_that_the_decision_sees() -> None:
    below = np.nextafter(0.3, 0)  # in float32 the same as 0.3: nothing stands between the two
    probability = torch.tensor([0.3, below, 0.1], dtype=torch.float64)
    threshold = choose_threshold("f1", probability, torch.tensor([1, 0, 0]))
    assert threshold == pytest.approx(0.2)


@given(split=splits(), share=st.floats(0.01, 1))
def test_top_share_takes_the_share_and_the_ties_of_its_last_row(
    split: tuple[Tensor, Tensor], share: float
) -> None:
    probability, label = split
    threshold = choose_threshold("top_share", probability, label, top_share=share)
    k = math.ceil(round(share * len(label), 12))
    last = probability.sort(descending=True).values[k - 1]
    taken = probability >= torch.tensor(threshold, dtype=torch.float32)
    assert torch.equal(taken, probability >= last)


def test_top_share_takes_a_tenth_unless_told() -> None:
    probability, label = imbalanced(1000)
    threshold = choose_threshold("top_share", probability, label)
    assert (probability >= threshold).sum() == 100


@pytest.mark.parametrize("rule", ["f1", "top_share"])
def test_threshold_stands_between_two_steps_of_a_calibrator(rule: str) -> None:
    probability = torch.tensor([0.7] * 3 + [0.4] * 3 + [0.1] * 6)
    label = torch.tensor([1, 1, 1, 1, 1, 0] + [0] * 6)
    threshold = choose_threshold(rule, probability, label, top_share=0.5)
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
        threshold = choose_threshold("f1", torch.tensor(np.array(scores)), torch.tensor([1, 0]))
        assert threshold == scores[0]


@pytest.mark.parametrize("number", [0, 1, 0.5, 0.123])
def test_a_number_is_itself(number: float) -> None:
    threshold = choose_threshold(number, torch.tensor([]), torch.tensor([]))
    assert threshold == number
    assert type(threshold) is float


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("top-share", r"but got 'top-share' \(did you mean 'top_share'\?\)"),
        ("youden", "threshold=f1, threshold=top_share or a number between 0 and 1"),
        (1.5, r"but got 1\.5\."),
        (-1, r"but got -1\."),
        (math.nan, r"but got nan\."),
        (True, r"but got True\."),
    ],
)
def test_an_unknown_rule_names_the_choices(rule: str | float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        choose_threshold(rule, *imbalanced(100))


@pytest.mark.parametrize("top_share", [0, -0.1, 1.5, 10, math.nan])
def test_top_share_out_of_range_is_refused(top_share: float) -> None:
    with pytest.raises(InputError, match=r"a share above 0 and up to 1 .* but got"):
        choose_threshold("top_share", *imbalanced(100), top_share=top_share)


# LogLoss


@given(
    rows=st.lists(
        st.tuples(st.floats(-1000, 1000, width=32), st.integers(0, 1)), min_size=1, max_size=30
    ),
    cuts=st.lists(st.integers(0, 30), max_size=4),
)
def test_log_loss_of_uneven_batches_is_that_of_the_whole(
    rows: list[tuple[float, int]], cuts: list[int]
) -> None:
    logit = torch.tensor([x for x, _ in rows], dtype=torch.float32)
    label = torch.tensor([float(y) for _, y in rows])
    metric = LogLoss()
    for batch in np.split(np.arange(len(rows)), sorted(min(cut, len(rows)) for cut in cuts)):
        metric.update(logit[batch], label[batch])
    whole = binary_cross_entropy_with_logits(logit.double(), label.double())
    assert metric.compute().dtype == torch.float64
    assert metric.compute().item() == pytest.approx(whole.item(), rel=1e-12)


def test_log_loss_is_not_the_mean_of_batch_means() -> None:
    metric = LogLoss()
    first = metric(torch.tensor([0.0, 0.0, 0.0]), torch.tensor([0, 1, 1]))
    second = metric(torch.tensor([4.0]), torch.tensor([0]))
    assert first.item() == pytest.approx(math.log(2))
    assert second.item() == pytest.approx(math.log1p(math.exp(4)))
    whole = (3 * first + second) / 4
    assert metric.compute().item() == pytest.approx(whole.item(), rel=1e-12)
    assert abs(whole - (first + second) / 2) > 0.5


def test_log_loss_agrees_with_evaluate() -> None:
    probability, label = imbalanced()
    metric = LogLoss()
    metric.update(torch.logit(probability.double()), label)
    assert metric.compute().item() == pytest.approx(
        evaluate(probability, label, threshold=0.5)["log_loss"], rel=1e-12
    )


def test_log_loss_keeps_its_sums_in_float64() -> None:
    metric = LogLoss().half()
    for _ in range(100):
        metric.update(torch.full((1000,), 20.0), torch.ones(1000))  # 2e-9 a row
        metric.update(torch.full((1000,), 20.0), torch.zeros(1000))  # 20 a row
    assert metric.compute().item() == pytest.approx(10 + math.log1p(math.exp(-20)), rel=1e-13)


def test_log_loss_of_processes_adds_up_and_resets() -> None:
    one, other = LogLoss(), LogLoss()
    one.update(torch.tensor([0.0, 0.0, 0.0]), torch.tensor([0, 1, 1]))
    other.update(torch.tensor([4.0]), torch.tensor([0]))
    one.merge_state(other)
    assert one.compute().item() == pytest.approx((3 * math.log(2) + math.log1p(math.exp(4))) / 4)
    one.reset()
    one.update(torch.tensor([0.0]), torch.tensor([1]))
    assert one.compute().item() == pytest.approx(math.log(2))


def test_log_loss_keeps_no_graph() -> None:
    logit = torch.zeros(3, requires_grad=True)
    metric = LogLoss()
    metric.update(logit, torch.ones(3))
    assert not metric.total.requires_grad

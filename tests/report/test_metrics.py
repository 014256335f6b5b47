"""Tables of metrics show every metric, its interval and its error."""

from __future__ import annotations

import pytest
import torch

from churn_torch.evaluation.split_metrics import SplitMetrics
from churn_torch.report.metrics import calibration_warning, folds_table, metrics_table
from tests.report.made_tables import rendered

VALIDATION = {
    "n": 1056,
    "n_positive": 280,
    "base_rate": 0.26515,
    "auroc": 0.84554,
    "average_precision": 0.65,
    "log_loss": 0.41729,
    "brier": 0.1354,
    "ece": 0.02,
    "accuracy": 0.8041,
    "precision": 0.6649,
    "recall": 0.5536,
    "f1": 0.6042,
    "true_positives": 155,
    "false_positives": 78,
    "false_negatives": 125,
    "true_negatives": 1698,
    "lift_at_5": 3.1,
    "lift_at_10": 2.849,
    "lift_at_20": 2.4,
    "captured_at_5": 0.155,
    "captured_at_10": 0.2849,
    "captured_at_20": 0.48,
    "threshold": 0.31337,
}


CALIBRATION = {
    **{"slope": 1.1, "slope_low": 1.0, "slope_high": 1.2, "intercept": None},
    **{"intercept_low": None, "intercept_high": None, "sentence": ""},
}


def test_the_calibration_of_a_split_has_its_lines_and_a_warning() -> None:
    table = metrics_table({"a": VALIDATION, "b": VALIDATION | {"calibration": CALIBRATION}})
    lines = rendered(table)
    assert lines[-3:-1] == [
        ["calibration slope", "", "1.1000 [1.0000 to 1.2000]"],
        ["calibration intercept", "", "none"],
    ]
    assert calibration_warning(VALIDATION) == []
    assert calibration_warning({"calibration": CALIBRATION}) == []
    wrong = {"calibration": CALIBRATION | {"sentence": "too many"}}
    assert calibration_warning(wrong) == ["Miscalibrated: too many."]


def test_metrics_table_shows_every_metric_of_every_split() -> None:
    test = VALIDATION | {
        "n": 1057,
        "auroc": 0.8,
        "intervals": {
            "auroc": [0.781, 0.8191],
            "lift_at_5": [2.4, 3.6],
            "lift_at_10": [2.4, 3.2],
            "lift_at_20": [2.2, 2.6],
        },
    }
    lines = rendered(metrics_table({"validation": VALIDATION, "test": test}))
    assert lines == [
        ["metric", "validation", "test"],
        ["rows", "1,056", "1,057"],
        ["churn rate", "26.5%", "26.5%"],
        ["AUROC", "0.8455", "0.8000 [0.7810 to 0.8191]"],
        ["average precision", "0.6500", "0.6500"],
        ["log-loss", "0.4173", "0.4173"],
        ["Brier score", "0.1354", "0.1354"],
        ["calibration error", "0.0200", "0.0200"],
        ["lift in top 5%", "3.10", "3.10 [2.40 to 3.60]"],
        ["lift in top 10%", "2.85", "2.85 [2.40 to 3.20]"],
        ["lift in top 20%", "2.40", "2.40 [2.20 to 2.60]"],
        ["churners in top 5%", "15.5%", "15.5%"],
        ["churners in top 10%", "28.5%", "28.5%"],
        ["churners in top 20%", "48.0%", "48.0%"],
        ["decision threshold", "0.3134", "0.3134"],
        ["accuracy", "80.4%", "80.4%"],
        ["precision", "66.5%", "66.5%"],
        ["recall", "55.4%", "55.4%"],
        ["F1", "0.6042", "0.6042"],
        ["TP / FP / FN / TN", "155 / 78 / 125 / 1,698", "155 / 78 / 125 / 1,698"],
        ["in brackets: interval of 95 %"],
    ]


def test_metrics_table_takes_what_the_metrics_give() -> None:
    probability = torch.rand(1000, generator=torch.Generator().manual_seed(0))
    label = (probability > 0.5).long()
    split_metrics = SplitMetrics()
    split_metrics.update(probability, label)
    metrics = {**split_metrics.evaluate(0.5), "intervals": split_metrics.intervals()}
    lines = rendered(metrics_table({"[new] data": metrics}))
    assert lines[0] == ["metric", "[new] data"]
    assert lines[3] == ["AUROC", "1.0000 [0.9927 to 1.0000]"]
    assert lines[-2][1].split(" / ") == [
        str(int(label.sum())),
        "0",
        "0",
        str(int(1000 - label.sum())),
    ]


def test_metrics_table_says_how_far_an_auroc_from_bins_may_be_off() -> None:
    binned = {"exact": VALIDATION, "long": VALIDATION | {"auroc_error_bound": 3.149e-06}}
    caption = "AUROC from binned probabilities, error at most 3.3e-06"
    assert rendered(metrics_table(binned))[-1] == [caption]
    binned["long"]["intervals"] = {}
    both = " ".join(cell for line in rendered(metrics_table(binned))[-2:] for cell in line)
    assert both.endswith(f"in brackets: interval of 95 %; {caption}")


def test_metrics_table_without_intervals_says_nothing_of_them() -> None:
    lines = rendered(metrics_table({"test": VALIDATION}), width=60)
    assert lines[3] == ["AUROC", "0.8455"]
    assert lines[-1] == ["TP / FP / FN / TN", "155 / 78 / 125 / 1,698"]


def test_a_split_counted_in_bins_always_says_its_bound() -> None:
    """Also where no bin holds both classes, so that the bound is 0."""
    split_metrics = SplitMetrics(exact_rows=10)
    label = torch.arange(40) % 2
    split_metrics.update(label * 0.5 + 0.2, label)
    metrics = split_metrics.evaluate(0.5)
    caption = "AUROC from binned probabilities, error at most 0"
    assert metrics_table({"test": metrics}).caption == caption
    folds = [{"validation": metrics, "test": metrics}] * 2
    table = folds_table(folds, {})
    assert str(table.caption).startswith(
        "2 folds; spread: standard deviation over the folds; error"
    )
    assert str(table.caption).endswith(f"(Nadeau & Bengio 2003); {caption}")


def test_folds_are_summed_up_over_the_folds() -> None:
    folds = [
        {"validation": VALIDATION, "test": VALIDATION | {"auroc": auroc, "n": n}}
        for auroc, n in ((0.7, 100), (0.8, 110), (0.9, 90))
    ]
    lines = rendered(folds_table(folds, {"auroc": 0.02}), width=100)
    assert lines[1] == ["rows", "300", "", "", "90", "110", ""]
    assert lines[2] == ["churn rate", "26.5%", "", "0.0%", "26.5%", "26.5%", "26.5%"]
    assert lines[3] == ["AUROC", "0.8000", "0.0200", "0.1000", "0.7000", "0.9000", "0.8455"]


@pytest.mark.parametrize(
    ("n_positive", "said"),
    [
        (14, "test: only 14 churners, so its intervals are rough"),
        (1, "test: only 1 churner, so its intervals are rough"),
        (1056, "test: only 1 customer who stayed, so its"),
        (1050, "test: only 7 customers who stayed, so its intervals are rough"),
        (15, ""),
        (1042, ""),
    ],
)
def test_intervals_of_few_rows_of_a_class_are_called_rough(n_positive: int, said: str) -> None:
    test = VALIDATION | {"n": 1057, "n_positive": n_positive, "intervals": {"auroc": [0.6, 0.9]}}
    caption = str(metrics_table({"validation": VALIDATION, "test": test}).caption)
    assert said in caption
    assert ("rough" in caption) == bool(said)


def test_metrics_of_no_split_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one split"):
        metrics_table({})

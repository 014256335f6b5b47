from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
import torch
from rich.console import Console
from rich.table import Table

from churn_torch.errors import InputError
from churn_torch.evaluation.split_metrics import SplitMetrics
from churn_torch.report.tables import (
    metrics_table,
    path_table,
    ranked,
    reasons_sentence,
    sweep_table,
)


def rendered(table: Table, width: int = 80) -> list[list[str]]:
    """The cells of a table as a terminal shows them, line by line; a caption is one cell."""
    console = Console(file=StringIO(), width=width)
    console.print(table)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(len, text.splitlines())) <= width
    lines = [line.strip() for line in text.splitlines() if any(map(str.isalnum, line))]
    return [[cell.strip() for cell in line.strip("│┃").replace("┃", "│").split("│")]
            for line in lines]  # fmt: skip


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
        ["churn rate", "26.5 %", "26.5 %"],
        ["AUROC", "0.8455", "0.8000 [0.7810 to 0.8191]"],
        ["average precision", "0.6500", "0.6500"],
        ["log-loss", "0.4173", "0.4173"],
        ["Brier score", "0.1354", "0.1354"],
        ["calibration error", "0.0200", "0.0200"],
        ["lift in top 5 %", "3.10", "3.10 [2.40 to 3.60]"],
        ["lift in top 10 %", "2.85", "2.85 [2.40 to 3.20]"],
        ["lift in top 20 %", "2.40", "2.40 [2.20 to 2.60]"],
        ["churners in top 5 %", "15.5 %", "15.5 %"],
        ["churners in top 10 %", "28.5 %", "28.5 %"],
        ["churners in top 20 %", "48.0 %", "48.0 %"],
        ["decision threshold", "0.3134", "0.3134"],
        ["accuracy", "80.4 %", "80.4 %"],
        ["precision", "66.5 %", "66.5 %"],
        ["recall", "55.4 %", "55.4 %"],
        ["F1", "0.6042", "0.6042"],
        ["TP / FP / FN / TN", "155 / 78 / 125 / 1,698", "155 / 78 / 125 / 1,698"],
        ["in brackets: bootstrap interval"],
    ]


def test_metrics_table_takes_what_the_metrics_give() -> None:
    probability = torch.rand(1000, generator=torch.Generator().manual_seed(0))
    label = (probability > 0.5).long()
    split_metrics = SplitMetrics()
    split_metrics.update(probability, label)
    metrics = {**split_metrics.evaluate(0.5), "intervals": split_metrics.intervals(replicates=10)}
    lines = rendered(metrics_table({"[new] data": metrics}))
    assert lines[0] == ["metric", "[new] data"]
    assert lines[3] == ["AUROC", "1.0000 [1.0000 to 1.0000]"]
    assert lines[-2][1].split(" / ") == [
        str(int(label.sum())),
        "0",
        "0",
        str(int(1000 - label.sum())),
    ]


def test_metrics_table_says_how_far_an_auroc_from_bins_may_be_off() -> None:
    binned = {"exact": VALIDATION, "long": VALIDATION | {"auroc_error_bound": 3.149e-06}}
    caption = "AUROC from bins, error below 3.3e-06"
    assert rendered(metrics_table(binned))[-1] == [caption]
    binned["long"]["intervals"] = {}
    both = " ".join(cell for line in rendered(metrics_table(binned))[-2:] for cell in line)
    assert both.endswith(f"in brackets: bootstrap interval; {caption}")


def test_metrics_table_without_intervals_says_nothing_of_them() -> None:
    lines = rendered(metrics_table({"test": VALIDATION}), width=60)
    assert lines[3] == ["AUROC", "0.8455"]
    assert lines[-1] == ["TP / FP / FN / TN", "155 / 78 / 125 / 1,698"]


def member(job: int, log_loss: float, auroc: float) -> dict[str, Any]:
    return {
        "job": job,
        "overrides": f"optimizer.lr=0.{job}",
        "status": "ok",
        "validation_log_loss": log_loss,
        "validation_auroc": auroc,
        "test_auroc": auroc - 0.01,
    }


FAILED: dict[str, Any] = {
    "job": 0,
    "overrides": "model=mlp data.ignore=[a]",
    "status": "failed",
    "error": "Expected [bold]depth[/bold] >= 1, but got 0.",
}
SWEEP = [FAILED, member(1, 0.43, 0.84), member(2, 0.41, 0.82), member(3, 0.42, 0.83)]


def test_sweep_table_puts_the_best_first_and_failed_members_last() -> None:
    lines = rendered(sweep_table(SWEEP), width=160)
    assert lines == [
        ["job", "overrides", "validation log_loss", "validation auroc", "test auroc", "status"],
        ["2", "optimizer.lr=0.2", "0.4100", "0.8200", "0.8100", "ok"],
        ["3", "optimizer.lr=0.3", "0.4200", "0.8300", "0.8200", "ok"],
        ["1", "optimizer.lr=0.1", "0.4300", "0.8400", "0.8300", "ok"],
        [
            "0",
            "model=mlp data.ignore=[a]",
            "",
            "",
            "",
            "failed: Expected [bold]depth[/bold] >= 1, but got 0.",
        ],
        ["best validation log_loss first"],
    ]


@pytest.mark.parametrize("width", [60, 80])
def test_sweep_table_loses_no_text_in_a_narrow_terminal(width: int) -> None:
    lines = rendered(sweep_table(SWEEP), width=width)
    for column, text in ((1, FAILED["overrides"]), (5, f"failed: {FAILED['error']}")):
        shown = "".join(line[column] for line in lines if len(line) == 6)
        assert "".join(text.split()) in shown.replace(" ", "")


def test_sweep_is_sorted_by_the_metric_asked_for() -> None:
    assert [row["job"] for row in ranked(SWEEP, "auroc")] == [1, 3, 2, 0]
    assert [row["job"] for row in ranked(SWEEP)] == [2, 3, 1, 0]
    lift = [row | {"validation_lift_at_10": row["job"]} for row in SWEEP]
    lines = rendered(sweep_table(lift, "lift_at_10"), width=200)
    assert [line[0] for line in lines[1:-1]] == ["3", "2", "1", "0"]
    assert lines[0][2:5] == ["validation lift_at_10", "validation log_loss", "validation auroc"]


def test_members_without_a_number_come_after_those_with_one() -> None:
    rows = [member(1, float("nan"), 0.5), member(2, 0.9, 0.5), *SWEEP[:1], member(3, 0.9, 0.5)]
    assert [row["job"] for row in ranked(rows)] == [2, 3, 1, 0]


def test_an_unknown_metric_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"one of auroc, log_loss, but got 'aurok' \(did you mean"):
        sweep_table(SWEEP, "aurok")


@pytest.mark.parametrize("rows", [[], [FAILED]])
def test_a_sweep_without_a_finished_member_still_has_its_table(rows: list[dict[str, Any]]) -> None:
    lines = rendered(sweep_table(rows), width=160)
    assert len(lines) == 2 + len(rows)
    assert [row["job"] for row in ranked(rows, "f1")] == [row["job"] for row in rows]


@pytest.mark.parametrize("held_out", [False, True])
def test_path_table_marks_the_chosen_strength(held_out: bool) -> None:
    path = [
        {"l2": l2, "validation_log_loss": loss, "converged": l2 > 0.05}
        | ({"held_out_log_loss": loss + 0.1} if held_out else {})
        for l2, loss in ((0.1, 0.4321), (0.01, 0.4111))
    ]
    held = [["0.5321"], ["0.5111"]] if held_out else [[], []]
    assert rendered(path_table(path, chosen=0.01))[1:] == [
        ["0.1", "0.4321", *held[0], ""],
        ["0.01", "0.4111", *held[1], "chosen, not converged"],
    ]


@pytest.mark.parametrize(("spread", "rough"), [(0.09, False), (1.6, True)])
def test_rough_reasons_come_with_their_mend(spread: float, rough: bool):
    reasons = {"method": "integrated gradients", "points": 64, "spread": spread}
    said = reasons_sentence({**reasons, "completeness_error": 8.3e-7})
    assert f"up to {spread} that these miss" in said
    assert ("That is much" in said and "penalty.l2" in said) == rough
    assert reasons_sentence({"method": "exact"}) == "Reasons are exact."

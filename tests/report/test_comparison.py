"""A comparison for the terminal: sentences first, then the metrics and their differences."""

from __future__ import annotations

import numpy as np
import pytest

from churn_torch.evaluation.model_comparison.comparison import METRICS, Comparison, comparison
from churn_torch.evaluation.model_comparison.paired_metrics import Estimates
from churn_torch.report.comparison import LABELS, comparison_sentences, comparison_tables
from tests.report.made_tables import rendered


def made(losses: list[float], error: float = 0.001) -> Comparison:
    names = [f"model[{letter}]" for letter in "abcdefg"[: len(losses)]]
    covariance = np.eye(len(losses)) * error**2 / 2
    areas = Estimates("auroc", 1 - np.array(losses), ((covariance, 1e9),))
    measured = [Estimates("log_loss", np.array(losses), ((covariance, 1e9),)), areas]
    return comparison(names, measured, "log_loss", measured_on="99 rows", notes=["A note."])


def test_the_labels_are_those_of_the_verdicts() -> None:
    assert {metric: LABELS[metric] for metric in METRICS} == METRICS


def test_two_runs_are_a_sentence_and_one_difference() -> None:
    found = made([0.41, 0.42])
    assert list(comparison_sentences(found)) == [
        "Model[b] is worse than model[a] (log-loss +0.0100, 0.0080 to 0.0120) on 99 rows.",
        "A note.",
    ]
    values, differences = (rendered(table) for table in comparison_tables(found))
    assert values[:3] == [
        ["run", "log-loss", "AUROC"],
        ["model[a]", "0.4100", "0.5900"],
        ["model[b]", "0.4200", "0.5800"],
    ]
    assert differences[:3] == [
        ["metric", "run", "minus model[a]"],
        ["log-loss", "model[b]", "+0.0100 [+0.0080 to +0.0120] *"],
        ["AUROC", "model[b]", "-0.0100 [-0.0120 to -0.0080] *"],
    ]


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        ([0.42, 0.41, 0.43], "really better than each of the others."),
        ([0.4201, 0.42, 0.4202], "but there is no real difference between it and any other."),
        (
            [0.4201, 0.42, 0.44, 0.43],
            ": better than model[c] and model[d]; no real difference between it and model[a].",
        ),
    ],
)
def test_the_best_of_several_is_called_so_only_where_it_is(losses, said: str) -> None:
    first, second, *_ = comparison_sentences(made(losses))
    assert first.startswith(f"By log-loss model[b] is the best of {len(losses)} runs on 99 rows")
    assert first.endswith(said)
    assert "too good" in second


def test_several_runs_are_compared_with_the_first_and_the_best() -> None:
    _, table = comparison_tables(made([0.42, 0.41, 0.43]))
    lines = rendered(table, width=110)
    assert lines[0] == ["metric", "run", "minus model[a]", "minus the best"]
    assert [line[:2] for line in lines[1:4]] == [
        ["log-loss", "model[b]"], ["", "model[a]"], ["", "model[c]"],
    ]  # fmt: skip
    assert lines[1][3] == "the best"
    assert lines[2][2] == ""
    assert lines[3][3].startswith("+0.0200 [+0.0")


def test_of_many_runs_one_metric_is_shown() -> None:
    values, differences = comparison_tables(made([0.42, 0.41, 0.43, 0.44, 0.45]))
    assert len(rendered(values)) == 7
    lines = rendered(differences, width=110)
    assert len([line for line in lines if len(line) == 4]) == 6
    assert "other metrics" in " ".join(line[0] for line in lines[6:])

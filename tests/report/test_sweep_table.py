"""A sweep, best job first."""

from __future__ import annotations

from typing import Any

import pytest

from churn_torch.evaluation.model_comparison.comparison import PairedDifference
from churn_torch.report.sweep_table import DIFFERENCE, best_sentences, ranked, sweep_table
from tests.report.made_tables import rendered


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


def test_the_job_with_the_lowest_validation_loss_is_first() -> None:
    assert [row["job"] for row in ranked(SWEEP)] == [2, 3, 1, 0]


def test_members_without_a_number_come_after_those_with_one() -> None:
    rows = [member(1, float("nan"), 0.5), member(2, 0.9, 0.5), *SWEEP[:1], member(3, 0.9, 0.5)]
    assert [row["job"] for row in ranked(rows)] == [2, 3, 1, 0]


@pytest.mark.parametrize("rows", [[], [FAILED]])
def test_a_sweep_without_a_finished_member_still_has_its_table(rows: list[dict[str, Any]]) -> None:
    lines = rendered(sweep_table(rows), width=160)
    assert len(lines) == 2 + len(rows)


def test_differences_to_the_best_have_a_column() -> None:
    compared = {
        **SWEEP[1], DIFFERENCE: 0.02, f"{DIFFERENCE}_low": 0.01, f"{DIFFERENCE}_high": 0.03,
        f"{DIFFERENCE}_p_value": 0.01,
    }  # fmt: skip
    lines = rendered(sweep_table([SWEEP[0], compared, SWEEP[2]]), width=180)
    assert lines[0][5] == "test log_loss minus the best job's"
    assert [line[5] for line in lines[1:4]] == ["", "+0.0200 [+0.0100 to +0.0300] *", ""]


def difference(job: int, gap: float, p_value: float) -> PairedDifference:
    return PairedDifference(f"job {job}", "job 9", "log_loss", gap, 0, 0, p_value, p_value, "")


def test_the_best_job_is_called_better_only_where_it_is() -> None:
    first, second = best_sentences(
        "job 9", [difference(1, 0.1, 0.01), difference(2, 0.1, 0.2), difference(3, -0.1, 0.01)]
    )
    assert first == (
        "Validation rows found job 9 best. On test rows, by log-loss, it is really better than "
        "job 1; it is really worse than job 3; there is no real difference between it and job 2."
    )
    assert second.startswith("Choose by validation")
    (many, _) = best_sentences("job 9", [difference(number, 0.1, 0.01) for number in range(7)])
    assert many.endswith("really better than 7 jobs.")

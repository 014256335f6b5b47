from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from omegaconf import OmegaConf

from churn_torch.cli.sweep import SweepFailed, SweepSummary, _summarise
from churn_torch.errors import InputError
from tests.workflows.made_runs import made_rows, made_run


class JobReturn:
    def __init__(self, value: object) -> None:
        self._return_value = value


def hydra_config(job: int, mode: str = "MULTIRUN", folder: Path | str = "unused"):
    from hydra.types import RunMode

    return OmegaConf.create(
        {
            "hydra": {
                "mode": RunMode[mode],
                "job": {"num": job},
                "overrides": {"task": ["model=mlp", f"seed={job}"]},
                "runtime": {"output_dir": f"/sweep/{job}"},
                "sweep": {"dir": str(folder)},
            }
        }
    )


def test_summary_takes_note_of_every_member():
    summary = SweepSummary()
    metrics = {"validation": {"log_loss": 0.4}, "test": {"auroc": 0.8, "intervals": {}}}
    summary.on_job_end(hydra_config(0), JobReturn({"status": "ok", "metrics": metrics}))
    summary.on_job_end(hydra_config(1), JobReturn({"status": "failed", "error": "the sentence"}))
    assert summary.rows == [
        {
            "job": 0, "overrides": "model=mlp seed=0", "status": "ok", "error": "",
            "folder": "/sweep/0", "validation_log_loss": 0.4, "test_auroc": 0.8,
        },
        {
            "job": 1, "overrides": "model=mlp seed=1", "status": "failed",
            "error": "the sentence", "folder": "/sweep/1",
        },
    ]  # fmt: skip


def test_overrides_are_shown_as_they_were_typed():
    config = hydra_config(0)
    added = ["events=cdnow", "++events.label.within=90d", "data=events", "++data.missing=[x]"]
    config.hydra.overrides.task = added
    summary = SweepSummary()
    summary.on_job_end(config, JobReturn({"status": "failed"}))
    [row] = summary.rows
    assert row["overrides"] == "events=cdnow events.label.within=90d data.missing=[x]"


def test_a_folder_is_of_one_sweep(tmp_path: Path) -> None:
    config = hydra_config(0, folder=tmp_path / "sweep")
    first = SweepSummary()
    first.on_multirun_start(config)
    with pytest.raises(SweepFailed) as refused:
        SweepSummary().on_multirun_start(config)
    assert isinstance(refused.value.__cause__, InputError)
    assert "into which another sweep is writing; nothing is written over" in str(
        refused.value.__cause__
    )
    first.on_job_end(config, JobReturn({"status": "ok", "metrics": {}}))
    first.on_multirun_end(config)
    with pytest.raises(SweepFailed) as refused:
        SweepSummary().on_multirun_start(config)
    assert "with a finished sweep in it" in str(refused.value.__cause__)
    (tmp_path / "sweep" / "sweep.csv").unlink()
    again = SweepSummary()  # as after an interruption
    again.on_multirun_start(config)
    again.on_multirun_end(config)


@pytest.mark.filterwarnings("default")  # Hydra warns of an error in a callback, and goes on
def test_a_sweep_whose_members_all_fail_ends_with_an_error(command, tmp_path: Path) -> None:
    keys = ("data=table", "data.source=absent.csv", "data.target=y", f"hydra.sweep.dir={tmp_path}")
    code, _, err = command("train", "-m", *keys, "seed=0,1")
    assert code == 1
    last = "Error: sweep: expected a member that succeeds, got errors from all; "
    assert err.splitlines()[-1].startswith(last)


def test_summary_is_silent_outside_a_sweep():
    summary = SweepSummary()
    summary.on_job_end(hydra_config(0, "RUN"), JobReturn({"status": "ok"}))
    summary.on_multirun_end(hydra_config(0, "RUN"))
    assert summary.rows == []


def job(number: int, folder: str, log_loss: float) -> dict[str, Any]:
    return {
        "job": number, "overrides": f"seed={number}", "status": "ok", "error": "",
        "folder": folder, "validation_log_loss": log_loss, "test_log_loss": log_loss,
        "validation_auroc": 0.8, "test_auroc": 0.8,
    }  # fmt: skip


def test_jobs_are_compared_with_the_best_by_validation(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folders = [made_run(tmp_path / str(number), made_rows(number)) for number in range(3)]
    failed = {"job": 3, "overrides": "x", "status": "failed", "error": "No.", "folder": "f"}
    jobs = [
        job(n, folder, loss) for n, folder, loss in zip(range(3), folders, (3, 1, 2), strict=True)
    ]
    _summarise([*jobs, failed], tmp_path)
    table = pd.read_csv(tmp_path / "sweep.csv", index_col="job")
    assert table.index.tolist() == [1, 2, 0, 3]
    known = table["test_log_loss_minus_best"]
    assert known.notna().tolist() == [False, True, True, False]
    assert (table["test_log_loss_minus_best_low"] < known)[[0, 2]].all()
    out = " ".join(capfd.readouterr().out.split())
    assert "Validation rows found job 1 best. On test rows, by log-loss, there is no real" in out
    assert "the best of several on test rows looks better than it is" in out


def test_jobs_on_other_rows_are_not_compared(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    other = made_rows(2).assign(row=range(120))
    folders = [made_run(tmp_path / "0", made_rows(1)), made_run(tmp_path / "1", other, seed=1)]
    _summarise([job(n, folder, n) for n, folder in enumerate(folders)], tmp_path)
    assert "minus_best" not in (tmp_path / "sweep.csv").read_text()
    out = " ".join(capfd.readouterr().out.split())
    assert "The jobs are not compared with each other: runs: expected runs with the same" in out


def test_what_a_spreadsheet_would_run_is_defused(tmp_path: Path) -> None:
    error = "=HYPERLINK(1): expected a column of the table"
    _summarise([{**job(0, "0", 1), "status": "failed", "error": error}], tmp_path)
    assert pd.read_csv(tmp_path / "sweep.csv")["error"].tolist() == [f"'{error}"]

"""Collect how each job of a sweep (``-m``) ended, and write sweep.csv at the end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig

from churn_torch.cli import run_folders
from churn_torch.cli.overrides import as_typed
from churn_torch.errors import InputError
from churn_torch.locks import Lock, lock_where_possible

SUMMARY = "sweep.csv"


class SweepFailed(BaseException):
    """The error that it was raised from ends the sweep; Hydra only warns of an `Exception`."""


class SweepSummary(Callback):
    """Hydra's callback that notes how each member ended, and shows them all at the end."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._held = contextlib.ExitStack()

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Claim the folder of the sweep, before Hydra writes into it.

        Raises:
            SweepFailed: Another sweep has it, or it cannot be made.
        """
        with _ending_the_sweep():
            self._held.callback(_claim(Path(config.hydra.sweep.dir)).close)

    def on_job_end(self, config: DictConfig, job_return: Any, **kwargs: Any) -> None:
        """Take note of one member."""
        outcome = job_return._return_value
        if config.hydra.mode != RunMode.MULTIRUN or not isinstance(outcome, dict):
            return
        row: dict[str, Any] = {
            "job": int(config.hydra.job.num),
            "overrides": " ".join(as_typed(config.hydra.overrides.task)),
            "status": outcome["status"],
            "error": outcome.get("error", ""),
            "folder": run_folders.as_it_stands(_root_=config),
        }
        for split in ("validation", "test"):
            measured = (outcome.get("metrics") or {}).get(split, {})
            row |= {f"{split}_{k}": v for k, v in measured.items() if not isinstance(v, dict)}
        self.rows.append(row)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Show and write the summary, and let go of the folder.

        Raises:
            SweepFailed: Every member has failed, or the summary cannot be written.
        """
        with _ending_the_sweep(), self._held:
            if self.rows:
                _summarise(self.rows, Path(config.hydra.sweep.dir))
                if all(row["status"] != "ok" for row in self.rows):
                    raise InputError(
                        "sweep",
                        expected="a member that succeeds",
                        got="errors from all",
                        fix="correct what the table above names",
                    )


@contextlib.contextmanager
def _ending_the_sweep() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise SweepFailed from error


def _claim(folder: Path) -> Lock:
    """Lock the folder of a sweep, as long as this process lives."""
    folder.mkdir(parents=True, exist_ok=True)
    held = lock_where_possible(folder)
    if held is None:
        state = "into which another sweep is writing"
    elif (folder / SUMMARY).exists():
        held.close()
        state = "with a finished sweep in it"
    else:
        return held
    raise InputError(
        "hydra.sweep.dir",
        expected="a folder of its own",
        got=f"{folder} {state}",
        fix="nothing is written over, so choose another folder",
    )


def _summarise(rows: Sequence[Mapping[str, Any]], folder: Path) -> None:
    import pandas as pd

    from churn_torch.console import show
    from churn_torch.report.sweep_table import ranked, sweep_table
    from churn_torch.whole_files import write_text
    from churn_torch.workflows.csv_tables import csv_text

    rows, sentences = _with_differences(ranked(rows))
    # An override can name a column, and an error can quote a cell.
    write_text(folder / SUMMARY, csv_text(pd.DataFrame(rows)))
    show(sweep_table(rows))
    for sentence in sentences:
        show(sentence)
    show(f"Sweep folder: {folder}")


def _with_differences(
    rows: Sequence[Mapping[str, Any]],
) -> tuple[Sequence[Mapping[str, Any]], list[str]]:
    """Add to each job how it differs from the best on the test rows; say how sure that is.

    Args:
        rows: The best job by validation rows first.
    """
    from churn_torch.report.sweep_table import DIFFERENCE, SORTED_BY, best_sentences
    from churn_torch.workflows.compare import job_differences

    jobs = [row for row in rows if row["status"] == "ok" and f"test_{SORTED_BY}" in row]
    if len(jobs) < 2:
        return rows, []
    names = [f"job {row['job']}" for row in jobs]
    try:
        found = job_differences([row["folder"] for row in jobs], names, SORTED_BY)
    except InputError as error:
        return rows, [f"The jobs are not compared with each other: {error}"]
    by_job = {row["job"]: one for row, one in zip(jobs[1:], found, strict=True)}
    added = [
        row
        if (one := by_job.get(row["job"])) is None
        else {
            **row,
            DIFFERENCE: one.difference,
            f"{DIFFERENCE}_low": one.low,
            f"{DIFFERENCE}_high": one.high,
            f"{DIFFERENCE}_p_value": one.adjusted_p_value,
        }
        for row in rows
    ]
    return added, best_sentences(names[0], found)

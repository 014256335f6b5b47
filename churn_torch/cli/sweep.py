"""Collect how each job of a sweep (``-m``) ended, and write sweep.csv at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig

from churn_torch.cli import run_folders
from churn_torch.errors import InputError


class SweepSummary(Callback):
    """Hydra's callback that notes how each member ended, and shows them all at the end."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def on_job_end(self, config: DictConfig, job_return: Any, **kwargs: Any) -> None:
        """Take note of one member."""
        outcome = job_return._return_value
        if config.hydra.mode != RunMode.MULTIRUN or not isinstance(outcome, dict):
            return
        row: dict[str, Any] = {
            "job": int(config.hydra.job.num),
            "overrides": " ".join(config.hydra.overrides.task),
            "status": outcome["status"],
            "error": outcome.get("error", ""),
            "folder": run_folders.as_it_stands(_root_=config),
        }
        for split in ("validation", "test"):
            measured = (outcome.get("metrics") or {}).get(split, {})
            row |= {f"{split}_{k}": v for k, v in measured.items() if not isinstance(v, dict)}
        self.rows.append(row)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Show and write the summary.

        Raises:
            InputError: Every member has failed.
        """
        if self.rows:
            _summarise(self.rows, Path(config.hydra.sweep.dir))
            if all(row["status"] != "ok" for row in self.rows):
                raise InputError(
                    "sweep",
                    expected="a member that succeeds",
                    got="errors from all",
                    fix="correct what the table above names",
                )


def _summarise(rows: Sequence[Mapping[str, Any]], folder: Path) -> None:
    import pandas as pd

    from churn_torch.console import show
    from churn_torch.report.sweep_table import ranked, sweep_table
    from churn_torch.whole_files import whole_file

    with whole_file(folder / "sweep.csv") as temporary:
        pd.DataFrame(ranked(rows)).to_csv(temporary, index=False)
    show(sweep_table(rows))
    show(f"Sweep folder: {folder}")

"""What a training of time to churn measures on its test rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from churn_torch.console import show
from churn_torch.errors import InputError
from churn_torch.evaluation.split_metrics import SplitMetrics
from churn_torch.evaluation.survival.survival_metrics import SurvivalMetrics, survival_metrics
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.report.pages.survival_page import survival_page
from churn_torch.report.survival import horizon_table, survival_table
from churn_torch.tables.encode import encode
from churn_torch.tables.labelled.rows import Rows
from churn_torch.training.inference import Scored
from churn_torch.whole_files import write_text
from churn_torch.workflows.runs import artefacts
from churn_torch.workflows.runs.run_folder import Run

KNOWN_OUTCOMES = (
    "Probability: to leave within the horizon. The metrics of validation and test count only "
    "customers of whom that is known; among them are too many churners, as who leaves is known "
    "early. The metrics of time to churn count everybody."
)
# Test rows whose lifetimes are measured, at most: every k-th one of more.
MOST_ROWS = 50_000


class SurvivalRows:
    """The test rows of a model of time to churn, kept until they are measured.

    Args:
        n_rows: All test rows; 0 where all are kept.
    """

    def __init__(self, n_rows: int) -> None:
        self.step = max(-(-n_rows // MOST_ROWS), 1)
        self.seen = 0
        self.horizon = 0
        self.survival: list[npt.NDArray[Any]] = []
        self.last: list[npt.NDArray[Any]] = []
        self.event: list[npt.NDArray[Any]] = []

    def add(self, rows: Scored, carried: pd.DataFrame | None = None) -> None:
        """Keep every k-th of scored rows; their carried columns are not needed."""
        assert rows.survival is not None
        assert rows.stayed is not None
        assert rows.last is not None
        chosen = slice(-self.seen % self.step, None, self.step)
        self.seen += len(rows.label)
        self.horizon = rows.horizon
        self.survival.append(rows.survival.numpy()[chosen])
        self.last.append((rows.last - rows.stayed).numpy()[chosen])
        self.event.append(rows.label.numpy()[chosen])

    def measure(self) -> SurvivalMetrics:
        """Measure the rows kept.

        Raises:
            InputError: Nobody of them left, or nobody stayed.
        """
        last, event = np.concatenate(self.last), np.concatenate(self.event)
        if len(set(event.tolist())) < 2:
            raise InputError(
                "data.target",
                expected="test rows of customers who left and of others",
                got=f"{int(event.sum())} of {len(event)} who left",
                fix="bring more rows, or raise data.split.test",
            )
        survival = np.concatenate(self.survival)
        return survival_metrics(survival, last, event, horizon=self.horizon)


def measured_survival(kept: SurvivalRows, folder: Path) -> dict[str, Any]:
    """Measure the test rows, show it, write the page; return the entry of metrics.json."""
    measured = kept.measure()
    write_text(folder / artefacts.SURVIVAL_PAGE, survival_page(measured))
    return _shown(measured)


def evaluated_survival(run: Run, rows: Iterable[Rows]) -> dict[str, Any]:
    """Measure a run on rows with lifetimes, show it, and return the metrics.

    Args:
        run: Of a model of time to churn.
        rows: Labelled rows, whose features say how long customers had stayed at their entry.

    Returns:
        The metrics of whether customers left within the horizon, where that is known, and under
        ``survival`` those of when they left.

    Raises:
        InputError: As for `SurvivalRows.measure`.
    """
    kept, known = SurvivalRows(0), SplitMetrics(threshold=run.threshold)
    for chunk in rows:
        scored = scored_lifetimes(run, chunk)
        kept.add(scored)
        known.update(*scored.judged)
    entry_of_file = _shown(kept.measure())
    return {**known.with_intervals(run.threshold), "survival": entry_of_file}


def scored_lifetimes(run: Run, rows: Rows) -> Scored:
    """Score rows with lifetimes.

    Args:
        run: As for `evaluated_survival`.
        rows: As for `evaluated_survival`.
    """
    hazard, lifetime = run.scorer.hazard, rows.lifetime
    assert hazard is not None
    assert lifetime is not None
    survival = run.scorer.score_survival(Columns.from_arrays(encode(rows.parsed, run.schema)))
    entry, last = torch.from_numpy(lifetime).unbind(1)
    return Scored(
        1 - survival[:, hazard.horizon - 1],
        torch.from_numpy(rows.label),
        survival=survival,
        stayed=entry,
        last=last,
        horizon=hazard.horizon,
    )


def _shown(measured: SurvivalMetrics) -> dict[str, Any]:
    show(survival_table(measured))
    show(horizon_table(measured))
    return {
        **measured.numbers,
        "horizon": measured.horizon,
        "intervals": {name: list(ends) for name, ends in measured.intervals.items()},
        "auroc_by_period": _listed(measured.auroc),
        "brier_by_period": _listed(measured.brier),
        "groups": [asdict(group) for group in measured.groups],
    }


def _listed(values: npt.NDArray[np.float64]) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]

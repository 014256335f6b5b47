"""The rows that a report is made of, taken from a run's own table in one pass."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from churn_torch.errors import InputError
from churn_torch.explanation.explained_model import ExplainedModel, ExplainedRows
from churn_torch.tables.labelled.rows import Rows
from churn_torch.workflows.explanation.coefficients import TrainingRows
from churn_torch.workflows.explanation.factors import ROWS
from churn_torch.workflows.measurement.survival import SurvivalRows, scored_lifetimes
from churn_torch.workflows.measurement.weak_segments import WeakSegments, WeakSegmentSearch
from churn_torch.workflows.rows.own_rows import RowSample
from churn_torch.workflows.runs.run_folder import Run


class ReportRows(NamedTuple):
    """The rows of a report.

    Attributes:
        test: A random sample of the test rows, that the factors are measured on.
        train: The training rows that the coefficients are measured on.
        weak: What a search of the test rows has found.
        survival: All test rows of a model of time to churn; None of another model.
    """

    test: ExplainedRows
    train: TrainingRows
    weak: WeakSegments
    survival: SurvivalRows | None


def report_rows(run: Run, model: ExplainedModel, chunks: Iterable[Rows]) -> ReportRows:
    """Take what a report needs from all rows of a run's table.

    Args:
        run: The run.
        model: Its file.
        chunks: The rows, of all parts.

    Raises:
        InputError: There are no test rows, or from the chunks.
    """
    sample, train = RowSample(ROWS, seed=run.options.seed), TrainingRows(run)
    search, survival = WeakSegmentSearch(run), None
    if run.options.learns_survival:
        survival = SurvivalRows(run.metrics["data"]["n_test"])
    for rows in chunks:
        train.add(rows)
        test = rows.of("test").untreated()
        if not len(test.label):
            continue
        if survival is None:
            probability = model.probability(test.parsed).astype(np.float32)
            search.add(test.parsed, probability, test.label, test.carried)
        else:
            survival.add(scored_lifetimes(run, test))
            test = test.known_within(run.options.data.horizon)
        sample.add(ExplainedRows(test.parsed, test.label, test.carried))
    kept = sample.rows
    if kept is None:
        raise InputError("run", expected="test rows", got="none", fix="train again")
    weak = WeakSegments(()) if survival is not None else search.found()
    return ReportRows(kept, train, weak, survival)

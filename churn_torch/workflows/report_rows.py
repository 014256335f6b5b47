"""The rows that a report is made of, taken from a run's own table in one pass."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from churn_torch.errors import InputError
from churn_torch.explanation.explained_model import ExplainedModel, ExplainedRows
from churn_torch.tables.labelled.rows import Rows
from churn_torch.workflows.coefficients import TrainingRows
from churn_torch.workflows.factors import ROWS
from churn_torch.workflows.own_rows import RowSample
from churn_torch.workflows.run_folder import Run
from churn_torch.workflows.weak_segments import WeakSegments, WeakSegmentSearch


class ReportRows(NamedTuple):
    """The rows of a report.

    Attributes:
        test: A random sample of the test rows, that the factors are measured on.
        train: The training rows that the coefficients are measured on.
        weak: What a search of the test rows has found.
    """

    test: ExplainedRows
    train: TrainingRows
    weak: WeakSegments


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
    search = WeakSegmentSearch(run)
    for rows in chunks:
        train.add(rows)
        test = rows.of("test").untreated()
        if len(test.label):
            sample.add(ExplainedRows(test.parsed, test.label, test.carried))
            probability = model.probability(test.parsed).astype(np.float32)
            search.add(test.parsed, probability, test.label, test.carried)
    kept = sample.rows
    if kept is None:
        raise InputError("run", expected="test rows", got="none", fix="train again")
    return ReportRows(kept, train, search.found())

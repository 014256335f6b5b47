"""The rows that a report is made of, taken from a run's own table in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from churn_torch.explanation.explained_model import ExplainedRows
from churn_torch.tables.labelled.rows import Rows
from churn_torch.workflows.coefficients import TrainingRows
from churn_torch.workflows.factors import ROWS
from churn_torch.workflows.own_rows import sample_rows
from churn_torch.workflows.run_folder import Run


class ReportRows(NamedTuple):
    """The rows of a report.

    Attributes:
        test: A random sample of the test rows.
        train: The training rows that its coefficients are measured on.
    """

    test: ExplainedRows
    train: TrainingRows


def report_rows(run: Run, chunks: Iterable[Rows]) -> ReportRows:
    """Take what a report needs from all rows of a run's table.

    Args:
        run: The run.
        chunks: The rows, of all parts.

    Raises:
        InputError: From the chunks.
    """
    train = TrainingRows(run)

    def test_rows() -> Iterator[ExplainedRows]:
        for rows in chunks:
            train.add(rows.of("train").untreated())
            test = rows.of("test").untreated()
            if len(test.label):
                yield ExplainedRows(test.parsed, test.label, test.carried)

    return ReportRows(sample_rows(test_rows(), ROWS, seed=run.options.seed), train)

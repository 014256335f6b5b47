"""The coefficients of a run's logistic regression or scorecard, on its own training rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from rich.console import RenderableType

from churn_torch.console import show
from churn_torch.explanation.coefficients import (
    Coefficients,
    coefficients,
    has_coefficients,
    most_rows,
)
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.tables.encode import encode
from churn_torch.tables.labelled.rows import Rows
from churn_torch.workflows.rows.own_rows import customers, own_rows
from churn_torch.workflows.runs.run_folder import Run


class TrainingRows:
    """Training rows of a run that its coefficients are measured on; added chunk by chunk.

    Of more rows than `churn_torch.explanation.coefficients.most_rows` each one stays with the same
    chance, as it comes. They are drawn, not counted off: one row in twelve of customers with a row
    a month would be that of one month.

    Args:
        run: The run; one of another model than a logistic regression or a scorecard keeps none.

    Attributes:
        note: How many rows were taken; empty where all were.
    """

    def __init__(self, run: Run) -> None:
        n_rows = run.metrics["data"]["n_train"]
        self._keeps = has_coefficients(run.scorer)
        self._one_in = -(-n_rows // most_rows(run.scorer)) if self._keeps else 1
        self.note = ""
        if self._one_in > 1:
            self.note = f"One in {self._one_in} of the {n_rows:,} training rows was taken."
        self._random = np.random.default_rng(run.options.seed)
        self._chunks: list[Rows] = []

    def add(self, rows: Rows) -> None:
        """Add the training rows of a chunk, of customers who were not contacted."""
        if not self._keeps:
            return
        rows = rows.of("train").untreated()
        if self._one_in > 1:
            drawn = self._random.random(len(rows.label)) < 1 / self._one_in
            rows = rows.take(np.flatnonzero(drawn))
        self._chunks.append(rows)

    def joined(self) -> Rows:
        """Return the rows that were kept."""
        return Rows.joined(self._chunks)


def coefficients_of(
    run: Run,
    rows: TrainingRows | None = None,
    *,
    robust: bool = False,
    announce: Callable[[RenderableType], None] = show,
) -> Coefficients | None:
    """Return the coefficients of a run with their uncertainty; None for other models.

    Standard errors take rows of one customer together where ``data.split.column`` groups rows, or
    where ids are repeated.

    Args:
        run: The run.
        rows: Its training rows; None to read them from its table, which must still be where it was.
        robust: Standard errors of the sandwich.
        announce: Tells the user what is read.

    Raises:
        InputError: The table has changed, or cannot be read.
    """
    if not has_coefficients(run.scorer):
        return None
    if rows is None:
        rows = TrainingRows(run)
        for chunk in own_rows(run, "train", doing="Reading training rows", announce=announce):
            rows.add(chunk)
    train = rows.joined()
    weight = None if train.weight is None else train.weight / train.weight.mean()
    penalty = run.metrics["fit"].get("exact", {}).get("l2", run.options.penalty.l2)
    found = coefficients(
        run.scorer,
        run.schema,
        Columns.from_arrays(encode(train.parsed, run.schema)),
        train.label,
        weight=weight,
        l2=float(penalty),
        robust=robust,
        group=customers(run, train.carried),
        lifetime=train.lifetime,
    )
    return found if not rows.note else replace(found, warnings=(rows.note, *found.warnings))

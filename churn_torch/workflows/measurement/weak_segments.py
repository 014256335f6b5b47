"""The segments where a run is weak, on a sample of the rows that it is evaluated on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.console import show
from churn_torch.evaluation.groups.weak_segments import (
    WeakSegment,
    reason_not_searched,
    weak_segments,
)
from churn_torch.explanation.explained_model import ExplainedRows
from churn_torch.report.weak_segments import weak_segments_table
from churn_torch.workflows.rows.own_rows import RowSample, customers
from churn_torch.workflows.runs.run_folder import Run

# Rows that are searched, at most: of more, ever smaller errors would be found.
MOST_ROWS = 100_000
_PROBABILITY = "probability"


class WeakSegments(NamedTuple):
    """What a search has found.

    Attributes:
        segments: The surest first.
        reason: Why the rows were not searched; empty where they were.
    """

    segments: tuple[WeakSegment, ...]
    reason: str = ""


class WeakSegmentSearch:
    """Collects rows while they are scored, and searches them at the end.

    Args:
        run: The model.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._sample = RowSample(MOST_ROWS, seed=run.options.seed)

    def add(
        self,
        parsed: pd.DataFrame,
        probability: npt.NDArray[np.float32],
        label: npt.NDArray[np.float32],
        carried: pd.DataFrame,
    ) -> None:
        """Keep a sample of the rows of a chunk.

        Args:
            parsed: N rows of features.
            probability: ``[N]``.
            label: ``[N]``.
            carried: N rows of the columns that may name a customer.
        """
        named = carried.assign(**{_PROBABILITY: probability})
        self._sample.add(ExplainedRows(parsed, label, named))

    def found(self) -> WeakSegments:
        """Search the rows that were kept."""
        schema, rows = self._run.schema, self._sample.rows
        if rows is None:
            return WeakSegments((), "there are no rows")
        if reason := reason_not_searched(rows.label, schema):
            return WeakSegments((), reason)
        carried = rows.carried.drop(columns=_PROBABILITY)
        return WeakSegments(
            weak_segments(
                rows.parsed,
                rows.carried[_PROBABILITY],
                rows.label,
                schema,
                seed=self._run.options.seed,
                clusters=customers(self._run, carried),
            )
        )


def show_weak_segments(found: WeakSegments) -> None:
    """Show weak segments, or say that there are none."""
    if found.reason:
        show(f"Segments where the model is weak are not searched: {found.reason}.")
    elif not found.segments:
        show("No segment was found where the model is wrong beyond chance.")
    else:
        show(weak_segments_table(found.segments))
        for segment in found.segments:
            show(segment.sentence)

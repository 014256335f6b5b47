"""Scored rows with their groups: what fairness is measured on, and what remedies are chosen on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.decisions.offers import Offer
from churn_torch.evaluation.groups.segments import Segments, segment
from churn_torch.explanation.explained_model import ExplainedRows
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.models.scorer import Scorer
from churn_torch.tables.encode import encode
from churn_torch.tables.labelled.carried import VALUE
from churn_torch.tables.labelled.rows import Rows
from churn_torch.tables.schema import Schema
from churn_torch.workflows.rows.own_rows import RowSample
from churn_torch.workflows.rows.sliced_rows import SlicedRows, sliced


class Decided(NamedTuple):
    """A model and its threshold."""

    scorer: Scorer
    schema: Schema
    threshold: float

    def learns(self, column: str) -> bool:
        """Whether the column is an input."""
        return column in {one.name for one in self.schema.inputs}


class Flagged(NamedTuple):
    """``[N]`` probabilities of the rows that are measured, and who is flagged."""

    probability: npt.NDArray[np.float32]
    flagged: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class JudgedRows:
    """The rows that groups are compared on.

    Attributes:
        test: Scored test rows, or new rows, which are measured.
        measured_on: What they are, in words.
        validation: Scored rows that thresholds are chosen on; None without remedies.
        sample: Parsed rows with their groups, for proxies; None where they are not looked for.
        offers: Offers whose profit remedies change.
        refit: Fits the model without a column; None where that was not asked for.
    """

    test: SlicedRows
    measured_on: str
    validation: SlicedRows | None = None
    sample: ExplainedRows | None = None
    offers: Mapping[str, Offer] = field(default_factory=dict)
    refit: Callable[[str], Flagged | None] | None = None

    def flagged_from(self, threshold: float | npt.NDArray[np.float64]) -> Flagged:
        """Flag the test rows from a threshold on, or each row from its own ``[N]``."""
        probability = self.test.probability
        return Flagged(probability, probability >= np.float32(threshold))


def scored_parts(
    chunks: Iterable[Rows], model: Decided, by: Sequence[str], sample: RowSample | None = None
) -> dict[str, SlicedRows]:
    """Score the validation and the test rows, of customers who were not contacted.

    Args:
        chunks: Of a labelled table.
        model: The model.
        by: Columns of groups, which the rows carry.
        sample: Gets these rows too.
    """
    parts = {"validation": SlicedRows(by), "test": SlicedRows(by)}
    for chunk in chunks:
        for part, kept in parts.items():
            rows = chunk.of(part).untreated()
            if not len(rows.label):
                continue
            groups = sliced(rows.carried, model.schema, by)
            probability = model.scorer.score(Columns.from_arrays(encode(rows.parsed, model.schema)))
            worth = rows.carried[VALUE].to_numpy() if VALUE in rows.carried else None
            kept.add(probability.numpy(), rows.label, groups, worth)
            if sample is not None:
                sample.add(ExplainedRows(rows.parsed, rows.label, groups))
    return parts


def segments_of(column: str, rows: JudgedRows) -> tuple[Segments, npt.NDArray[np.int64] | None]:
    """Return the groups of the test rows, and those of the validation rows, which are cut alike."""
    values = rows.test.values(column)
    if rows.validation is None:
        return segment(values), None
    both = SlicedRows([column])
    for part in (rows.test, rows.validation):
        both.add(part.probability, part.label, pd.DataFrame({column: part.values(column)}))
    segments = segment(both.values(column))
    return replace(segments, codes=segments.codes[: len(values)]), segments.codes[len(values) :]

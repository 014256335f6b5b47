"""What looks wrong about a table, said before the fit."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from churn_torch.console import show
from churn_torch.errors import InputError
from churn_torch.evaluation.leakage.after_outcome import later_dates, named_for_the_end
from churn_torch.evaluation.leakage.column_leakage import column_aurocs, lone_tellers, one_sided
from churn_torch.evaluation.leakage.row_order import file_tells, order_tells
from churn_torch.evaluation.leakage.time_leakage import time_gaps
from churn_torch.report import suspicions as said
from churn_torch.report.suspicions import Suspicion
from churn_torch.tables.encode import is_dated, parse_time
from churn_torch.tables.labelled.inspection import Inspection, Sample
from churn_torch.tables.labelled.read import located
from churn_torch.tables.labelled.rows import LabelledTable
from churn_torch.tables.labelled.source_files import labels_by_file
from churn_torch.tables.options import DataOptions
from churn_torch.tables.schema import Kind, Schema
from churn_torch.tables.split_options import SplitOptions
from churn_torch.tables.values.churn_words import names_a_cut_off
from churn_torch.workflows.configuration.options import TrainOptions

# Twins are worth a word from so many, and so large a share of the test rows.
FEWEST_TWINS = 3
SMALLEST_SHARE = 0.01
# Rows for what takes longer than a pass over them.
_ROWS = 20_000


def warn_of_leakage(
    table: LabelledTable,
    options: TrainOptions,
    *,
    source: Any = None,
    learned: LabelledTable | None = None,
) -> list[dict[str, Any]]:
    """Show what looks wrong about a split table, or refuse the table, as ``leakage`` says.

    Args:
        table: As for `suspicions`.
        options: Every choice of a training.
        source: What took the place of ``data.source``.
        learned: As for `suspicions`.

    Returns:
        The suspicions as metrics.json has them.

    Raises:
        InputError: Something looks wrong, with ``leakage=error``.
    """
    if options.leakage == "ignore":
        return []
    found = suspicions(table, options.data.split, learned=learned)
    if not options.learns_survival:  # files of customers observed for longer have more who left
        found += of_files(options.data, source, table.schema)
    lines = said.suspicion_lines(found)
    if found and options.leakage == "error":
        raise InputError(
            "leakage",
            expected="a table without signs of leakage",
            got=f"{len(found)}: " + " ".join(lines).rstrip("."),
            fix="mend the table, or take it as it is with leakage=warn",
        )
    for line in lines:
        show(line, once=True)
    return [{**asdict(one), "columns": list(one.columns)} for one in found]


def suspicions(
    table: LabelledTable, split: SplitOptions, *, learned: LabelledTable | None = None
) -> list[Suspicion]:
    """Return what looks wrong about a split table.

    Labels of training rows alone are looked at.

    Args:
        table: Streamed tables must have been read once.
        split: How its rows were split.
        learned: The table whose training rows are looked at, where it is another.
    """
    seen = table.inspect()
    sample = (seen if learned is None else learned.inspect()).sample
    found = _of_columns(sample, table.schema, split)
    order = order_tells(sample.position, sample.parsed, sample.label, table.schema)
    if order is not None:
        found.append(said.order_said(order.auroc, order.columns))
    # Later rows of a customer are what a split by time is for.
    return found if split.by_time else found + _of_twins(seen, table.schema.id, _of(found))


def _of_columns(sample: Sample, schema: Schema, split: SplitOptions) -> list[Suspicion]:
    """Return the columns that tell churn as none should, and dates that a random split hides."""
    one_other = schema.other_labels == "refused" or len(schema.negatives) == 1
    outcome = said.Outcome(schema.target, schema.positive, schema.negative if one_other else None)
    drawn = np.random.default_rng(0).permutation(len(sample.label))[:_ROWS]
    parsed, label = sample.parsed.take(drawn).reset_index(drop=True), sample.label[drawn]
    scores = column_aurocs(parsed, label, schema)
    found = said.lone_tellers_said(
        lone_tellers(sample.parsed, sample.label, schema, scores), outcome
    )
    found += said.one_sided_said(
        [
            one
            for one in one_sided(sample.parsed, sample.label, schema)
            if one.column not in _of(found)
        ],
        outcome,
    )
    name, time = _time_of(sample, schema, split)
    if name is not None and time is not None:
        found += [
            said.later_date_said(one.column, name, one.churners, one.others, outcome)
            for one in later_dates(sample.parsed, sample.label, schema, time)
            if one.column not in (name, *_of(found))
        ]
    found += said.names_said(named_for_the_end(scores, label, _of(found)))
    if split.by in ("random", "hash"):
        told = _of(found)
        others = {name: score for name, score in scores.items() if name not in told}
        found += [
            said.time_gap_said(gap.column, gap.at_random, gap.by_time)
            for gap in time_gaps(parsed, label, schema, others)
        ]
    return found


def _of(found: Collection[Suspicion]) -> set[str]:
    return {name for one in found for name in one.columns}


def _time_of(
    sample: Sample, schema: Schema, split: SplitOptions
) -> tuple[str | None, npt.NDArray[np.float64] | None]:
    """Return the column with the time of a row, and its times in days, where there is one.

    It is that of a split by time, or a date whose name says that it is the cut-off.
    """
    name = split.time_column
    if name is not None and name in sample.carried and is_dated(schema[name]):
        return name, parse_time(sample.carried, schema[name])
    for column in schema.features:
        if column.kind is Kind.DATETIME and names_a_cut_off(column.name):
            return column.name, sample.parsed[column.name].to_numpy(np.float64)
    return None, None


def _of_twins(seen: Inspection, id: str | None, found: set[str]) -> list[Suspicion]:
    twins = seen.twins
    fewest = max(FEWEST_TWINS, SMALLEST_SHARE * twins.n_test)
    if id is not None and twins.n_same_id >= fewest:
        return [said.twins_said(twins.n_test, twins.n_same_id, of_id=id)]
    if twins.n_copies >= fewest:
        return [said.twins_said(twins.n_test, twins.n_copies, of_id=None)]
    near = seen.near_copies(without=found)
    if near.n_near >= max(FEWEST_TWINS, SMALLEST_SHARE * near.n_test):
        return [said.near_copies_said(near.n_test, near.n_near, near.n_columns)]
    return []


def of_files(data: DataOptions, source: Any, schema: Schema) -> list[Suspicion]:
    """Return whether the file of a row tells churn, of a table made of several files.

    Args:
        data: What the user named.
        source: What took the place of ``data.source``; looked at where it is a path.
        schema: Names the target.
    """
    given = data.source if source is None else source
    by_file = (
        labels_by_file(located(given), data.reading, schema) if isinstance(given, str) else None
    )
    if by_file is None:
        return []
    area = file_tells(by_file.file, by_file.label)
    if area is None:
        return []
    rates = {
        name: float(by_file.label[by_file.file == i].mean())
        for i, name in enumerate(by_file.names)
        if (by_file.file == i).any()
    }
    return [said.files_said(area, rates)]

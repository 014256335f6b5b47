"""Fairness in the workflows: groups of a run's rows compared, and what a change would do to them.

The test rows are measured. Thresholds by group are chosen on the validation rows, and judged on the
test rows; a model without a column is fitted anew by the same choices, on the same rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import pandas as pd

from churn_torch.console import quietly, show
from churn_torch.decisions.offers import Offer
from churn_torch.errors import InputError
from churn_torch.evaluation.correlated_columns import MOST_ROWS, correlations
from churn_torch.evaluation.groups.fairness import Fairness, Proxy, Remedy
from churn_torch.evaluation.groups.group_metrics import measure
from churn_torch.evaluation.groups.segments import MOST_SEGMENTS
from churn_torch.explanation.explained_model import ExplainedRows
from churn_torch.models.scorecard.layout import ScorecardLayout
from churn_torch.report.fairness import (
    THRESHOLDS_WARNING,
    fairness_sentences,
    fairness_tables,
)
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.tables.labelled.rows import LabelledTable
from churn_torch.tables.schema import Schema
from churn_torch.workflows.configuration.check_config import check_groups_of
from churn_torch.workflows.configuration.options import FairnessOptions, TrainOptions
from churn_torch.workflows.measurement.fairness_remedies import measured_remedies, without_column
from churn_torch.workflows.rows.judged_rows import Decided, JudgedRows, scored_parts, segments_of
from churn_torch.workflows.rows.own_rows import RowSample
from churn_torch.workflows.rows.sliced_rows import SlicedRows, check_sliced, sliced
from churn_torch.workflows.runs.run_folder import Run

# From this correlation on a column is named as a proxy: it tells a quarter of the other.
PROXY = 0.5


def check_groups(table: LabelledTable, by: Sequence[str]) -> None:
    """Refuse columns of text with too many values to be groups, by the first chunk of rows.

    Args:
        table: Its rows carry the columns.
        by: The columns; without any, no row is read.

    Raises:
        InputError: Naming the column.
    """
    if by:
        rows = next(iter(table.chunks()))
        refuse_many_values(sliced(rows.carried, table.schema, by))


def refuse_many_values(groups: pd.DataFrame) -> None:
    """Refuse columns of text with too many values to be groups.

    Args:
        groups: From `sliced`.

    Raises:
        InputError: Naming the column.
    """
    for name in groups.columns:
        n_values = int(groups[name].nunique())
        if isinstance(groups[name].dtype, pd.CategoricalDtype) and n_values > MOST_SEGMENTS:
            raise InputError(
                "fairness.by",
                expected=f"columns with at most {MOST_SEGMENTS} values of text",
                got=f"{name!r}, with {n_values:,}",
                fix="put them together in the source (SELECT CASE WHEN ... END AS ...)",
            )


def check_compared(fairness: FairnessOptions, run: Run, *, new: bool) -> None:
    """Refuse columns that an evaluation cannot compare.

    Args:
        fairness: What was asked for.
        run: The run.
        new: Whether new rows are measured.

    Raises:
        InputError: Naming the key.
    """
    check_groups_of(fairness.by, run.schema.target)
    if not new:
        names = [column.name for column in run.schema.columns]
        check_sliced("fairness.by", fairness.by, names)
    elif fairness.remedies:
        raise InputError(
            "fairness.remedies",
            expected="false with new rows (data=table)",
            got="true: remedies are measured on the run's own test rows",
            fix="leave one of the two out",
        )


def judge_run(
    run: Run, fairness: FairnessOptions, offers: Mapping[str, Offer], new: SlicedRows | None
) -> list[dict[str, Any]]:
    """Compare the groups of a run's own test rows, or of new rows.

    Args:
        run: The run.
        fairness: With columns.
        offers: Offers whose profit remedies change.
        new: New rows that the run has scored; None for its own.

    Returns:
        As for `judge_table`.

    Raises:
        InputError: A column has too many values of text.
    """
    model = Decided(run.scorer, run.schema, run.threshold)
    if new is not None:
        return judge(JudgedRows(new, "new rows"), model)
    options = replace(run.options, fairness=fairness, offer=offers)
    table = read_labelled(options.table, seed=options.seed, announce=quietly)
    check_groups(table, fairness.by)
    return judge_table(options, table, model)


def judge_table(
    options: TrainOptions, table: LabelledTable, model: Decided, *, source: Any = None
) -> list[dict[str, Any]]:
    """Compare the groups of the test rows of a run's own table.

    It reads the rows once more.

    Args:
        options: Every choice, with ``fairness.by``.
        table: Read and split.
        model: Trained on its training rows.
        source: As for `churn_torch.train`.

    Returns:
        The entry ``fairness`` of metrics.json (`churn_torch.evaluation.groups.fairness.Fairness`).
    """
    by = tuple(dict.fromkeys(options.fairness.by))
    sample = RowSample(MOST_ROWS, seed=0)
    parts = scored_parts(table.chunks(), model, by, sample)
    rows = JudgedRows(
        test=parts["test"],
        measured_on="test rows",
        validation=parts["validation"],
        sample=sample.rows,
        offers={} if options.learns_uplift else options.offer,
        refit=partial(without_column, options, source, parts["test"])
        if options.fairness.remedies
        else None,
    )
    return judge(rows, model)


def judge(rows: JudgedRows, model: Decided) -> list[dict[str, Any]]:
    """Compare the groups of rows, column by column.

    Args:
        rows: Scored by the model.
        model: The model.

    Returns:
        As for `judge_table`.
    """
    found = [asdict(_judged(column, rows, model)) for column in rows.test.by]
    entries: list[dict[str, Any]] = json.loads(json.dumps(found))
    return entries


def show_fairness(entries: Iterable[Mapping[str, Any]]) -> None:
    """Show what was found, column by column.

    Args:
        entries: From `judge_table` or `judge_run`.
    """
    for found in entries:
        for table in fairness_tables(found):
            show(table)
        for sentence in found["sentences"]:
            show(sentence)


def _judged(column: str, rows: JudgedRows, model: Decided) -> Fairness:
    segments, of_validation = segments_of(column, rows)
    now = rows.flagged_from(model.threshold)
    groups, gaps = measure(segments, now.probability, rows.test.label, now.flagged)
    found = Fairness(
        column,
        model.learns(column),
        rows.measured_on,
        segments.note,
        groups,
        gaps,
        terms=_terms(column, model.schema),
        proxies=_proxies(column, rows.sample, model.schema),
    )
    sentences = fairness_sentences(asdict(found))
    remedies: tuple[Remedy, ...] = ()
    if len(groups) > 1 and of_validation is not None:
        remedies = measured_remedies(column, rows, model, segments, of_validation)
        sentences += tuple(one.sentence for one in remedies if one.sentence)
    if any(one.thresholds for one in remedies):
        sentences += (THRESHOLDS_WARNING,)
    return replace(found, remedies=remedies, sentences=sentences)


def _terms(column: str, schema: Schema) -> tuple[tuple[str, ...], ...]:
    """Return the terms of a scorecard that contain a column."""
    layout = ScorecardLayout.of(schema)
    alone_ = [(column,)] if layout.bins.get(column) else []
    return (*alone_, *(pair for pair in layout.pairs if column in pair))


def _proxies(column: str, sample: ExplainedRows | None, schema: Schema) -> tuple[Proxy, ...]:
    """Return the inputs that tell much of a column, the strongest first."""
    if sample is None:
        return ()
    found = correlations(sample.carried[column], sample.parsed, schema)
    strong = [
        Proxy(name, value) for name, value in found.items() if value >= PROXY and name != column
    ]
    return tuple(sorted(strong, key=lambda proxy: -proxy.correlation))

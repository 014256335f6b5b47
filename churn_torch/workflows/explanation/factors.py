"""The factors that drive churn, as a model sees them and as the rows show them; without torch."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

import pandas as pd

from churn_torch.console import progress_bar
from churn_torch.errors import InputError
from churn_torch.evaluation.leakage.column_scores import binned
from churn_torch.explanation.accumulated_effects import STEPS, PairEffect, effect_curve
from churn_torch.explanation.associations import associations
from churn_torch.explanation.column_steps import cut_steps
from churn_torch.explanation.explained_model import ExplainedModel, ExplainedRows
from churn_torch.explanation.factors import Factors
from churn_torch.explanation.importance import Importance, importance
from churn_torch.explanation.pair_effects import STEPS as PAIR_STEPS
from churn_torch.explanation.pair_effects import pair_effect
from churn_torch.tables.schema import Schema

# Rows that are asked for. More would take longer and make the bands no narrower to the eye.
ROWS = 10_000
# The columns of the largest effects, whose pairs are tried, and the strongest pairs that are kept.
TRIED_COLUMNS, MOST_PAIRS = 5, 5
T = TypeVar("T")


def factors(model: ExplainedModel, rows: ExplainedRows, *, seed: int = 0) -> Factors:
    """Return what drives churn, on rows that the model has not learned from.

    Args:
        model: What is explained.
        rows: Some `ROWS` of them; the time grows with their number.
        seed: Of permutations and bootstrap.

    Raises:
        InputError: The rows have one class only.
    """
    check_classes(rows)
    schema = model.schema
    plain = [column.name for column in schema.inputs]
    levels = binned(rows.parsed[plain], replace(schema, sequences=()))
    rows = _words_once(rows, schema)
    found = ranked_importance(model, rows, seed=seed)
    tried = (cut_steps(rows.parsed, levels, schema, name, STEPS) for name in plain)
    steps = [cut for cut in tried if cut is not None]
    curves = (effect_curve(model.logit, rows.parsed, cut, seed=seed) for cut in steps)
    effects = sorted(_counted(curves, len(steps), "Effects"), key=lambda one: -one.spread)
    return Factors(
        found,
        tuple(effects),
        _strongest_pairs(model, rows, levels, [one.column for one in effects]),
        associations(levels, rows.label),
    )


def ranked_importance(
    model: ExplainedModel, rows: ExplainedRows, *, seed: int = 0
) -> tuple[Importance, ...]:
    """Return how much the model needs each column or group of columns, the most needed first.

    Args:
        model: What is explained.
        rows: Rows that the model has not learned from.
        seed: Of the permutations.

    Raises:
        InputError: The rows have one class only.
    """
    check_classes(rows)
    groups = _groups(model, rows.parsed)
    found = importance(model, _words_once(rows, model.schema), groups, seed=seed)
    return tuple(
        sorted(_counted(found, len(groups), "Importance"), key=lambda one: -one.log_loss_rise)
    )


def _words_once(rows: ExplainedRows, schema: Schema) -> ExplainedRows:
    """Store text once for each word: the model is asked about the same words again and again."""
    words = {column.name: "category" for column in schema.text}
    return ExplainedRows(rows.parsed.astype(words), rows.label, rows.carried)


def check_classes(rows: ExplainedRows) -> None:
    """Raise InputError where the rows lack a class."""
    n_churners = int(rows.label.sum())
    if n_churners in (0, len(rows.label)):
        raise InputError(
            "source",
            expected="labelled rows of both classes",
            got=f"{n_churners:,} churners and {len(rows.label) - n_churners:,} others",
            fix="name a larger table",
        )


def _groups(model: ExplainedModel, parsed: pd.DataFrame) -> list[tuple[str, ...]]:
    """Return the inputs: those that are strongly correlated together, the others alone.

    The columns of lists of a group have lists of the same length, so they stand together.
    """
    lists = [tuple(column.name for column in group.columns) for group in model.schema.sequences]
    rest = dict.fromkeys(column.name for column in model.schema.inputs)
    stayed = (model.metadata.get("survival") or {}).get("stayed")
    if stayed is not None and (parsed[stayed] == 0).all():
        del rest[stayed]  # how long customers have stayed, where all are observed from their start
    groups = []
    for group in model.metadata.get("correlated_columns", []):
        together = tuple(name for name in group["columns"] if name in rest)
        if together:
            groups.append(together)
        for name in together:
            del rest[name]
    return [*groups, *((name,) for name in rest), *lists]


def _strongest_pairs(
    model: ExplainedModel, rows: ExplainedRows, levels: pd.DataFrame, names: list[str]
) -> tuple[PairEffect, ...]:
    parsed, schema = rows.parsed, model.schema
    tried = [cut_steps(parsed, levels, schema, name, PAIR_STEPS) for name in names[:TRIED_COLUMNS]]
    pairs = list(itertools.combinations([cut for cut in tried if cut is not None], 2))
    effects = (pair_effect(model.logit, parsed, *pair) for pair in pairs)
    found = [one for one in _counted(effects, len(pairs), "Pairs") if one is not None]
    return tuple(sorted(found, key=lambda one: -one.strength)[:MOST_PAIRS])


def _counted(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """Pass items on, with a progress bar."""
    with progress_bar("columns") as progress:
        task = progress.add_task(what, total=total)
        for item in items:
            progress.advance(task)
            yield item

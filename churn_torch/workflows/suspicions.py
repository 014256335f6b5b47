"""What looks wrong about a table, said before the fit."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from churn_torch.console import show
from churn_torch.errors import InputError
from churn_torch.evaluation.leakage import lone_tellers
from churn_torch.report.suspicions import (
    Suspicion,
    lone_tellers_said,
    suspicion_lines,
    twins_sentence,
)
from churn_torch.tables.labelled.rows import LabelledTable
from churn_torch.tables.labelled.twins import Twins
from churn_torch.tables.options import SplitOptions
from churn_torch.workflows.options import TrainOptions

# Twins are worth a word from so many, and so large a share of the test rows.
FEWEST_TWINS = 3
SMALLEST_SHARE = 0.01


def warn_of_leakage(
    table: LabelledTable, options: TrainOptions, *, learned: LabelledTable | None = None
) -> list[dict[str, Any]]:
    """Show what looks wrong about a split table, or refuse the table, as ``leakage`` says.

    Args:
        table: As for `suspicions`.
        options: Every choice of a training.
        learned: As for `suspicions`.

    Returns:
        The suspicions as metrics.json has them.

    Raises:
        InputError: Something looks wrong, with ``leakage=error``.
    """
    if options.leakage == "ignore":
        return []
    found = suspicions(table, options.data.split, learned=learned)
    if found and options.leakage == "error":
        raise InputError(
            "leakage",
            expected="a table without signs of leakage",
            got=f"{len(found)}: " + " ".join(suspicion_lines(found)).rstrip("."),
            fix="mend the table, or take it as it is with leakage=warn",
        )
    for line in suspicion_lines(found):
        show(line, once=True)
    return [{**asdict(one), "columns": list(one.columns)} for one in found]


def suspicions(
    table: LabelledTable, split: SplitOptions, *, learned: LabelledTable | None = None
) -> list[Suspicion]:
    """Return what looks wrong about a split table.

    Args:
        table: Streamed tables must have been read once.
        split: How its rows were split.
        learned: The table whose training rows are looked at, where it is another.
    """
    schema, seen = table.schema, table.inspect()
    found = lone_tellers(*(seen if learned is None else learned.inspect()).training, schema)
    one_other = schema.other_labels == "refused" or len(schema.negatives) == 1
    said = lone_tellers_said(
        found,
        target=schema.target,
        positive=schema.positive,
        negative=schema.negative if one_other else None,
    )
    # Later rows of a customer are what a split by time is for.
    return said if split.by == "time" else [*said, *_of_twins(seen.twins, schema.id)]


def _of_twins(twins: Twins, id: str | None) -> list[Suspicion]:
    fewest = max(FEWEST_TWINS, SMALLEST_SHARE * twins.n_test)
    if id is not None and twins.n_same_id >= fewest:
        sentence = twins_sentence(twins.n_test, twins.n_same_id, of_id=id)
        return [Suspicion("same_id", (id,), sentence)]
    if twins.n_copies >= fewest:
        return [Suspicion("copies", (), twins_sentence(twins.n_test, twins.n_copies, of_id=None))]
    return []

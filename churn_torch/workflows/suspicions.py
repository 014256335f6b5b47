"""What looks wrong about a table, said before anything is measured."""

from __future__ import annotations

from churn_torch.evaluation.leakage import lone_tellers
from churn_torch.report.suspicions import leakage_sentences, twins_sentence
from churn_torch.tables.labelled.rows import LabelledTable
from churn_torch.tables.labelled.twins import Twins
from churn_torch.tables.options import SplitOptions

# Twins are worth a word from so many, and so large a share of the test rows.
FEWEST_TWINS = 3
SMALLEST_SHARE = 0.01


def suspicions(
    table: LabelledTable, split: SplitOptions, *, learned: LabelledTable | None = None
) -> list[str]:
    """Return what looks wrong about a split table, in sentences.

    Args:
        table: Streamed tables must have been read once.
        split: How its rows were split.
        learned: The table whose training rows are looked at, where it is another.
    """
    schema, seen = table.schema, table.inspect()
    found = lone_tellers(*(seen if learned is None else learned.inspect()).training, schema)
    one_other = schema.other_labels == "refused" or len(schema.negatives) == 1
    said = leakage_sentences(
        found,
        target=schema.target,
        positive=schema.positive,
        negative=schema.negative if one_other else None,
    )
    # Later rows of a customer are what a split by time is for.
    return said if split.by == "time" else [*said, *_of_twins(seen.twins, schema.id)]


def _of_twins(twins: Twins, id: str | None) -> list[str]:
    fewest = max(FEWEST_TWINS, SMALLEST_SHARE * twins.n_test)
    if id is not None and twins.n_same_id >= fewest:
        return [twins_sentence(twins.n_test, twins.n_same_id, of_id=id)]
    if twins.n_copies >= fewest:
        return [twins_sentence(twins.n_test, twins.n_copies, of_id=None)]
    return []

"""How the rows of a streamed table are assigned to parts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from churn_torch.tables.hashing import Hashes, text_hashes
from churn_torch.tables.labelled import splits
from churn_torch.tables.labelled.streamed_time import ByTime, borders_of_source
from churn_torch.tables.labelled.time_choices import window_and_test
from churn_torch.tables.labelled.twins import column_hashes
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers import sources
from churn_torch.tables.schema import Schema
from churn_torch.tables.split_options import SplitOptions
from churn_torch.tables.values.cells import canonical_text

# The part of each labelled row, from raw rows, their positions and their features.
Assign = Callable[[pd.DataFrame, splits.Positions, pd.DataFrame], splits.Parts]
HashParts = Callable[[Hashes], splits.Parts]


def assignment(
    split: SplitOptions,
    source: sources.Source,
    reading: ReadOptions,
    schema: Schema,
    *,
    test: float,
    seed: int,
) -> Assign:
    """Return the function that assigns the rows of a source to parts.

    Args:
        split: How. By time it costs a pass over that column.
        source: The table.
        reading: How it is read.
        schema: Its columns.
        test: Share of the test rows; 0 when a test table is given.
        seed: Decides the draw.

    Raises:
        InputError: The times of the rows cannot be split.
    """
    hashed = partial(splits.hash_parts, validation=split.validation, test=test, seed=seed)
    if split.time_column is not None:
        column, of_group = schema[split.time_column], None
        borders = borders_of_source(
            *(source, reading, schema, column),
            validation=split.validation,
            test=test,
            **window_and_test(split, column),
        )
        if split.group_column is not None:
            of_group = partial(group_parts, hashed, split.group_column)
        return ByTime(column, borders, of_group)
    if split.groups_twins:
        return partial(by_twins, hashed, schema)
    if split.group_column is not None:
        return partial(by_group, hashed, split.group_column)
    return partial(by_row, hashed, schema.id)


def by_group(
    hashed: HashParts,
    column: str,
    frame: pd.DataFrame,
    rows: splits.Positions,
    parsed: pd.DataFrame,
) -> splits.Parts:
    """Return the part of each raw row by its group."""
    return group_parts(hashed, column, frame)


def group_parts(hashed: HashParts, column: str, frame: pd.DataFrame) -> splits.Parts:
    """Return the part of each raw row by its group."""
    return hashed(splits.group_keys(frame[column]))


def by_row(
    hashed: HashParts,
    id: str | None,
    frame: pd.DataFrame,
    rows: splits.Positions,
    parsed: pd.DataFrame,
) -> splits.Parts:
    """Return the part of each raw row by its id, or by its position where it has none."""
    return hashed(splits.row_keys(frame, id, rows))


def by_twins(
    hashed: HashParts,
    schema: Schema,
    frame: pd.DataFrame,
    rows: splits.Positions,
    parsed: pd.DataFrame,
) -> splits.Parts:
    """Return the part of each raw row by its id, or by its features where it has none.

    Copies stay together where no id is named: one pass cannot join rows of two ids.
    """
    names = [column.name for column in schema.features]
    keys = column_hashes(parsed, names).sum(axis=0, dtype=np.uint64)
    if schema.id is not None:
        text = canonical_text(frame[schema.id])
        keys = np.where(text == "", keys, text_hashes(text))
    return hashed(keys)


def all_test(frame: pd.DataFrame, rows: splits.Positions, parsed: pd.DataFrame) -> splits.Parts:
    """Return the part of the rows of a test source."""
    return np.full(len(rows), splits.TEST, dtype=np.int8)

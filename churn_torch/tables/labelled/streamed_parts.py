"""How the rows of a streamed table are assigned to parts, but for the split by time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from churn_torch.tables.cells import canonical_text
from churn_torch.tables.hashing import Hashes, text_hashes
from churn_torch.tables.labelled import splits
from churn_torch.tables.labelled.twins import column_hashes
from churn_torch.tables.schema import Schema

# The part of each labelled row, from raw rows, their positions and their features.
Assign = Callable[[pd.DataFrame, splits.Positions, pd.DataFrame], splits.Parts]
HashParts = Callable[[Hashes], splits.Parts]


def by_group(
    hashed: HashParts,
    column: str,
    frame: pd.DataFrame,
    rows: splits.Positions,
    parsed: pd.DataFrame,
) -> splits.Parts:
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

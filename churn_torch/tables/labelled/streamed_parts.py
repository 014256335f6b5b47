"""How the rows of a streamed table are assigned to parts, but for the split by time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from churn_torch.tables.hashing import Hashes
from churn_torch.tables.labelled import splits

Assign = Callable[[pd.DataFrame, splits.Positions], splits.Parts]
HashParts = Callable[[Hashes], splits.Parts]


def by_group(
    hashed: HashParts, column: str, frame: pd.DataFrame, rows: splits.Positions
) -> splits.Parts:
    """Return the part of each raw row by its group."""
    return hashed(splits.group_keys(frame[column]))


def by_row(
    hashed: HashParts, id: str | None, frame: pd.DataFrame, rows: splits.Positions
) -> splits.Parts:
    """Return the part of each raw row by its id, or by its position where it has none."""
    return hashed(splits.row_keys(frame, id, rows))


def all_test(frame: pd.DataFrame, rows: splits.Positions) -> splits.Parts:
    """Return the part of the rows of a test source."""
    return np.full(len(rows), splits.TEST, dtype=np.int8)

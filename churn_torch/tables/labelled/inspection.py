"""What one pass over labelled rows keeps for a look at them: some training rows, and the twins."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churn_torch.tables.hashing import splitmix64
from churn_torch.tables.labelled.rows import Labels, Rows
from churn_torch.tables.labelled.splits import TRAIN
from churn_torch.tables.labelled.twins import TwinCounter, Twins
from churn_torch.tables.schema import Schema

# Training rows that are kept, at most: so many rows, of a wide table so many cells.
SAMPLE_ROWS = 50_000
SAMPLE_CELLS = 5_000_000
_FEWEST_ROWS = 2_000


class Inspection:
    """A random sample of the training rows, and the twins of the test rows, from one pass.

    Args:
        schema: The columns of the table.
        with_ids: Whether rows of one id can be in different parts.
    """

    def __init__(self, schema: Schema, *, with_ids: bool = True) -> None:
        cells = SAMPLE_CELLS // max(1, len(schema.features))
        self._most = min(SAMPLE_ROWS, max(_FEWEST_ROWS, cells))
        self._limit = np.uint64(2**64 - 1)
        self._chunks: list[tuple[np.ndarray, pd.DataFrame, Labels]] = []
        self._n_seen = 0
        self._twins = TwinCounter(schema, with_ids=with_ids)

    def add(self, rows: Rows) -> None:
        """Look at a chunk."""
        self._twins.add(rows.parsed, rows.carried, rows.part)
        # Rows are drawn by a hash of their position.
        drawn = splitmix64(np.arange(self._n_seen, self._n_seen + len(rows.part)))
        self._n_seen += len(rows.part)
        kept = np.flatnonzero((rows.part == TRAIN) & (drawn <= self._limit))
        self._chunks.append((drawn[kept], rows.parsed.take(kept), rows.label[kept]))
        while sum(len(drawn) for drawn, _, _ in self._chunks) > self._most:
            self._limit //= np.uint64(2)
            inside = [np.flatnonzero(drawn <= self._limit) for drawn, _, _ in self._chunks]
            self._chunks = [
                (drawn[kept], parsed.take(kept), label[kept])
                for (drawn, parsed, label), kept in zip(self._chunks, inside, strict=True)
            ]

    @property
    def training(self) -> tuple[pd.DataFrame, Labels]:
        """The features and labels of the sample of training rows."""
        _, parsed, label = zip(*self._chunks, strict=True)
        return pd.concat(parsed, ignore_index=True), np.concatenate(label)

    @property
    def twins(self) -> Twins:
        """The twins of the test rows."""
        return self._twins.count()

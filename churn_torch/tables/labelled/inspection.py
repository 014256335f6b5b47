"""What one pass over labelled rows keeps for a look at them: some training rows, and the twins."""

from __future__ import annotations

from collections.abc import Set
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.tables.hashing import splitmix64
from churn_torch.tables.labelled.near_copies import NearCopies, NearCopyCounter
from churn_torch.tables.labelled.rows import Labels, Rows
from churn_torch.tables.labelled.splits import TRAIN
from churn_torch.tables.labelled.twins import TwinCounter, Twins
from churn_torch.tables.schema import Schema

# Training rows that are kept, at most: so many rows, of a wide table so many cells.
SAMPLE_ROWS = 50_000
SAMPLE_CELLS = 5_000_000
_FEWEST_ROWS = 2_000


class Sample(NamedTuple):
    """Some of the training rows, in their order.

    Attributes:
        parsed: Their features.
        label: ``[N]`` of 1 for churn and 0 for none.
        carried: Their carried columns.
        position: ``[N]``, where they stand among all labelled rows.
    """

    parsed: pd.DataFrame
    label: Labels
    carried: pd.DataFrame
    position: npt.NDArray[np.int64]

    def take(self, rows: npt.NDArray[np.int64]) -> Sample:
        """Return the rows at the given places of the sample."""
        parsed, label, carried, position = self
        return Sample(parsed.take(rows), label[rows], carried.take(rows), position[rows])


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
        self._chunks: list[Sample] = []
        self._n_seen = 0
        self._twins = TwinCounter(schema, with_ids=with_ids)
        self._near = NearCopyCounter(schema)

    def add(self, rows: Rows) -> None:
        """Look at a chunk."""
        self._twins.add(rows.parsed, rows.carried, rows.part)
        self._near.add(rows.parsed, rows.label, rows.part)
        position = np.arange(self._n_seen, self._n_seen + len(rows.part))
        self._n_seen += len(rows.part)
        # Rows are drawn by a hash of their position.
        kept = np.flatnonzero((rows.part == TRAIN) & self._drawn(position))
        chunk = Sample(rows.parsed, rows.label, rows.carried, position)
        self._chunks.append(chunk.take(kept))
        while sum(len(chunk.label) for chunk in self._chunks) > self._most:
            self._limit //= np.uint64(2)
            self._chunks = [
                chunk.take(np.flatnonzero(self._drawn(chunk.position))) for chunk in self._chunks
            ]

    def _drawn(self, position: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        return np.asarray(splitmix64(position) <= self._limit)

    @property
    def sample(self) -> Sample:
        """The sample of training rows."""
        parsed, label, carried, position = zip(*self._chunks, strict=True)
        return Sample(
            pd.concat(parsed, ignore_index=True),
            np.concatenate(label),
            pd.concat(carried, ignore_index=True),
            np.concatenate(position),
        )

    @property
    def twins(self) -> Twins:
        """The twins of the test rows."""
        return self._twins.count()

    def near_copies(self, without: Set[str] = frozenset()) -> NearCopies:
        """Return the test rows that are nearly copies of training rows.

        Args:
            without: Columns that do not count.
        """
        return self._near.count(without)

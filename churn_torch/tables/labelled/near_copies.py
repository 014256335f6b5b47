"""Near copies: test rows that a training row repeats but for a cell or two, or for rounding."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.tables.hashing import Hashes
from churn_torch.tables.labelled.near_pairs import Kept, near_rows
from churn_torch.tables.labelled.splits import TEST, TRAIN
from churn_torch.tables.labelled.twins import column_hashes
from churn_torch.tables.schema import Column, Kind, Schema

# Rows that differ in fewer columns than there are such blocks of columns agree in one of them.
_BLOCKS = 3
# One block more has the columns of the most values: few customers are alike there by chance.
_TELLING = 2
# A column of so many values is enough to sample the rows of its block by.
_MANY_VALUES = 100
# Rows that are kept for each block, at most, and their cells.
KEPT_ROWS = 20_000
KEPT_CELLS = 1_000_000
_FEWEST_KEPT = 2_000
# Columns of a table of which two may differ, or one; with fewer nothing is looked for.
_TWO_MAY, _ONE_MAY = 10, 6
# Digits of a number that count.
_DIGITS = 3


@dataclass(frozen=True)
class NearCopies:
    """How many test rows are nearly copies of a training row.

    Attributes:
        n_test: Test rows that were looked at.
        n_near: About how many of them a training row repeats but for ``n_columns`` cells, beyond
            what similar customers do; exact copies do not count.
        n_columns: Cells that may differ.
    """

    n_test: int
    n_near: int
    n_columns: int


class NearCopyCounter:
    """Counts near copies in one pass over the rows, in bounded memory.

    The columns are dealt into three blocks, and pairs of rows that agree in a block are compared in
    the others; so are pairs that agree in the two columns of the most values. Rows are sampled by
    what they hold in the block, so that such pairs are kept or left out together. In tables of few
    values many customers are alike by chance. Their labels then agree no more than those of
    customers who differ in a few columns more, and copies have one label: so the labels of pairs of
    training rows say how many of the near pairs are copies.

    Args:
        schema: The columns of the table.
    """

    def __init__(self, schema: Schema) -> None:
        self._columns = sorted(schema.features, key=lambda column: -column.n_distinct)
        n = len(self._columns)
        self._may_differ = 2 if n >= _TWO_MAY else 1 if n >= _ONE_MAY else 0
        self._most = min(KEPT_ROWS, max(_FEWEST_KEPT, KEPT_CELLS // max(1, n)))
        every = np.arange(n)
        self._blocks = [every % _BLOCKS == block for block in range(_BLOCKS)] + [every < _TELLING]
        self._limits = [np.uint64(2**64 - 1)] * len(self._blocks)
        self._pools: list[list[Kept]] = [[] for _ in self._blocks]
        self._n_seen = 0

    def add(
        self, parsed: pd.DataFrame, label: npt.NDArray[np.float32], part: npt.NDArray[np.int8]
    ) -> None:
        """Look at rows, their labels and the parts that they are in."""
        first, self._n_seen = self._n_seen, self._n_seen + len(part)
        if not self._may_differ:
            return
        in_parts = (part == TRAIN) | (part == TEST)
        for block, pool in enumerate(self._pools):
            key = _hashes(parsed, self._sampled_by(block)).sum(axis=0, dtype=np.uint64)
            rows = self._drawn(block, key, in_parts)
            near = parsed.take(rows)
            names = [column.name for column in self._columns]
            pool.append(
                Kept(
                    key[rows],
                    np.ascontiguousarray(_hashes(near, self._columns).T),
                    column_hashes(near, names).sum(axis=0, dtype=np.uint64),
                    first + rows,
                    part[rows] == TEST,
                    label[rows] == 1,
                )
            )

    def _drawn(
        self, block: int, key: Hashes, in_parts: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.int64]:
        """Return the rows of a chunk to keep; of those that are kept some may have to go for it."""
        pool = self._pools[block]
        while True:
            limit = self._limits[block]
            rows = np.flatnonzero(in_parts & (key <= limit))
            if len(rows) + sum(len(chunk.key) for chunk in pool) <= self._most or not limit:
                return rows
            self._limits[block] = limit // np.uint64(2)
            pool[:] = [
                chunk.take(np.flatnonzero(chunk.key <= self._limits[block])) for chunk in pool
            ]

    def _sampled_by(self, block: int) -> list[Column]:
        """Return the columns of a block by which rows are sampled: one, or two of few values."""
        first, *others = (self._columns[place] for place in np.flatnonzero(self._blocks[block]))
        return [first] if first.n_distinct >= _MANY_VALUES else [first, *others[:1]]

    def count(self, without: Set[str] = frozenset()) -> NearCopies:
        """Return the near copies of all rows seen.

        Args:
            without: Columns that do not count: of one that tells churn, rows that agree in it have
                one label anyway.
        """
        if not self._may_differ:
            return NearCopies(0, 0, 0)
        is_whole = all(limit == np.uint64(2**64 - 1) for limit in self._limits)
        counted = np.array([column.name not in without for column in self._columns], dtype=bool)
        found = []
        for block, pool in enumerate(self._pools):
            in_block = self._blocks[block]
            told_apart = without.isdisjoint(column.name for column in self._sampled_by(block))
            usable = (in_block & counted).any() and (is_whole or told_apart)
            if pool and usable:
                kept = Kept.joined(pool)
                kept = kept._replace(cells=kept.cells[:, counted])
                found.append(near_rows(kept, in_block[counted], self._may_differ))
        if not found:
            return NearCopies(0, 0, self._may_differ)
        if is_whole:
            # A row that several blocks find counts once, by the block with most copies.
            known, near = np.arange(0), 0.0
            for one in sorted(found, key=lambda one: -one.copied):
                near += one.copied * len(np.setdiff1d(one.tested, known))
                known = np.union1d(known, one.tested)
            return NearCopies(found[0].n_test, round(near), self._may_differ)
        best = max(found, key=lambda one: one.copied * len(one.tested) / max(one.n_test, 1))
        return NearCopies(best.n_test, round(len(best.tested) * best.copied), self._may_differ)


def _hashes(parsed: pd.DataFrame, columns: Sequence[Column]) -> Hashes:
    """Return hashes of cells, of numbers to three digits and of dates to the day.

    Shape:
        [columns, N].
    """
    rounded = {}
    for column in columns:
        cells = parsed[column.name]
        if not Schema.is_text(column):
            numbers = cells.to_numpy(np.float64)
            if column.kind is Kind.DATETIME:
                cells = pd.Series(np.floor(numbers))
            else:
                size = np.floor(np.log10(np.abs(np.where(numbers == 0, 1.0, numbers))))
                unit = 10.0 ** (np.where(np.isfinite(size), size, 0.0) - _DIGITS + 1)
                cells = pd.Series(np.round(numbers / unit) * unit)
        rounded[column.name] = cells.reset_index(drop=True)
    names = [column.name for column in columns]
    return column_hashes(pd.DataFrame(rounded, copy=False), names)

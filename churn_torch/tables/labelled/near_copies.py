"""Near copies: test rows that a training row repeats but for a cell or two, or for rounding."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.tables.hashing import Hashes
from churn_torch.tables.labelled.splits import TEST, TRAIN
from churn_torch.tables.labelled.twins import column_hashes
from churn_torch.tables.schema import Column, Kind, Schema

# Rows that differ in fewer columns than there are such blocks of columns agree in one of them.
_BLOCKS = 3
# One block more has the columns of the most values: few customers are alike there by chance.
_TELLING = 2
# A column of so many values is enough to sample the rows of its block by.
_MANY_VALUES = 100
# Rows that are kept for each block, at most, and their cells; a row is compared with so many.
KEPT_ROWS = 20_000
KEPT_CELLS = 1_000_000
_FEWEST_KEPT = 2_000
_COMPARED = 12
# Columns of a table of which two may differ, or one; with fewer nothing is looked for.
_TWO_MAY, _ONE_MAY = 10, 6
# Digits of a number that count.
_DIGITS = 3
# Rows that differ in up to so many columns more are merely similar.
_SIMILAR = 3
# Pairs with a churner that are needed, and by how much more often both are churners among near
# pairs than among similar ones, in shares and in standard errors.
_FEWEST_PAIRS, _GAP, _STANDARD_ERRORS = 10, 0.25, 4.0
# Similar pairs with a churner that are enough; rows that differ in more columns are then left out.
_SIMILAR_PAIRS = 30
# Fewer pairs with a churner are enough where so many times as many rows are near as are similar:
# customers who are merely alike differ in more or fewer columns, without a gap.
_FEWER_PAIRS, _NEARLY_ALL = 4, 3
# So large a share of two churners among near pairs with a churner is no chance.
_ONE_LABEL = 0.9
# Rows that agree in a block are so many times as often near in the other columns as any two are.
_MORE_OFTEN = 2.0


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


class _Kept(NamedTuple):
    """Rows of a pool.

    Attributes:
        key: ``[N]`` hashes of the cells by which they were sampled.
        cells: ``[N, F]`` hashes of their rounded cells.
        exact: ``[N]`` hashes of their unrounded cells.
        position: ``[N]``, where they stand in the table.
        is_test: ``[N]``.
        is_churner: ``[N]``.
    """

    key: Hashes
    cells: Hashes
    exact: Hashes
    position: npt.NDArray[np.int64]
    is_test: npt.NDArray[np.bool_]
    is_churner: npt.NDArray[np.bool_]

    def take(self, rows: npt.NDArray[np.int64]) -> _Kept:
        return _Kept._make(array[rows] for array in self)

    @classmethod
    def joined(cls, chunks: Sequence[_Kept]) -> _Kept:
        return cls._make(np.concatenate(arrays) for arrays in zip(*chunks, strict=True))


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
        self._pools: list[list[_Kept]] = [[] for _ in self._blocks]
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
                _Kept(
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
                kept = _Kept.joined(pool)
                kept = kept._replace(cells=kept.cells[:, counted])
                found.append(_near(kept, in_block[counted], self._may_differ))
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


class _Near(NamedTuple):
    """The test rows of a pool, positions of those with a near row, and the share of copies."""

    n_test: int
    tested: npt.NDArray[np.int64]
    copied: float


def _near(kept: _Kept, in_block: npt.NDArray[np.bool_], may_differ: int) -> _Near:
    """Compare the rows of a pool that agree in its block of columns.

    Args:
        kept: The rows.
        in_block: ``[F]``, which columns are those of the block.
        may_differ: Cells in which near rows may differ.
    """
    n_test = int(kept.is_test.sum())
    key = kept.cells[:, in_block].sum(axis=1, dtype=np.uint64)
    kept, key = kept.take(order := np.argsort(key, kind="stable")), key[order]
    pairs = [np.zeros((2, 0), dtype=np.int64)]
    for offset in range(1, min(_COMPARED + 1, len(key))):
        one = np.flatnonzero(key[:-offset] == key[offset:])
        one = one[kept.exact[one] != kept.exact[one + offset]]
        pairs.append(np.stack([one, one + offset]))
    one, other = np.concatenate(pairs, axis=1)
    n_differ = (kept.cells[one] != kept.cells[other]).sum(axis=1)
    is_near = n_differ <= may_differ
    if not _beyond_independence(kept.cells[:, ~in_block], is_near, may_differ):
        return _Near(n_test, np.arange(0), 0.0)
    learned = ~kept.is_test[one] & ~kept.is_test[other]
    churners = kept.is_churner[one].astype(np.int64) + kept.is_churner[other]
    with_churner = learned & (churners > 0)
    farthest = may_differ
    for _ in range(_SIMILAR):
        farthest += 1
        is_similar = ~is_near & (n_differ <= farthest)
        if (with_churner & is_similar).sum() >= _SIMILAR_PAIRS:
            break
    in_reach = ~is_near & (n_differ <= may_differ + _SIMILAR)
    apart = is_near.sum() >= _NEARLY_ALL * in_reach.sum()
    both_churn = churners[with_churner & is_near] == 2
    # A copy has one original. Rows that are near many others, without a gap to be bridged by merely
    # similar ones, are customers of one kind, or many rows of one customer, whose label is one.
    is_crowd = is_near.sum() > len(np.union1d(one[is_near], other[is_near]))
    if is_crowd and apart and (not len(both_churn) or both_churn.mean() < _ONE_LABEL):
        return _Near(n_test, np.arange(0), 0.0)
    share = _copied(
        both_churn,
        churners[with_churner & is_similar] == 2,
        float(kept.is_churner[~kept.is_test].mean()) if n_test < len(key) else 0.0,
        fewest=_FEWER_PAIRS if apart else _FEWEST_PAIRS,
    )
    crossing = is_near & (kept.is_test[one] != kept.is_test[other])
    tested = np.where(kept.is_test[one], one, other)[crossing]
    return _Near(n_test, np.unique(kept.position[tested]), share)


def _beyond_independence(others: Hashes, is_near: npt.NDArray[np.bool_], may_differ: int) -> bool:
    """Tell whether rows that agree in a block are near more often than any two rows are.

    Args:
        others: ``[N, F]`` cells of the columns outside the block.
        is_near: ``[P]``, whether two rows that agree in the block are near.
        may_differ: Cells in which near rows may differ.
    """
    if not is_near.any():
        return False
    drawn = np.random.default_rng(0).permutation(len(others))
    any_two = (others != others[drawn]).sum(axis=1)[drawn != np.arange(len(drawn))]
    expected = float((any_two <= may_differ).mean()) * len(is_near) if len(any_two) else 0.0
    return bool(is_near.sum() > _MORE_OFTEN * expected)


def _copied(
    near: npt.NDArray[np.bool_], similar: npt.NDArray[np.bool_], rate: float, *, fewest: int
) -> float:
    """Return the share of near pairs that are copies, 0 where chance may explain their labels.

    Args:
        near: Of each near pair of training rows with a churner, whether both are churners.
        similar: The same of pairs that differ in a few columns more.
        rate: The churn rate.
        fewest: Near pairs that are needed.
    """
    if len(near) < fewest:
        return 0.0
    # Of pairs drawn at random that have a churner, so many have two.
    usual = rate / (2 - rate)
    if len(similar) >= _FEWEST_PAIRS:
        usual = max(usual, float(similar.mean()))
    gap = float(near.mean()) - usual
    error = np.sqrt(usual * (1 - usual) * (1 / len(near) + 1 / max(len(similar), _FEWEST_PAIRS)))
    return gap / (1 - usual) if gap >= max(_GAP, _STANDARD_ERRORS * error) else 0.0


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

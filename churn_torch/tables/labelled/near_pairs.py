"""Near pairs of rows: whether they are copies, or customers who are merely alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from churn_torch.tables.hashing import Hashes

# A row is compared with so many.
_COMPARED = 12
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


class Kept(NamedTuple):
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

    def take(self, rows: npt.NDArray[np.int64]) -> Kept:
        """Return some of the rows."""
        return Kept._make(array[rows] for array in self)

    @classmethod
    def joined(cls, chunks: Sequence[Kept]) -> Kept:
        """Put rows together."""
        return cls._make(np.concatenate(arrays) for arrays in zip(*chunks, strict=True))


class Near(NamedTuple):
    """The test rows of a pool, positions of those with a near row, and the share of copies."""

    n_test: int
    tested: npt.NDArray[np.int64]
    copied: float


def near_rows(kept: Kept, in_block: npt.NDArray[np.bool_], may_differ: int) -> Near:
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
        return Near(n_test, np.arange(0), 0.0)
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
        return Near(n_test, np.arange(0), 0.0)
    share = _copied(
        both_churn,
        churners[with_churner & is_similar] == 2,
        float(kept.is_churner[~kept.is_test].mean()) if n_test < len(key) else 0.0,
        fewest=_FEWER_PAIRS if apart else _FEWEST_PAIRS,
    )
    crossing = is_near & (kept.is_test[one] != kept.is_test[other])
    tested = np.where(kept.is_test[one], one, other)[crossing]
    return Near(n_test, np.unique(kept.position[tested]), share)


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

"""An even random sample of rows that come chunk by chunk."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.int64]


class EvenSample:
    """Says which rows stay in a random sample of rows that come chunk by chunk, in their order.

    Every row draws a number, and the rows of the smallest numbers stay; they are the same however
    the rows are cut into chunks. Who keeps the rows adds those that `drawn` names, and takes those
    that `kept` names from all that were added, when `is_full` or at the end.

    Args:
        n_rows: Most rows.
        seed: Of the draws.
    """

    def __init__(self, n_rows: int, *, seed: int) -> None:
        self._n_rows, self._random = n_rows, np.random.default_rng(seed)
        self._largest = np.inf
        self._numbers = np.empty(0)

    def drawn(self, n_rows: int) -> Positions:
        """Return the positions of the rows of a chunk that may stay."""
        numbers = self._random.random(n_rows)
        drawn = np.flatnonzero(numbers <= self._largest)
        self._numbers = np.concatenate([self._numbers, numbers[drawn]])
        return drawn

    @property
    def is_full(self) -> bool:
        """Whether twice as many rows were added as can stay."""
        return len(self._numbers) > 2 * self._n_rows

    def kept(self) -> Positions:
        """Return the positions of the rows that stay, among all that were added and stayed."""
        if len(self._numbers) <= self._n_rows:
            return np.arange(len(self._numbers))
        self._largest = np.partition(self._numbers, self._n_rows - 1)[self._n_rows - 1]
        kept = np.flatnonzero(self._numbers <= self._largest)
        self._numbers = self._numbers[kept]
        return kept

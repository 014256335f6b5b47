"""Threads that each work on their own share of the rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from churn_torch.training.rows.batches import RowRange

# Blocks with fewer numbers than this are not worth a second thread.
THREAD_CELLS = 1_000_000

T = TypeVar("T")


class RowThreads:
    """Split rows among threads, in each of which torch uses one thread.

    The threads inside torch's operations wait for each other after every operation. That costs
    more than they gain, and much more where another process is using a core.

    Args:
        n_threads: Threads to open; 0 works in the caller's own thread, as a GPU wants it.
    """

    def __init__(self, n_threads: int) -> None:
        self.n_threads = n_threads
        self._pool: ThreadPoolExecutor | None = None
        if n_threads:
            self._pool = ThreadPoolExecutor(
                n_threads, initializer=torch.set_num_threads, initargs=(1,)
            )

    def map(self, rows: RowRange, n_features: int, work: Callable[[RowRange], T]) -> list[T]:
        """Return what ``work`` gives for the rows, or for the share of each thread.

        Args:
            rows: The rows to work on.
            n_features: Numbers a row expands to; small blocks are not shared.
            work: Called once a share.
        """
        n_rows = len(rows.block.label)
        if self._pool is None or n_rows * n_features < THREAD_CELLS:
            return [work(rows)]
        ends = [n_rows * i // self.n_threads for i in range(self.n_threads + 1)]
        shares = [
            RowRange(rows.block.take(slice(start, end)), rows.first_row + start)
            for start, end in itertools.pairwise(ends)
        ]
        return list(self._pool.map(work, shares))

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()

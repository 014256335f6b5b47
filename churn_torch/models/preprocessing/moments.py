"""Statistics of numbers in one pass and bounded memory: moments, and a sample of the rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from churn_torch.models.preprocessing.calendar import CALENDAR_PARTS, calendar_parts
from churn_torch.tables.hashing import splitmix64
from churn_torch.tables.schema import Column, Kind

Array = np.ndarray[Any, np.dtype[np.float64]]
Positions = np.ndarray[Any, np.dtype[np.int64]]

# Rows summed at a time. It is fixed, so that rounding does not depend on the chunks.
BLOCK_ROWS = 65_536
# Rows in the sample for quantiles. The rank of a quantile q has a standard error of
# sqrt(q (1 - q) / SAMPLE_ROWS): 0.14% of the rows at the median, 0.03% at the 1% quantile.
SAMPLE_ROWS = 131_072


def blocks(chunks: Iterable[pd.DataFrame]) -> Iterator[list[pd.DataFrame]]:
    """Regroup rows into lists of frames of ``BLOCK_ROWS`` rows; the last one may have fewer."""
    waiting: list[pd.DataFrame] = []
    n_waiting = 0
    for chunk in chunks:
        start = 0
        while n_waiting + len(chunk) - start >= BLOCK_ROWS:
            stop = start + BLOCK_ROWS - n_waiting
            yield [*waiting, chunk.iloc[start:stop]]
            waiting, n_waiting, start = [], 0, stop
        waiting.append(chunk.iloc[start:])
        n_waiting += len(chunk) - start
    if n_waiting:
        yield waiting


@dataclass
class Moments:
    """Count, mean, sum of squared deviations and range of numbers, merged group by group."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    minimum: float = np.inf
    maximum: float = -np.inf

    def add(self, values: Array) -> None:
        """Add numbers: at least one, and none of them missing."""
        mean = values.mean()
        self.merge(len(values), float(mean), float(values.var(mean=mean)) * len(values))
        self.minimum = min(self.minimum, float(values.min()))
        self.maximum = max(self.maximum, float(values.max()))

    def merge(self, count: int, mean: float, squares: float) -> None:
        """Add a group of numbers by its own moments (Chan, Golub and LeVeque 1983)."""
        total = self.count + count
        delta = mean - self.mean
        self.squares += squares + delta * delta * (self.count * (count / total))
        self.mean += delta * (count / total)
        self.count = total


class RunningStatistics:
    """Moments, sums of calendar parts and a sample of number columns, updated block by block.

    The sample holds the rows whose row numbers have the lowest hashes: a uniform draw that depends
    only on the number of rows.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self.n_rows = 0
        self._moments = [Moments() for _ in columns]
        self.part_sums = {
            c.name: np.zeros(len(CALENDAR_PARTS)) for c in columns if c.kind is Kind.DATETIME
        }
        # It grows with the rows: a page of memory may be so large that each column fills one.
        self._sample: Array = np.empty((len(columns), 0))
        self._hashes = np.empty(SAMPLE_ROWS, dtype=np.uint64)
        # One column of a block at a time, so that it stays in the cache.
        self._values: Array = np.empty(BLOCK_ROWS)

    def per_column(self) -> Iterator[tuple[Column, Moments, Array]]:
        """Yield each column, its moments, and its values in the sample; NaN is missing."""
        sample = self._sample[:, : self.n_rows]
        yield from zip(self._columns, self._moments, sample, strict=True)

    def add(self, block: Sequence[pd.DataFrame]) -> None:
        """Add the next rows, one of `blocks`."""
        values = self._values[: sum(map(len, block))]
        drawn, places = self._draw(len(values))
        self._make_room(min(SAMPLE_ROWS, self.n_rows + len(values)))
        for sampled, moments, column in zip(
            self._sample, self._moments, self._columns, strict=True
        ):
            np.concatenate([piece[column.name].to_numpy() for piece in block], out=values)
            sampled[places] = values[drawn]
            missing = np.isnan(values)
            present = values[~missing] if missing.any() else values
            if not len(present):
                continue
            moments.add(present)
            if column.kind is Kind.DATETIME:
                self.part_sums[column.name] += calendar_sums(present)
        self.n_rows += len(values)

    def _make_room(self, n_rows: int) -> None:
        """Let the sample hold so many rows."""
        before = self._sample
        if before.shape[1] < n_rows:
            n_rows = min(SAMPLE_ROWS, max(n_rows, 2 * before.shape[1]))
            self._sample = np.empty((len(self._columns), n_rows))
            self._sample[:, : before.shape[1]] = before

    def _draw(self, n_rows: int) -> tuple[Positions, Positions]:
        """Return which of the next rows enter the sample, and at which places."""
        n_sampled = min(self.n_rows, SAMPLE_ROWS)
        hashes = splitmix64(np.arange(self.n_rows, self.n_rows + n_rows))
        competing = np.concatenate([self._hashes[:n_sampled], hashes])
        last = min(SAMPLE_ROWS, len(competing)) - 1
        kept = competing <= np.partition(competing, last)[last]
        drawn = np.flatnonzero(kept[n_sampled:])
        free = [np.flatnonzero(~kept[:n_sampled]), np.arange(n_sampled, SAMPLE_ROWS)]
        places = np.concatenate(free)[: len(drawn)]
        self._hashes[places] = hashes[drawn]
        return drawn, places


def calendar_sums(days: Array) -> Array:
    """Sum the calendar parts of dates (`churn_torch.models.preprocessing.calendar`)."""
    summed: Array = calendar_parts(torch.from_numpy(days)).double().sum(0).numpy()
    return summed

"""Batches as row selections of whole tensors: no per-row Python, no workers, no collate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import SequentialSampler

from churn_torch.models.preprocess import Columns, Preprocess
from churn_torch.models.scorer import CHUNK_ROWS

# Model-space rows are kept as long as they stay below this; larger ones are made batch by batch.
FEATURE_BYTES = 2**31


class Features(NamedTuple):
    """Rows that are preprocessed already, ``[N, n_features]`` float32."""

    x: Tensor

    def take(self, rows: Tensor | slice) -> Features:
        """Return the given rows."""
        return Features(self.x[rows])


class Batch(NamedTuple):
    """Columns of N rows, or their features, and their labels ``[N]`` float32."""

    columns: Columns | Features
    label: Tensor


def preprocess_once(columns: Columns, preprocess: Preprocess) -> Columns | Features:
    """Replace columns by features, as long as these fit: the transform is the same every epoch."""
    n_rows = len(columns.numeric)
    if n_rows * preprocess.n_features * 4 > FEATURE_BYTES:
        return columns
    x = torch.empty(n_rows, preprocess.n_features)
    with torch.no_grad():
        for start in range(0, n_rows, CHUNK_ROWS):
            rows = slice(start, start + CHUNK_ROWS)
            x[rows] = preprocess(*columns.take(rows))
    return Features(x)


class Batches:
    """An iterable of `Batch` over tensors held in memory.

    Shuffling depends on ``(seed, epoch)`` alone, so a resumed run sees the order of an unbroken
    one. Under distributed training every process takes its share of each batch, so the batches
    are the same rows whatever the number of devices.

    Args:
        columns: All rows of the split.
        label: ``[N]`` float32.
        batch_size: Rows a batch over all processes; None takes every row (full-batch descent).
        seed: Seed of the order; None keeps the table's order.
    """

    # Lightning announces the epoch to a loader's sampler (`set_epoch`): that is the loader itself.
    batch_sampler = None

    def __init__(
        self,
        columns: Columns | Features,
        label: Tensor,
        *,
        batch_size: int | None,
        seed: int | None,
    ) -> None:
        self.columns = columns
        self.label = label
        self.batch_size = batch_size or len(label)
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        """Return the number of batches an epoch."""
        return -(-len(self.label) // self.batch_size)

    @property
    def sampler(self) -> Batches | SequentialSampler:
        """The loader itself, for Lightning to call `set_epoch` on; without a seed there is none."""
        return self if self.seed is not None else SequentialSampler(self.label)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the given epoch."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches of the current epoch."""
        n_rows = len(self.label)
        rank, world = _process()
        if self.seed is None:
            order = torch.arange(n_rows)
        else:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
            order = torch.randperm(n_rows, generator=generator)
        for start in range(0, n_rows, self.batch_size):
            rows = order[start : start + self.batch_size]
            # A last batch shorter than the number of processes goes to all of them whole: every
            # process must take the same number of steps.
            rows = rows[rank::world] if len(rows) >= world else rows
            yield Batch(self.columns.take(rows), self.label[rows])


def _process() -> tuple[int, int]:
    """Return this process's rank and the number of processes."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1

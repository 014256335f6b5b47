"""Blocks of rows, sliced from whole arrays: the unit of a training step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import SequentialSampler

from churn_torch.tables.readers.prefetch import prefetch
from churn_torch.training.rows.store import Block, Part

# A block is read, moved and shuffled at once: large enough that Lightning's cost of a step does not
# matter, small enough for a processor's cache.
BLOCK_BYTES = 2**24
VIEW_BYTES = 2**28
# Shuffled blocks are made of pieces from all over the part: large enough to read fast.
PIECE_BYTES = 2**17


class Batches(NamedTuple):
    """This process's rows of one block, and the minibatches in it.

    Attributes:
        rows: The rows.
        ends: Where each minibatch ends; it begins where the one before it ends.
        sizes: The rows of each minibatch over all processes.
    """

    rows: Block
    ends: list[int]
    sizes: list[int]


class RowRange(NamedTuple):
    """Consecutive rows of a part.

    Attributes:
        block: The rows.
        first_row: Position of the first of them in the part.
    """

    block: Block
    first_row: int


class Shuffled:
    """The minibatches of an epoch, in an order that depends on ``(seed, epoch)`` alone.

    A block is made of pieces from all over the part and shuffled inside. Under distributed training
    every process takes its share of each minibatch, so a minibatch holds the same rows whatever the
    number of processes.

    Args:
        part: All rows.
        batch_size: Rows of a minibatch over all processes.
        seed: Seed of the order; None keeps the table's order.
        pin: Put blocks into page-locked memory, from which a GPU copies them while it computes.
    """

    # Lightning calls `set_epoch` on a loader's sampler: that is the loader itself.
    batch_sampler = None

    def __init__(self, part: Part, *, batch_size: int, seed: int | None, pin: bool = False) -> None:
        self.part = part
        self.pin = pin
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0
        # Whole minibatches: only the last one of an epoch has fewer rows.
        self.block_rows = max(BLOCK_BYTES // (part.row_bytes * batch_size), 1) * batch_size
        self.piece_rows = max(PIECE_BYTES // part.row_bytes, 1)

    def __len__(self) -> int:
        """Return the number of blocks an epoch."""
        return -(-self.part.n_rows // self.block_rows)

    @property
    def sampler(self) -> Shuffled | SequentialSampler:
        """The loader itself, for Lightning to call `set_epoch` on; without a seed there is none."""
        return self if self.seed is not None else SequentialSampler(range(self.part.n_rows))

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the given epoch."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[Batches]:
        """Yield the blocks of the current epoch."""
        # The next block is read, shuffled and pinned while the current one is trained on.
        return prefetch(self._blocks(), depth=1) if len(self) > 1 else self._blocks()

    def _blocks(self) -> Iterator[Batches]:
        rank, world = _process()
        starts = torch.arange(0, self.part.n_rows, self.piece_rows)
        generator = None
        if self.seed is not None:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
            starts = starts[torch.randperm(len(starts), generator=generator)]
        order = [
            slice(start, min(start + self.piece_rows, self.part.n_rows))
            for start in starts.tolist()
        ]
        for pieces in _grouped(order, self.block_rows):
            n_rows = sum(piece.stop - piece.start for piece in pieces)
            if generator is None:
                rows = torch.arange(n_rows)
            else:
                rows = torch.randperm(n_rows, generator=generator)
            batches = torch.split(rows, self.batch_size)
            mine = [batch[rank::world] for batch in batches]
            block = self.part.read_rows(pieces, torch.cat(mine))
            ends = torch.tensor([len(batch) for batch in mine]).cumsum(0).tolist()
            yield Batches(_pinned(block, self.pin), ends, [len(batch) for batch in batches])


class InOrder:
    """A part's rows in their order, block by block; every process takes a range of each block.

    Args:
        part: All rows.
        pin: As for `Shuffled`.
    """

    def __init__(self, part: Part, *, pin: bool = False) -> None:
        self.part = part
        self.pin = pin
        # In memory a block is only a view, and its user reads it in chunks.
        block_bytes = BLOCK_BYTES if pin or not part.in_memory else VIEW_BYTES
        self.block_rows = max(block_bytes // part.row_bytes, 1)

    def __len__(self) -> int:
        """Return the number of blocks."""
        return -(-self.part.n_rows // self.block_rows)

    def __iter__(self) -> Iterator[RowRange]:
        """Yield the blocks."""
        costs_time = self.pin or not self.part.in_memory
        return prefetch(self._blocks(), depth=2) if costs_time else self._blocks()

    def _blocks(self) -> Iterator[RowRange]:
        rank, world = _process()
        for start in range(0, self.part.n_rows, self.block_rows):
            n_rows = min(self.block_rows, self.part.n_rows - start)
            mine = slice(start + n_rows * rank // world, start + n_rows * (rank + 1) // world)
            yield RowRange(_pinned(self.part.read([mine]), self.pin), mine.start)


def rows_to_expand(n_features: int) -> int:
    """Return how many rows to expand to features at once, so that they are as large as a block."""
    return max(BLOCK_BYTES // (4 * n_features), 1)


def spread_sample(part: Part, n_rows: int) -> Block:
    """Return about ``n_rows`` rows in pieces from all over the part, or all if it has no more."""
    if n_rows >= part.n_rows:
        return part.read([slice(0, part.n_rows)])
    piece = min(max(PIECE_BYTES // part.row_bytes, 1), n_rows)
    n_pieces = n_rows // piece
    starts = [i * (part.n_rows - piece) // max(n_pieces - 1, 1) for i in range(n_pieces)]
    return part.read([slice(start, start + piece) for start in starts])


def _grouped(pieces: list[slice], n_rows: int) -> Iterator[list[slice]]:
    """Group pieces into blocks of ``n_rows``; the last block may have fewer."""
    block: list[slice] = []
    room = n_rows
    for piece in pieces:
        while piece.stop - piece.start >= room:  # it fills the block: cut it there
            border = piece.start + room
            yield [*block, slice(piece.start, border)]
            piece, block, room = slice(border, piece.stop), [], n_rows
        if piece.start < piece.stop:
            block.append(piece)
            room -= piece.stop - piece.start
    if block:
        yield block


def _pinned(block: Block, pin: bool) -> Block:
    return block.each(Tensor.pin_memory) if pin else block


def _process() -> tuple[int, int]:
    """Return this process's rank and the number of processes."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1

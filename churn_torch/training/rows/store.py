"""Preprocessed rows of a part in their compact form: in memory, or in files for many rows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from churn_torch.errors import InputError
from churn_torch.tables.labelled.lifetimes import LifetimeColumns
from churn_torch.tables.schema import Schema

ARRAYS = ("dense", "codes", "label", "weight", "treatment", "payoff", "entry", "last")


class Block(NamedTuple):
    """Rows of a part: ``[n, n_dense]`` float32, ``[n, n_text]`` int32, the others ``[n]`` float32.

    The weights of all training rows average 1; they are None where all rows count the same. The
    treatment is 1 for customers who were contacted; None where that is not known. The payoff of a
    row is what contacting the customer would have brought, now that it is known who left; it is
    there for ``loss=profit`` only. For a model of time to churn, entry is the last period before
    the first one in which a customer was observed, and last the last one.
    """

    dense: Tensor
    codes: Tensor
    label: Tensor
    weight: Tensor | None = None
    treatment: Tensor | None = None
    payoff: Tensor | None = None
    entry: Tensor | None = None
    last: Tensor | None = None

    def arrays(self) -> list[Tensor]:
        """Return the arrays that are there."""
        return [array for array in self if array is not None]

    def each(self, function: Callable[[Tensor], Tensor]) -> Block:
        """Return the block with a function applied to each array."""
        return Block(*(None if array is None else function(array) for array in self))  # type: ignore[arg-type]

    @property
    def names(self) -> list[str]:
        """The names of the arrays that are there."""
        return [name for name, array in zip(ARRAYS, self, strict=True) if array is not None]

    def take(self, rows: slice | Tensor) -> Block:
        """Return the given rows; a slice copies nothing."""
        return self.each(lambda array: array[rows])

    def in_chunks(self, n_rows: int) -> Iterator[Block]:
        """Yield the rows, ``n_rows`` at a time."""
        for start in range(0, len(self.label), n_rows):
            yield self.take(slice(start, start + n_rows))


class Part(Protocol):
    """The rows of one part, in memory or on disk."""

    n_rows: int
    row_bytes: int
    in_memory: bool

    def read(self, pieces: list[slice]) -> Block:
        """Return the rows of the pieces, one after the other."""

    def read_rows(self, pieces: list[slice], order: Tensor) -> Block:
        """Return some of the rows of the pieces.

        Args:
            pieces: Ranges of the part.
            order: Positions among the rows of the pieces, one after the other.
        """


class MemoryPart:
    """Rows in memory, on the CPU or on a GPU.

    Args:
        block: All of the rows.
    """

    in_memory = True

    def __init__(self, block: Block) -> None:
        self.block = block
        self.n_rows = len(block.label)
        n_single = len(block.names) - 2
        self.row_bytes = bytes_a_row(block.dense.shape[1], block.codes.shape[1], n_single)

    def read(self, pieces: list[slice]) -> Block:
        """Return the rows of the pieces; a single piece is not copied."""
        if len(pieces) == 1:
            return self.block.take(pieces[0])
        return self.block.each(lambda array: torch.cat([array[piece] for piece in pieces]))

    def read_rows(self, pieces: list[slice], order: Tensor) -> Block:
        """Return rows of the pieces in another order; they are copied once."""
        rows = torch.cat([torch.arange(piece.start, piece.stop) for piece in pieces])[order]
        return self.block.take(rows.to(self.block.label.device))

    def to(self, device: torch.device) -> MemoryPart:
        """Return the same rows on a device."""
        return MemoryPart(self.block.each(lambda array: array.to(device)))


class DiskPart:
    """Rows in files of plain arrays, mapped into memory for as long as a block is in use.

    Args:
        folder: Holds a file ``PART.ARRAY`` for each array.
        name: The part.
        n_rows: Rows in the files.
        n_dense: Numbers a row.
        n_text: Codes a row.
        arrays: Those of `ARRAYS` that there are.
    """

    in_memory = False

    def __init__(
        self,
        folder: Path,
        name: str,
        n_rows: int,
        n_dense: int,
        n_text: int,
        *,
        arrays: Sequence[str],
    ) -> None:
        self.arrays = arrays
        self.widths = (n_dense, n_text, *[1] * (len(arrays) - 2))
        self.paths = [folder / f"{name}.{array}" for array in arrays]
        self.n_rows = n_rows
        self.row_bytes = bytes_a_row(n_dense, n_text, len(arrays) - 2)

    def read(self, pieces: list[slice]) -> Block:
        """Return the rows of the pieces; those of a single one stay where they are."""
        return self._mapped(pieces).read(pieces)

    def read_rows(self, pieces: list[slice], order: Tensor) -> Block:
        """Return rows of the pieces in another order; they are copied once."""
        return self._mapped(pieces).read_rows(pieces, order)

    def _mapped(self, pieces: list[slice]) -> MemoryPart:
        """Map the files again: pages that were read count as memory until a mapping is freed.

        Raises:
            InputError: A file is shorter than it was.
        """
        arrays: dict[str, Tensor] = {}
        for name, path, width in zip(self.arrays, self.paths, self.widths, strict=True):
            dtype = torch.int32 if name == "codes" else torch.float32
            size = self.n_rows * width
            if path.stat().st_size != 4 * size:
                raise InputError(
                    "cache",
                    expected=f"{4 * size:,} bytes in {str(path)!r}",
                    got=f"{path.stat().st_size:,}",
                    fix="remove the folder and train again",
                )
            _fetch(path, 4 * width, pieces)
            array = torch.empty(0, dtype=dtype)
            if size:
                array = torch.from_file(str(path), shared=False, size=size, dtype=dtype)
            array = array.view(self.n_rows, width)
            arrays[name] = array if name in ("dense", "codes") else array[:, 0]
        return MemoryPart(Block(**arrays))


def _fetch(path: Path, width: int, pieces: list[slice]) -> None:
    """Ask the system to read ahead in the background, where it can (Linux)."""
    if hasattr(os, "posix_fadvise"):
        with path.open("rb") as file:
            for piece in pieces:
                start, n_bytes = width * piece.start, width * (piece.stop - piece.start)
                os.posix_fadvise(file.fileno(), start, n_bytes, os.POSIX_FADV_WILLNEED)


def arrays_of(schema: Schema, *, with_payoff: bool) -> list[str]:
    """Return the names of the arrays of the rows of a labelled table."""
    there = {
        "weight": schema.has_weights,
        "treatment": schema.treatment is not None,
        "payoff": with_payoff,
        **dict.fromkeys(("entry", "last"), LifetimeColumns.of(schema) is not None),
    }
    return [name for name in ARRAYS if there.get(name, True)]


def empty_block(n_rows: int, n_dense: int, n_text: int, arrays: Sequence[str]) -> Block:
    """Return a block that is still to be filled."""
    return Block(
        dense=torch.empty(n_rows, n_dense),
        codes=torch.empty(n_rows, n_text, dtype=torch.int32),
        **{name: torch.empty(n_rows) for name in arrays[2:]},
    )


def as_bytes(array: Tensor) -> memoryview:
    """Return the bytes of a contiguous tensor on the CPU, without copying them."""
    flat: Any = array.view(-1).view(torch.uint8).numpy()
    return memoryview(flat)


def bytes_a_row(n_dense: int, n_text: int, n_single: int = 1) -> int:
    """Return the bytes of a row and of its single numbers: its label, its weight and the like."""
    return 4 * (n_dense + n_text + n_single)

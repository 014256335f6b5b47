"""Compact rows of every part, preprocessed once: in memory, or in files where they are too many."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pa_parquet
import torch
from torch import Tensor

from churn_torch.errors import InputError
from churn_torch.models.preprocess import Columns, Preprocess
from churn_torch.tables.encode import encode
from churn_torch.tables.rows import PARTS, LabelledTable, Rows
from churn_torch.tables.schema import Schema

# Of a table that is streamed, features up to this stay in memory all the same.
MEMORY_BYTES = 2**28
# Parsed test rows kept for the proof of the exported file.
SAMPLE_ROWS = 2_000
ARRAYS = ("dense", "codes", "label")


class Block(NamedTuple):
    """Rows of a part: ``[n, n_dense]`` float32, ``[n, n_text]`` int32, ``[n]`` float32."""

    dense: Tensor
    codes: Tensor
    label: Tensor

    def take(self, rows: slice | Tensor) -> Block:
        """Return the given rows; a slice copies nothing."""
        return Block(self.dense[rows], self.codes[rows], self.label[rows])

    def in_chunks(self, n_rows: int) -> Iterator[Block]:
        """Yield the rows, ``n_rows`` at a time."""
        for start in range(0, len(self.label), n_rows):
            yield self.take(slice(start, start + n_rows))


class Part(Protocol):
    """The rows of one part, wherever they are."""

    n_rows: int
    row_bytes: int
    in_memory: bool

    def read(self, pieces: list[slice]) -> Block:
        """Return the rows of the pieces, one after the other."""


class MemoryPart:
    """Rows in memory, on the CPU or on a GPU.

    Args:
        block: All of the rows.
    """

    in_memory = True

    def __init__(self, block: Block) -> None:
        self.block = block
        self.n_rows = len(block.label)
        self.row_bytes = _row_bytes(block.dense.shape[1], block.codes.shape[1])

    def read(self, pieces: list[slice]) -> Block:
        """Return the rows of the pieces; a single piece is not copied."""
        if len(pieces) == 1:
            return self.block.take(pieces[0])
        return Block(*(torch.cat([array[piece] for piece in pieces]) for array in self.block))

    def to(self, device: torch.device) -> MemoryPart:
        """Return the same rows on a device."""
        return MemoryPart(Block(*(array.to(device) for array in self.block)))


class DiskPart:
    """Rows in three files of plain arrays.

    Reads go through ordinary buffers, not a memory map, so that the process does not seem to grow
    by what the operating system keeps of the files.

    Args:
        folder: Holds ``PART.dense``, ``PART.codes`` and ``PART.label``.
        name: The part.
        n_rows: Rows in the files.
        n_dense: Numbers a row.
        n_text: Codes a row.
    """

    in_memory = False

    def __init__(self, folder: Path, name: str, n_rows: int, n_dense: int, n_text: int) -> None:
        self.paths = [folder / f"{name}.{array}" for array in ARRAYS]
        self.widths = (n_dense, n_text, 1)
        self.n_rows = n_rows
        self.row_bytes = _row_bytes(n_dense, n_text)
        self._files: list[IO[bytes]] | None = None

    def read(self, pieces: list[slice]) -> Block:
        """Read the rows of the pieces into new tensors."""
        if self._files is None:
            self._files = [path.open("rb", buffering=0) for path in self.paths]
        n_rows = sum(piece.stop - piece.start for piece in pieces)
        arrays = []
        for file, width, dtype in zip(self._files, self.widths, _DTYPES, strict=True):
            array = torch.empty((n_rows, width), dtype=dtype)
            at = 0
            for piece in pieces:
                n = piece.stop - piece.start
                if width:
                    file.seek(piece.start * width * 4)
                    _fill(file, _bytes(array[at : at + n]))
                at += n
            arrays.append(array)
        return Block(arrays[0], arrays[1], arrays[2][:, 0])

    def __getstate__(self) -> dict[str, Any]:
        """Leave open files behind: other processes open their own."""
        return {**self.__dict__, "_files": None}


_DTYPES = (torch.float32, torch.int32, torch.float32)


def _bytes(array: Tensor) -> memoryview:
    view: Any = array.numpy()
    return memoryview(view).cast("B")


def _fill(file: IO[bytes], view: memoryview) -> None:
    while len(view):
        n_read = file.readinto(view)  # type: ignore[attr-defined]
        if not n_read:
            raise InputError(
                "cache: expected the whole features file, got a shorter one; remove the folder and "
                "train again."
            )
        view = view[n_read:]


def _row_bytes(n_dense: int, n_text: int) -> int:
    return 4 * (n_dense + n_text + 1)


@dataclass(frozen=True)
class Store:
    """Every part's rows, and what of the test rows is needed beside them.

    Attributes:
        parts: By name (`churn_torch.tables.rows.PARTS`).
        identity: Names of the test rows, in their order: a frame, or a Parquet file.
        sample: The first parsed test rows.
        folder: Where the files are; None when all is in memory.
    """

    parts: dict[str, Part]
    identity: pd.DataFrame | Path
    sample: pd.DataFrame
    folder: Path | None = None

    def identities(self, n_rows: int) -> Iterator[pd.DataFrame]:
        """Yield the names of the test rows, ``n_rows`` at a time."""
        if isinstance(self.identity, Path):
            for batch in pa_parquet.ParquetFile(self.identity).iter_batches(n_rows):
                yield batch.to_pandas()
        else:
            for start in range(0, len(self.identity), n_rows):
                yield self.identity.iloc[start : start + n_rows]


def gather(
    rows: Iterable[Rows], table: LabelledTable, schema: Schema, preprocess: Preprocess
) -> Store:
    """Preprocess every row into memory.

    Args:
        rows: ``table.chunks()``, or what watches over it (a progress bar).
        table: Knows the number of rows.
        schema: Completed.
        preprocess: With its statistics loaded.
    """
    widths = (preprocess.n_dense, preprocess.n_text)
    blocks = {
        part: Block(
            torch.empty(n, widths[0]), torch.empty(n, widths[1], dtype=torch.int32), torch.empty(n)
        )
        for part, n in table.counts.items()
    }
    filled = dict.fromkeys(PARTS, 0)
    identity, sample = [], _Sample()
    for chunk in rows:
        for part, block, chosen in _dealt(chunk, schema, preprocess):
            start, filled[part] = filled[part], filled[part] + len(block.label)
            for array, values in zip(blocks[part], block, strict=True):
                array[start : filled[part]] = values
            if part == "test":
                identity.append(chosen.identity)
                sample.add(chosen.parsed)
    parts: dict[str, Part] = {part: MemoryPart(block) for part, block in blocks.items()}
    return Store(parts, pd.concat(identity, ignore_index=True), sample.frame())


def write(
    rows: Iterable[Rows],
    table: LabelledTable,
    schema: Schema,
    preprocess: Preprocess,
    folder: Path,
    key: str,
) -> Store:
    """Preprocess every row into files; ``complete.json``, written last, says what they hold.

    Raises:
        InputError: The disk is full or the folder cannot be written to; nothing is left behind.
    """
    shutil.rmtree(folder, ignore_errors=True)
    sample = _Sample()
    try:
        folder.mkdir(parents=True)
        files = {part: [(folder / f"{part}.{a}").open("wb") for a in ARRAYS] for part in PARTS}
        writer: pa_parquet.ParquetWriter | None = None
        try:
            for chunk in rows:
                for part, block, chosen in _dealt(chunk, schema, preprocess):
                    for file, array in zip(files[part], block, strict=True):
                        file.write(_bytes(array.contiguous()))
                    if part == "test":
                        sample.add(chosen.parsed)
                        names = pa.Table.from_pandas(chosen.identity, preserve_index=False)
                        if writer is None:
                            writer = pa_parquet.ParquetWriter(folder / _IDENTITY, names.schema)
                        writer.write_table(names.cast(writer.schema))
        finally:
            if writer is not None:
                writer.close()
            for opened in files.values():
                for file in opened:
                    file.close()
        sample.frame().to_parquet(folder / _SAMPLE)
        facts = {
            "key": key,
            "counts": table.counts,
            "widths": [preprocess.n_dense, preprocess.n_text],
        }
        (folder / _COMPLETE).write_text(json.dumps(facts), encoding="utf-8")
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise InputError(
            f"cache: expected room for the features in {str(folder)!r}, got: "
            f"{error.strerror or error}; name a folder on a larger disk with cache.folder=..."
        ) from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return _opened(folder, facts)


def reopen(folder: Path, key: str) -> Store | None:
    """Return the store that an earlier run kept, if it was made from the same rows and choices."""
    try:
        facts = json.loads((folder / _COMPLETE).read_text(encoding="utf-8"))
        return _opened(folder, facts) if facts["key"] == key else None
    except (OSError, ValueError, KeyError):
        return None


def check_room(folder: Path, n_bytes: int, most_bytes: float) -> None:
    """Refuse files larger than allowed, or than the disk has room for.

    Raises:
        InputError: They are.
    """
    if n_bytes > most_bytes:
        raise InputError(
            f"cache.max_gb: expected features of at most {most_bytes / 1e9:.1f} GB on disk, got "
            f"{n_bytes / 1e9:.1f} GB; raise it, or leave columns out (data.ignore)."
        )
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if n_bytes > free:
        raise InputError(
            f"cache: expected {n_bytes / 1e9:.1f} GB of free disk in {str(folder)!r} for the "
            f"features, got {free / 1e9:.1f} GB; name a folder on a larger disk with "
            "cache.folder=..."
        )


def cache_key(table: LabelledTable, schema: Schema, preprocess: Preprocess, choices: str) -> str:
    """Return a digest of all that decides the content of a store."""
    digest = hashlib.blake2b(digest_size=16)
    for text in (table.fingerprint, schema.to_json(), choices, json.dumps(table.counts)):
        digest.update(text.encode())
    for name, tensor in preprocess.state_dict().items():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(tensor.numpy()).tobytes())
    return digest.hexdigest()


def store_bytes(table: LabelledTable, preprocess: Preprocess) -> int:
    """Return the size of the features of all parts."""
    return sum(table.counts.values()) * _row_bytes(preprocess.n_dense, preprocess.n_text)


_COMPLETE, _IDENTITY, _SAMPLE = "complete.json", "identity.parquet", "sample.parquet"


def _opened(folder: Path, facts: dict[str, Any]) -> Store:
    parts: dict[str, Part] = {
        part: DiskPart(folder, part, n_rows, *facts["widths"])
        for part, n_rows in facts["counts"].items()
    }
    sample = pd.read_parquet(folder / _SAMPLE)
    return Store(parts, folder / _IDENTITY, sample, folder)


def _dealt(
    chunk: Rows, schema: Schema, preprocess: Preprocess
) -> Iterator[tuple[str, Block, Rows]]:
    """Preprocess a chunk and deal its rows out to their parts."""
    columns = Columns.from_arrays(encode(chunk.parsed, schema))
    with torch.no_grad():
        compact = preprocess.compact(*columns)
    block = Block(*compact, torch.from_numpy(chunk.label))
    for position, part in enumerate(PARTS):
        here = np.flatnonzero(chunk.part == position)
        if len(here):
            yield part, block.take(torch.from_numpy(here)), chunk.of(part)


class _Sample:
    """The first rows of many chunks."""

    def __init__(self) -> None:
        self.frames: list[pd.DataFrame] = []
        self.n_rows = 0

    def add(self, frame: pd.DataFrame) -> None:
        if self.n_rows < SAMPLE_ROWS:
            self.frames.append(frame.iloc[: SAMPLE_ROWS - self.n_rows])
            self.n_rows += len(self.frames[-1])

    def frame(self) -> pd.DataFrame:
        return pd.concat(self.frames, ignore_index=True)

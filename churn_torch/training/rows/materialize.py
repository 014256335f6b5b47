"""Preprocess every row of a table once, into memory or into files."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pa_parquet

from churn_torch.errors import InputError
from churn_torch.models.preprocessing.preprocess import Preprocess
from churn_torch.tables.labelled.rows import PARTS, LabelledTable, Rows, mean_weight_of
from churn_torch.tables.readers.arrow import to_pandas
from churn_torch.tables.schema import Schema
from churn_torch.training.rows.compact_blocks import TEST, FirstTestRows, PayoffOf, blocks_of
from churn_torch.training.rows.folder_checks import (
    CARRIED,
    COMPLETE,
    SAMPLE,
    check_own,
    check_room,
    remove_features,
)
from churn_torch.training.rows.shared_folder import shared
from churn_torch.training.rows.store import (
    DiskPart,
    MemoryPart,
    Part,
    arrays_of,
    as_bytes,
    bytes_a_row,
    empty_block,
)
from churn_torch.whole_files import in_bytes

# Of a table that is streamed, features up to this stay in memory all the same.
MEMORY_BYTES = 2**28


@dataclass(frozen=True)
class Store:
    """The preprocessed rows of every part, and what is kept of the raw test rows.

    Attributes:
        parts: By name (`churn_torch.tables.labelled.rows.PARTS`).
        carried: Carried columns of the test rows, in their order: a frame, or a Parquet file.
        sample: The first parsed test rows.
        folder: Where the files are; None when all is in memory.
    """

    parts: dict[str, Part]
    carried: pd.DataFrame | Path
    sample: pd.DataFrame
    folder: Path | None = None

    def carried_chunks(self, n_rows: int) -> Iterator[pd.DataFrame]:
        """Yield the carried columns of the test rows, ``n_rows`` at a time."""
        if isinstance(self.carried, Path):
            for batch in pa_parquet.ParquetFile(self.carried).iter_batches(n_rows):
                yield to_pandas(pa.Table.from_batches([batch]))
        else:
            for start in range(0, len(self.carried), n_rows):
                yield self.carried.iloc[start : start + n_rows]


@contextlib.contextmanager
def materialized(
    table: LabelledTable,
    schema: Schema,
    preprocess: Preprocess,
    *,
    watch: Callable[[Iterable[Rows]], Iterable[Rows]],
    announce: Callable[[str], None],
    folder: Path,
    cache: Path | None,
    most_bytes: float,
    choices: str,
    payoff_of: PayoffOf | None = None,
) -> Iterator[Store]:
    """Preprocess every row once: into memory, or into files if the table is streamed and large.

    Args:
        table: Read once already, so that it knows its numbers of rows.
        schema: Completed.
        preprocess: With its statistics loaded.
        watch: Passes the rows on, with a progress bar.
        announce: Tells the user a sentence.
        folder: For the files, which are removed at the end.
        cache: A folder that takes its place, and that other trainings may share: the files stay,
            and those of an earlier run of the same rows and choices are used.
        most_bytes: Most that the files may take.
        choices: What else the rows of each part depend on (the split and its seed).
        payoff_of: Gives the rows their payoffs, for ``loss=profit``.

    Raises:
        InputError: The files would be too large, the disk is full, or the folder holds others.
    """
    arrays = arrays_of(schema, with_payoff=payoff_of is not None)
    row_bytes = bytes_a_row(preprocess.n_dense, preprocess.n_codes, len(arrays) - 2)
    n_bytes = sum(table.counts.values()) * row_bytes
    if not table.streamed or (n_bytes <= MEMORY_BYTES and cache is None):
        if cache is not None:
            announce("The table fits into memory, so cache.folder is not used.")
        yield _into_memory(watch(table.chunks()), table, schema, preprocess, payoff_of)
        return
    key = _key(table, schema, preprocess, choices)

    def write(place: Path) -> Store:
        check_room(place, n_bytes, most_bytes)
        announce(f"Features take {in_bytes(n_bytes)} on disk, in {place}.")
        rows = watch(table.chunks())
        return _onto_disk(rows, table, schema, preprocess, payoff_of, place, key)

    if cache is not None:
        written: list[Store] = []
        with shared(
            cache, reopen=lambda: _reopen(cache, key), write=lambda: written.append(write(cache))
        ) as store:
            if store is not None:
                if not written:
                    announce(f"Features of an earlier run are used again: {cache}.")
                yield store
                return
        announce(f"A training with other rows or choices is using {cache}, so it is left alone.")
    try:
        yield write(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _into_memory(
    rows: Iterable[Rows],
    table: LabelledTable,
    schema: Schema,
    preprocess: Preprocess,
    payoff_of: PayoffOf | None,
) -> Store:
    arrays = arrays_of(schema, with_payoff=payoff_of is not None)
    blocks = {
        part: empty_block(n, preprocess.n_dense, preprocess.n_codes, arrays)
        for part, n in table.counts.items()
    }
    filled = dict.fromkeys(PARTS, 0)
    carried, sample = [], FirstTestRows()
    mean_weight = mean_weight_of(table)
    for chunk in rows:
        for part, block in blocks_of(chunk, schema, preprocess, mean_weight, payoff_of):
            start, filled[part] = filled[part], filled[part] + len(block.label)
            for array, values in zip(blocks[part].arrays(), block.arrays(), strict=True):
                array[start : filled[part]] = values
        carried.append(chunk.carried[chunk.part == TEST])
        sample.add(chunk)
    parts: dict[str, Part] = {part: MemoryPart(block) for part, block in blocks.items()}
    return Store(parts, pd.concat(carried, ignore_index=True), sample.frame())


def _onto_disk(
    rows: Iterable[Rows],
    table: LabelledTable,
    schema: Schema,
    preprocess: Preprocess,
    payoff_of: PayoffOf | None,
    folder: Path,
    key: str,
) -> Store:
    """Preprocess into files; ``complete.json``, written last, says what they hold."""
    check_own(folder)
    sample, mean_weight = FirstTestRows(), mean_weight_of(table)
    arrays = arrays_of(schema, with_payoff=payoff_of is not None)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_features(folder)
        with contextlib.ExitStack() as stack:
            files = {part: [(folder / f"{part}.{a}").open("wb") for a in arrays] for part in PARTS}
            for file in chain(*files.values()):
                stack.callback(file.close)
            writer: pa_parquet.ParquetWriter | None = None
            for chunk in rows:
                for part, block in blocks_of(chunk, schema, preprocess, mean_weight, payoff_of):
                    for file, array in zip(files[part], block.arrays(), strict=True):
                        file.write(as_bytes(array))
                sample.add(chunk)
                tested = chunk.carried[chunk.part == TEST]
                if len(tested):
                    carried = pa.Table.from_pandas(tested, preserve_index=False)
                    if writer is None:
                        writer = pa_parquet.ParquetWriter(folder / CARRIED, carried.schema)
                        stack.callback(writer.close)
                    writer.write_table(carried.cast(writer.schema))
        sample.frame().to_parquet(folder / SAMPLE)
        widths = [preprocess.n_dense, preprocess.n_codes]
        facts = {"key": key, "counts": table.counts, "widths": widths, "arrays": arrays}
        (folder / COMPLETE).write_text(json.dumps(facts), encoding="utf-8")
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise InputError(
            "cache",
            expected=f"room for the features in {str(folder)!r}",
            got=error.strerror or str(error),
            fix="name a folder on a larger disk as cache.folder",
        ) from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return _opened(folder, facts)


def _reopen(folder: Path, key: str) -> Store | None:
    try:
        facts = json.loads((folder / COMPLETE).read_text(encoding="utf-8"))
        return _opened(folder, facts) if facts["key"] == key else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):  # another, or damaged
        return None


def _key(table: LabelledTable, schema: Schema, preprocess: Preprocess, choices: str) -> str:
    """Return a digest of everything that the content of a store depends on."""
    digest = hashlib.blake2b(digest_size=16)
    counts = json.dumps(table.counts)
    for text in (table.fingerprint, schema.to_json(), table.carry.key, choices, counts):
        digest.update(text.encode())
    for name, tensor in preprocess.state_dict().items():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(tensor.numpy()).tobytes())
    return digest.hexdigest()


def _opened(folder: Path, facts: dict[str, Any]) -> Store:
    parts: dict[str, Part] = {
        part: DiskPart(folder, part, n_rows, *facts["widths"], arrays=facts["arrays"])
        for part, n_rows in facts["counts"].items()
    }
    return Store(parts, folder / CARRIED, pd.read_parquet(folder / SAMPLE), folder)

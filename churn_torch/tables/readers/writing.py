"""Writing a table chunk by chunk; a failure leaves no half-written file."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, cast

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pa_parquet

from churn_torch.errors import InputError, first_line
from churn_torch.tables.readers.spreadsheet_cells import defused
from churn_torch.whole_files import new_folders, whole_file

PARQUET = (".parquet", ".pq")
CSV = (".csv", ".csv.gz", ".tsv", ".tsv.gz")


def write(frames: Iterable[pd.DataFrame], path: str | Path, *, key: str | None = "out") -> int:
    """Write chunks as one CSV (``.csv``, ``.tsv``, also ``.gz``) or Parquet file.

    In a CSV file an apostrophe stands before texts that a spreadsheet would take for formulas. The
    rows go to a temporary file in the same folder, which is renamed at the end.

    Args:
        frames: The chunks.
        path: The file.
        key: What the user calls its place; None where the user has not named it.

    Returns:
        The number of rows written.

    Raises:
        InputError: The format is unknown, the place that ``key`` names cannot be written to, or a
            column changes its type on the way.
        OSError: It cannot be written to, and the user has not named it.
    """
    path = Path(path).expanduser()
    name = path.name.lower()
    if not name.endswith(PARQUET + CSV):
        raise InputError(
            "out",
            expected="a file that ends in .csv, .csv.gz, .tsv or .parquet",
            got=repr(str(path)),
            fix="rename it",
        )
    try:
        write_rows = _write_parquet if name.endswith(PARQUET) else _write_csv
        with new_folders(path.parent), whole_file(path) as temporary:
            return write_rows(frames, temporary, name)
    except OSError as error:
        if key is None:
            raise
        raise InputError(
            key,
            expected="a file that can be written",
            got=f"{str(path)!r} ({error.strerror or error})",
            fix="choose another folder or name",
        ) from None


def _write_csv(frames: Iterable[pd.DataFrame], path: Path, name: str) -> int:
    separator = "\t" if ".tsv" in name else ","
    n_rows = 0
    with ExitStack() as stack:
        raw: IO[bytes] = stack.enter_context(path.open("wb"))
        if name.endswith(".gz"):
            # No name and no time in the header: equal rows give equal bytes.
            packed = stack.enter_context(gzip.GzipFile("", "wb", fileobj=raw, mtime=0))
            raw = cast(IO[bytes], packed)
        file = stack.enter_context(io.TextIOWrapper(raw, encoding="utf-8", newline=""))
        for position, frame in enumerate(frames):
            defused(frame).to_csv(
                file, sep=separator, index=False, header=position == 0, lineterminator="\n"
            )
            n_rows += len(frame)
    return n_rows


def _write_parquet(frames: Iterable[pd.DataFrame], path: Path, name: str) -> int:
    n_rows = 0
    with ExitStack() as stack:
        writer: pa_parquet.ParquetWriter | None = None
        for frame in frames:
            if writer is None:
                schema = _first_schema(frame)
                writer = stack.enter_context(
                    pa_parquet.ParquetWriter(path, schema, use_dictionary=_texts(schema))
                )
            try:
                table = pa.Table.from_pandas(frame, schema=writer.schema, preserve_index=False)
            except (pa.ArrowException, TypeError) as error:
                raise InputError(
                    "out",
                    expected="columns of one type from the first row to the last",
                    got=f"the error {first_line(error)!r}",
                    fix="write a CSV file instead",
                ) from None
            writer.write_table(table)
            n_rows += len(frame)
        if writer is None:
            pa_parquet.write_table(pa.table({}), path)
    return n_rows


def _texts(schema: pa.Schema) -> list[str]:
    """Return the text columns, the only ones that are worth a dictionary: numbers hardly repeat."""
    return [
        f.name for f in schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)
    ]


def _first_schema(frame: pd.DataFrame) -> pa.Schema:
    """Take the types from the first chunk; a column with nothing in it yet becomes text."""
    schema = pa.Schema.from_pandas(frame, preserve_index=False).remove_metadata()
    text = pa.string()
    return pa.schema(
        [field.with_type(text) if pa.types.is_null(field.type) else field for field in schema]
    )

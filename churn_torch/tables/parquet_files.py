"""Parquet: one file, several, or a folder with hive-style parts (``country=fr/...``)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as pa_dataset
import pyarrow.parquet as pa_parquet

from churn_torch.errors import InputError
from churn_torch.tables.arrow import Batches, check_columns, first_line, guarded
from churn_torch.tables.schema import check_names


def metadata(path: Path) -> pa_parquet.FileMetaData:
    """Read the footer of a file: its columns and row count, without its rows."""
    try:
        return pa_parquet.read_metadata(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"expected a Parquet file, however: {str(path)!r} is damaged ({first_line(error)}); "
            "write it again"
        ) from None


def read_parquet(
    paths: Sequence[Path], folder: Path | None, columns: Sequence[str] | None
) -> Batches:
    """Open files as one table; only the asked columns are read from disk.

    Args:
        paths: The files.
        folder: Where hive-style parts start, if a folder was named.
        columns: The columns to read, in this order; all when None.

    Raises:
        InputError: A file is damaged, the files do not fit together, or a column is not there.
    """
    where = str(folder or paths[0])
    schemas = [metadata(path).schema.to_arrow_schema().remove_metadata() for path in paths]
    for schema in schemas:
        check_names(schema.names)
    open_files = partial(
        pa_dataset.dataset,
        [str(path) for path in paths],
        format="parquet",
        partitioning="hive" if folder else None,
        partition_base_dir=str(folder) if folder else None,
    )
    try:
        # Files may differ in types (an int column that became float): take what holds all.
        schemas.append(open_files().schema)  # knows the parts that folder names add
        schema = pa.unify_schemas(schemas, promote_options="permissive")
        dataset = open_files(schema=schema)
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"expected Parquet files with the same columns, however: those of {where!r} differ "
            f"({first_line(error)}); write them again or read them with SELECT ..."
        ) from None
    # What pandas stores of a nameless index is no column of the table.
    names = [name for name in schema.names if not re.fullmatch(r"__index_level_\d+__", name)]
    check_columns(names, columns)
    chosen = list(names if columns is None else columns)
    batches = guarded(dataset.to_batches(columns=chosen), f"the Parquet source {where!r}")
    return pa.schema([schema.field(name) for name in chosen]), batches

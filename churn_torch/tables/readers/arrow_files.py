"""Arrow's own files (Feather, IPC), read a batch at a time, and ORC; both are typed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc as pa_ipc

from churn_torch.errors import InputError
from churn_torch.tables.readers.arrow import Batches, bounded, guarded
from churn_torch.tables.readers.own_process import output_of
from churn_torch.tables.readers.packing import Stored, unreadable

_ORC = Path(__file__).with_name("orc_process.py")

_ERRORS = (pa.ArrowException, OSError, UnicodeDecodeError, ValueError)


@contextlib.contextmanager
def opened_arrow(stored: Stored) -> Iterator[Batches]:
    """Open a file of Arrow's file or stream format; Feather has been the former since 2020.

    Raises:
        InputError: The file is damaged, or an older Feather file.
    """
    with contextlib.ExitStack() as stack:
        path = stack.enter_context(stored.on_disk())
        try:
            with path.open("rb") as start:
                magic = start.read(6)
            if magic.startswith(b"FEA1"):
                raise _old_feather(stored)
            if magic == b"ARROW1":
                file = stack.enter_context(pa.memory_map(str(path)))
                reader = pa_ipc.open_file(file)
                schema = reader.schema
                batches = (reader.get_batch(i) for i in range(reader.num_record_batches))
            else:
                file = stack.enter_context(pa.memory_map(str(path)))
                stream = pa_ipc.open_stream(file)
                schema, batches = stream.schema, iter(stream)
            schema = _named(schema)
        except InputError:
            raise
        except _ERRORS as error:
            fix = "write it again"
            raise unreadable(stored, error, expected="a file of Arrow", fix=fix) from None
        yield schema, guarded(_checked(bounded(batches), schema), str(stored))


@contextlib.contextmanager
def opened_orc(stored: Stored) -> Iterator[Batches]:
    """Open an ORC file; its reader is a process of its own, as a damaged file can crash it.

    Raises:
        InputError: The file is damaged.
    """
    with (
        stored.on_disk() as path,
        output_of(_ORC, path, stored=stored, expected="a file of ORC", fix="write it again") as out,
        pa_ipc.open_stream(out) as stream,
    ):
        yield stream.schema, guarded(stream, str(stored))


def _named(schema: pa.Schema) -> pa.Schema:
    """Return the schema without notes of other programs; its names must be readable."""
    schema = schema.remove_metadata()
    list(schema.names)
    return schema


def _checked(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Pass batches on; a damaged one must not reach code that trusts its offsets."""
    for batch in batches:
        batch.validate(full=True)
        yield pa.record_batch(batch.columns, schema=schema)


def _old_feather(stored: Stored) -> InputError:
    """Refuse version 1: Arrow does not check the places in it, and reads anywhere in memory."""
    return InputError(
        str(stored),
        expected="a Feather file of version 2",
        got="one of version 1, which cannot be read safely",
        fix="if you trust it, write it again: pandas.read_feather(OLD).to_parquet(NEW)",
    )

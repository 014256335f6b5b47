"""JSON: an array of objects, an object a line, or one object of columns."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from churn_torch.bounded import TooMuchError
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers import arrow
from churn_torch.tables.readers.arrow import Announce, Batches
from churn_torch.tables.readers.bounded_database import BATCH_ROWS, connected
from churn_torch.tables.readers.cells_to_arrow import column_of
from churn_torch.tables.readers.free_memory import check_fits
from churn_torch.tables.readers.packing import Stored, unreadable
from churn_torch.tables.readers.text_files import BLOCK, HEAD, look_at, open_utf8
from churn_torch.tables.sql_text import quoted
from churn_torch.whole_files import private_folder

_JSON = "JSON: a list of objects, an object a line, or an object of columns"
# Text that looks like one of these is text: a CSV file gives it as text too.
_AS_TEXT = {"DATE", "TIME", "UUID", "JSON"}
# Bytes of memory for each byte of a document: a short row becomes a dictionary.
_FACTOR = 12
# Bytes of memory for a cell: each row may have columns of its own.
_CELL_BYTES = 32
# Where programs put the rows, in an object that says more.
_ROWS_KEYS = ("data", "rows", "records", "items", "results", "customers", "value")


@contextlib.contextmanager
def opened(stored: Stored, reading: ReadOptions, announce: Announce) -> Iterator[Batches]:
    """Open a JSON file as a table.

    Arrays of objects and JSON lines are streamed by DuckDB, after a pass that finds the types of
    the columns. An object of columns, or one that holds the rows under a key, is read whole.

    Raises:
        InputError: The file holds no table.
    """
    text = look_at(stored, reading, in_lines=False)
    for remark in text.remarks:
        announce(remark)
    with contextlib.ExitStack() as stack:
        path = stack.enter_context(stored.on_disk())
        with path.open("rb") as file:
            marked = file.read(3) == b"\xef\xbb\xbf"
        if marked or not text.encoding.is_utf8:
            path = stack.enter_context(_as_utf8(stored, text.encoding, marked))
        layout = _layout(path)
        if layout is None:
            yield _read_document(stored, path, announce)
        else:
            yield stack.enter_context(_streamed(stored, path, layout))


@contextlib.contextmanager
def _as_utf8(stored: Stored, encoding: Any, marked: bool) -> Iterator[Path]:
    with private_folder() as folder:
        path = folder / "content.json"
        with open_utf8(stored, encoding) as source, path.open("wb") as file:
            if marked and encoding.is_utf8:
                source.read(3)
            while block := source.read(BLOCK):
                file.write(block)
        yield path


def _layout(path: Path) -> str | None:
    """Return DuckDB's word for the layout, None where the file is one object."""
    with path.open("rb") as file:
        start = file.read(HEAD).lstrip()
        if not start.startswith(b"{"):
            return "array"
        file.seek(0)
        line = b"\n"
        while line and not line.strip():
            line = file.readline(BLOCK)
        more = file.read(HEAD).strip()
    try:
        first = json.loads(line)
    except (ValueError, RecursionError):
        return None  # an object of several lines
    return "newline_delimited" if more or not _columns(first) else None


def _columns(document: Any) -> bool:
    """Tell whether an object holds columns or rows, rather than being a row."""
    if not isinstance(document, dict) or not document:
        return False
    return all(isinstance(value, dict | list) for value in document.values()) or (
        _rows_key(document) is not None
    )


def _rows_key(document: Mapping[str, Any]) -> str | None:
    """Return the key under which an object holds rows."""
    for key in (*_ROWS_KEYS, *document):
        value = document.get(key)
        if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
            return key
    return None


@contextlib.contextmanager
def _streamed(stored: Stored, path: Path, layout: str) -> Iterator[Batches]:
    given = f"{quoted(str(path))}, format='{layout}', maximum_object_size={8 * BLOCK}"
    with connected() as database:
        try:
            found = database.rows(
                f"DESCRIBE SELECT * FROM read_json({given}, sample_size=-1, records='true', "
                "field_appearance_threshold=0, map_inference_threshold=-1)"
            )
            types = {name: "VARCHAR" if _is_text(kind) else kind for name, kind, *_ in found}
            columns = ", ".join(f"{quoted(name)}: {quoted(kind)}" for name, kind in types.items())
            schema, batches = database.batches(
                f"SELECT * FROM read_json({given}, records='true', columns={{{columns}}})"
            )
        except (duckdb.Error, UnicodeDecodeError) as error:  # it may cut its message in a letter
            problem = arrow.library_message(error)
            if "maximum_object_size" in problem:  # which nobody can set
                problem = f"an object is longer than {8 * BLOCK:,} bytes"
            raise unreadable(stored, problem, expected=_JSON) from None
        except TooMuchError as error:
            raise arrow.too_large(str(stored), error) from None
        yield schema, arrow.guarded(batches, str(stored))


def _is_text(kind: str) -> bool:
    return kind in _AS_TEXT or kind.startswith("TIMESTAMP")


def _read_document(stored: Stored, path: Path, announce: Announce) -> Batches:
    """Read an object: columns as lists or as objects by row, or rows under a key."""
    check_fits(stored, path.stat().st_size * _FACTOR)
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise unreadable(stored, error, expected=_JSON) from None
    key = None
    if isinstance(document, dict) and isinstance(document.get("columns"), list):
        rows = document.get("data")  # pandas' orient="split"
        if isinstance(rows, list) and all(isinstance(row, list) for row in rows):
            names = [str(name) for name in document["columns"]]
            document = [dict(zip(names, row, strict=False)) for row in rows]
    if isinstance(document, dict) and (key := _rows_key(document)) is not None:
        document = document[key]
        announce(f"{stored.name}: the rows under {key!r} are read.")
    if isinstance(document, list):
        names = list(dict.fromkeys(name for row in document for name in row))
        check_fits(stored, len(document) * len(names) * _CELL_BYTES)
        columns = {name: [row.get(name) for row in document] for name in names}
    elif isinstance(document, dict) and all(isinstance(v, dict) for v in document.values()):
        index = list(dict.fromkeys(row for cells in document.values() for row in cells))
        check_fits(stored, len(document) * len(index) * _CELL_BYTES)
        columns = {name: [cells.get(row) for row in index] for name, cells in document.items()}
    elif isinstance(document, dict) and all(isinstance(v, list) for v in document.values()):
        columns = document
    else:
        columns = {}
    if not columns or len({len(cells) for cells in columns.values()}) != 1:
        raise unreadable(stored, "an object that is no table", expected=_JSON)
    try:
        table = pa.table({str(name): column_of(cells) for name, cells in columns.items()})
    except (UnicodeEncodeError, RecursionError) as error:  # half a letter, as in "\\ud800"
        raise unreadable(stored, error, expected=_JSON) from None
    return table.schema, iter(table.to_batches(BATCH_ROWS))

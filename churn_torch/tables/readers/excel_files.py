"""Excel and OpenDocument workbooks: xlsx, xlsb, xls, ods; read whole, by python-calamine."""

from __future__ import annotations

import datetime
import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa

from churn_torch.errors import InputError, suggest
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers import header_rows
from churn_torch.tables.readers.arrow import Announce, Batches
from churn_torch.tables.readers.bounded_database import BATCH_ROWS
from churn_torch.tables.readers.cells_to_arrow import column_of
from churn_torch.tables.readers.extras import missing
from churn_torch.tables.readers.free_memory import check_fits
from churn_torch.tables.readers.own_process import output_of
from churn_torch.tables.readers.packing import DAMAGED, Stored
from churn_torch.tables.values.cells import scalar_text

_PROGRAM = Path(__file__).with_name("excel_process.py")
# Rows that the header is looked for in.
_HEAD_ROWS = 1000
# Bytes of memory for each byte of XML: a cell takes 17 bytes there at least.
_FACTOR = 6

_Sheet = list[list[Any]]


def read_excel(stored: Stored, reading: ReadOptions, announce: Announce) -> Batches:
    """Read one sheet of a workbook: the one that is named, or the first that is a table.

    Raises:
        InputError: The workbook is damaged, or has no such sheet or none with rows.
    """
    try:
        import python_calamine  # noqa: F401
    except ModuleNotFoundError:
        raise missing("python-calamine", extra="excel", what=str(stored)) from None
    wanted = [] if reading.sheet is None else [str(reading.sheet)]
    with stored.on_disk() as path:
        check_fits(stored, workbook_bytes(path))
        expected, fix = (
            "an Excel or OpenDocument workbook",
            "save it again, or save the sheet as CSV",
        )
        with output_of(_PROGRAM, path, *wanted, stored=stored, expected=expected, fix=fix) as lines:
            names = json.loads(lines.readline())
            taken = lines.readline()
            if not taken:
                raise _no_sheet(stored, names, reading)
            name, found = json.loads(taken)
            rows = [json.loads(line, object_hook=_untagged) for line in lines]
    if len(names) > 1 and not wanted:
        found = [_choice(name, names, reading), *found]
    return _table(stored, rows, found, reading, announce)


def workbook_bytes(path: Path) -> int:
    """Estimate what a workbook takes in memory while it is read: its cells as Python objects."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(info.file_size for info in archive.infolist())
    except DAMAGED:  # .xls, which is not packed
        size = path.stat().st_size
    return size * _FACTOR


def _choice(name: str, names: list[str], reading: ReadOptions) -> str:
    others = ", ".join(repr(other) for other in names if other != name)
    return f"sheet {name!r} is read, not {others}; {reading.prefix}sheet=NAME takes another"


def _no_sheet(stored: Stored, names: list[str], reading: ReadOptions) -> InputError:
    if reading.sheet is None:
        return InputError(
            str(stored),
            expected="a sheet with a table",
            got="none with a header and rows",
            fix="check the workbook",
        )
    name = str(reading.sheet)
    return InputError(
        f"{reading.prefix}sheet",
        expected=f"a sheet of {stored.name!r}",
        got=f"{name!r}{suggest(name, names)}",
        fix=f"name one of {', '.join(map(repr, names[:12]))}, or its position from 0",
    )


def _untagged(cell: dict[str, Any]) -> Any:
    """Return the cell that `excel_process` wrote as an object of JSON."""
    ((kind, value),) = cell.items()
    return value if kind == "days" else getattr(datetime, kind).fromisoformat(value)


def _n_filled(row: list[Any]) -> int:
    return len(_places(row))


def _table(
    stored: Stored, rows: _Sheet, found: list[str], reading: ReadOptions, announce: Announce
) -> Batches:
    """Make a table of the rows of a sheet, without titles above it and notes below it."""
    rows = [row for row in rows[reading.skip or 0 :] if _n_filled(row)]
    if reading.skip is None:
        rows, outside = _without_margins(rows)
        found = [*found, *outside]
    if not rows:
        raise InputError(
            str(stored), expected="a table", got="an empty sheet", fix="check the source"
        )
    head = [[_text(cell) for cell in row] for row in rows[:_HEAD_ROWS]]
    header = header_rows.find_header(head, automatic=reading.skip is None)
    body = rows[header.row + 1 :]
    n = 0
    if reading.skip is None and body:
        end = [[_text(cell) for cell in row] for row in body[-4 * header_rows.MOST_BELOW :]]
        n = header_rows.n_below(end, len(header.names))
    if n:
        first = next(cell for cell in end[len(end) - n] if cell)
        count = "the last row" if n == 1 else f"the last {n} rows"
        found = [*found, f"{count} left out ({first[:60]!r})"]
        body = body[:-n]
    if remarks := [*found, *header.remarks]:
        announce(f"{stored.name}: {'; '.join(remarks)}.")
    kept = [i for i in range(len(header.names)) if i not in header.left_out]
    # Two columns of one name are an error of the user's, told by the caller.
    fields = [(header.names[i], column_of([row[i] for row in body])) for i in kept]
    schema = pa.schema([(name, column.type) for name, column in fields])
    table = pa.Table.from_arrays([column for _, column in fields], schema=schema)
    return schema, iter(table.to_batches(BATCH_ROWS))


def _without_margins(rows: _Sheet) -> tuple[_Sheet, list[str]]:
    """Leave out columns beside the table, in which titles and notes stand; say what they hold."""
    most = max(map(_n_filled, rows), default=0)
    places = [_places(row) for row in rows]
    inside = [at for at in places if 2 * len(at) > most > 1]
    if not inside:
        return rows, []
    first, end = min(at[0] for at in inside), max(at[-1] for at in inside) + 1
    outside = [
        row[i] for row, at in zip(rows, places, strict=True) for i in at if not first <= i < end
    ]
    if not outside:
        return rows, []
    count = "1 cell" if len(outside) == 1 else f"{len(outside)} cells"
    kept = [row[first:end] for row in rows]
    said = f"{count} beside the table left out ({_text(outside[0])[:60]!r})"
    return [row for row in kept if _n_filled(row)], [said]


def _places(row: list[Any]) -> list[int]:
    return [i for i, cell in enumerate(row) if cell is not None and cell != ""]


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    return scalar_text(cell)

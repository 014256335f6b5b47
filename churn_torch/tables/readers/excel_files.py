"""Excel and OpenDocument workbooks: xlsx, xlsb, xls, ods; read whole by python-calamine."""

from __future__ import annotations

import datetime
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa

from churn_torch.errors import InputError, suggest
from churn_torch.tables.cells import scalar_text
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers import header_rows
from churn_torch.tables.readers.arrow import Announce, Batches
from churn_torch.tables.readers.cells_to_arrow import column_of
from churn_torch.tables.readers.extras import missing
from churn_torch.tables.readers.free_memory import check_fits
from churn_torch.tables.readers.packing import Stored, unreadable
from churn_torch.tables.readers.queries import BATCH_ROWS

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
        import python_calamine as calamine
    except ModuleNotFoundError:
        raise missing("python-calamine", extra="excel", what=str(stored)) from None
    with stored.on_disk() as path:
        check_fits(stored, workbook_bytes(path))
        try:
            workbook = calamine.CalamineWorkbook.from_path(str(path))
            names = list(workbook.sheet_names)
            name, rows = _chosen_sheet(workbook, names, stored, reading)
        except (calamine.CalamineError, OSError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            expected = "an Excel or OpenDocument workbook"
            fix = "save it again, or save the sheet as CSV"
            raise unreadable(stored, error, expected=expected, fix=fix) from None
    found = [] if len(names) == 1 or reading.sheet is not None else [_choice(name, names, reading)]
    return _table(stored, rows, found, reading, announce)


def workbook_bytes(path: Path) -> int:
    """Estimate what a workbook takes in memory while it is read: its cells as Python objects."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(info.file_size for info in archive.infolist())
    except (zipfile.BadZipFile, OSError):  # .xls, which is not packed
        size = path.stat().st_size
    return size * _FACTOR


def _choice(name: str, names: list[str], reading: ReadOptions) -> str:
    others = ", ".join(repr(other) for other in names if other != name)
    return f"sheet {name!r} is read, not {others}; {reading.prefix}sheet=NAME takes another"


def _chosen_sheet(
    workbook: Any, names: list[str], stored: Stored, reading: ReadOptions
) -> tuple[str, _Sheet]:
    if reading.sheet is None:
        for name in names:
            rows = _rows(workbook, name)
            if sum(_n_filled(row) > 0 for row in rows) > 1:
                return name, rows
        raise InputError(
            str(stored),
            expected="a sheet with a table",
            got="none with a header and rows",
            fix="check the workbook",
        )
    name = str(reading.sheet)
    if name not in names and name.isdigit() and int(name) < len(names):
        name = names[int(name)]
    if name not in names:
        raise InputError(
            f"{reading.prefix}sheet",
            expected=f"a sheet of {stored.name!r}",
            got=f"{name!r}{suggest(name, names)}",
            fix=f"name one of {', '.join(map(repr, names[:12]))}, or its position from 0",
        )
    return name, _rows(workbook, name)


def _rows(workbook: Any, name: str) -> _Sheet:
    rows: _Sheet = workbook.get_sheet_by_name(name).to_python(skip_empty_area=True)
    return rows


def _n_filled(row: list[Any]) -> int:
    return sum(cell is not None and cell != "" for cell in row)


def _table(
    stored: Stored, rows: _Sheet, found: list[str], reading: ReadOptions, announce: Announce
) -> Batches:
    """Make a table of the rows of a sheet, without titles above it and notes below it."""
    rows = [row for row in rows[reading.skip or 0 :] if _n_filled(row)]
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
    fields = [(header.names[i], column_of([_cell(row[i]) for row in body])) for i in kept]
    schema = pa.schema([(name, column.type) for name, column in fields])
    table = pa.Table.from_arrays([column for _, column in fields], schema=schema)
    return schema, iter(table.to_batches(BATCH_ROWS))


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    return scalar_text(cell)


def _cell(cell: Any) -> Any:
    if isinstance(cell, datetime.timedelta):  # a time of day beyond 24 h
        return cell.total_seconds() / 86_400
    return cell

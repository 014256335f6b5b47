"""A program: writes a sheet of a workbook as lines of JSON, in a process of its own.

Arguments: the path, and the sheet that was asked for or nothing. The first line has the names of
the sheets; the second that of the sheet that is taken, and what is to be said of its cells; then
come its rows. There is no second line if there is no such sheet. It imports nothing of the package,
so it starts at once.
"""

from __future__ import annotations

import datetime
import io
import json
import re
import zipfile
from typing import Any

# Records of an xlsb sheet ([MS-XLSB] 2.3.2, 2.5.9, 2.5.10): a row begins; a cell with its column;
# a cell in the short form, whose column is the next. Excel writes only the first form.
_ROW = 0
_CELLS = {*range(1, 12), 62}
_SHORT_CELLS = range(12, 19)
_TO_CELL = -11

# Of a sheet of Excel and of LibreOffice.
_MOST_COLUMNS = 16_384

# A formula of xlsx without a stored value; that of a formula of text may be empty.
_NO_VALUE = re.compile(
    rb'<c\b(?![^<>]*\bt="str")[^<>]*>\s*'
    rb"(?:<f\b[^<>]*/>|<f\b[^<>]*>[^<]*</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>"
)


def main(path: str, wanted: str | None = None) -> None:
    """Write one sheet: the one that is named, or the first that is a table."""
    import python_calamine

    shown = python_calamine.SheetVisibleEnum.Visible
    workbook = python_calamine.CalamineWorkbook.from_object(_without_short_cells(path))
    names = list(workbook.sheet_names)
    _say(names)
    if wanted is not None and wanted not in names and wanted.isdigit():
        wanted = names[int(wanted)] if int(wanted) < len(names) else wanted
    visible = [sheet.name for sheet in workbook.sheets_metadata if sheet.visible == shown]
    for name in sorted(names, key=lambda name: name not in visible):
        if wanted is not None and name != wanted:
            continue
        sheet = workbook.get_sheet_by_name(name)
        if sheet.width > _MOST_COLUMNS:
            raise ValueError(f"a row has {sheet.width:,} columns, not {_MOST_COLUMNS:,} at most")
        rows = sheet.to_python(skip_empty_area=True)
        if wanted is not None or sum(any(c not in (None, "") for c in row) for row in rows) > 1:
            _say([name, [*_filled(rows, sheet), *_not_computed(path)]])
            for row in rows:
                _say(row)
            return


def _filled(rows: list[list[Any]], sheet: Any) -> list[str]:
    """Give each row of merged cells their value, which is stored in the first one only."""
    n = 0
    for (top, column), (bottom, _) in (rows and sheet.merged_cell_ranges) or ():
        top, bottom, column = top - sheet.start[0], bottom - sheet.start[0], column - sheet.start[1]
        if 0 <= top < bottom < len(rows) and 0 <= column < len(rows[top]):
            n += bottom - top
            for row in rows[top + 1 : bottom + 1]:
                row[column] = rows[top][column]
    return [f"merged cells have their value in every row ({n} filled)"] if n else []


def _not_computed(path: str) -> list[str]:
    """Tell of formulas whose values the program that wrote an xlsx has not stored."""
    if not zipfile.is_zipfile(path):
        return []
    n = 0
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                n += sum(1 for _ in _NO_VALUE.finditer(archive.read(name)))
    how = "save it in Excel or LibreOffice to have their values"
    return [f"formulas without a stored value are read as empty cells ({n}): {how}"] if n else []


def _without_short_cells(path: str) -> str | io.BytesIO:
    """Return a workbook, or a copy with full cells: calamine leaves out short ones."""
    if not zipfile.is_zipfile(path):
        return path
    with zipfile.ZipFile(path) as archive:
        sheets = {}
        for name in archive.namelist():
            if "worksheets/" in name and name.endswith(".bin"):
                sheet = archive.read(name)
                if (full := _full_cells(sheet)) != sheet:
                    sheets[name] = full
        if not sheets:
            return path
        copy = io.BytesIO()
        with zipfile.ZipFile(copy, "w") as written:
            for name in archive.namelist():
                written.writestr(name, sheets.get(name) or archive.read(name))
    copy.seek(0)
    return copy


def _full_cells(sheet: bytes) -> bytes:
    """Return the records of an xlsb sheet with full cells in the place of short ones."""
    parts, column, at, copied = [], -1, 0, 0
    while at < len(sheet):
        begin = at
        kind, at = _number(sheet, at, 2)
        size, at = _number(sheet, at, 4)
        if kind == _ROW:
            column = -1
        elif kind in _CELLS:
            column = int.from_bytes(sheet[at : at + 4], "little")
        elif kind in _SHORT_CELLS:
            column += 1
            longer = [(size + 4) >> 7 * i & 127 | (128 if i < 3 else 0) for i in range(4)]
            head = bytes([kind + _TO_CELL, *longer])
            parts += [sheet[copied:begin], head, column.to_bytes(4, "little")]
            copied = at
        at += size
    return b"".join([*parts, sheet[copied:]])


def _number(content: bytes, at: int, longest: int) -> tuple[int, int]:
    """Return a number of 7 bits a byte, and where it ends."""
    value = 0
    for i in range(longest):
        byte = content[at + i]
        value |= (byte & 127) << 7 * i
        if byte < 128:
            break
    return value, at + i + 1


def _say(value: Any) -> None:
    print(json.dumps(value, default=_tagged))


def _tagged(cell: Any) -> dict[str, Any]:
    if isinstance(cell, datetime.timedelta):  # a time of day beyond 24 h
        return {"days": cell.total_seconds() / 86_400}
    return {type(cell).__name__: cell.isoformat()}

"""A program: writes a sheet of a workbook as lines of JSON, in a process of its own.

Arguments: the path, and the sheet that was asked for or nothing. The first line has the names of
the sheets; then come the name of the sheet that is taken and its rows, or nothing if there is no
such sheet. It imports nothing of the package, so it starts at once.
"""

from __future__ import annotations

import datetime
import json
from typing import Any


def main(path: str, wanted: str | None = None) -> None:
    """Write one sheet: the one that is named, or the first that is a table."""
    import python_calamine

    workbook = python_calamine.CalamineWorkbook.from_path(path)
    names = list(workbook.sheet_names)
    _say(names)
    if wanted is not None and wanted not in names and wanted.isdigit():
        wanted = names[int(wanted)] if int(wanted) < len(names) else wanted
    for name in names:
        if wanted is not None and name != wanted:
            continue
        rows = workbook.get_sheet_by_name(name).to_python(skip_empty_area=True)
        if wanted is not None or sum(any(c not in (None, "") for c in row) for row in rows) > 1:
            _say(name)
            for row in rows:
                _say(row)
            return


def _say(value: Any) -> None:
    print(json.dumps(value, default=_tagged))


def _tagged(cell: Any) -> dict[str, Any]:
    if isinstance(cell, datetime.timedelta):  # a time of day beyond 24 h
        return {"days": cell.total_seconds() / 86_400}
    return {type(cell).__name__: cell.isoformat()}

"""Files of statistics programs: SAS (sas7bdat, xpt), Stata (dta) and SPSS (sav); by pyreadstat."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.ipc as pa_ipc

from churn_torch.tables.readers import formats
from churn_torch.tables.readers.arrow import Announce, Batches
from churn_torch.tables.readers.extras import missing
from churn_torch.tables.readers.free_memory import check_fits
from churn_torch.tables.readers.own_process import output_of
from churn_torch.tables.readers.packing import Stored, unreadable
from churn_torch.tables.readers.queries import BATCH_ROWS

_PROGRAM = Path(__file__).with_name("statistics_process.py")
_READERS = {
    formats.SAS: "read_sas7bdat",
    formats.SAS_TRANSPORT: "read_xport",
    formats.STATA: "read_dta",
    formats.SPSS: "read_sav",
}


def read_statistics(
    stored: Stored, format: str, encoding: str | None, announce: Announce
) -> Batches:
    """Read a whole file. A column whose values all have labels holds these labels.

    Raises:
        InputError: The file is damaged.
    """
    try:
        import pyreadstat
    except ModuleNotFoundError:
        raise missing("pyreadstat", extra="statistics", what=str(stored)) from None
    given = [] if encoding is None else [encoding]
    expected, fix = f"a file of {format}", "write it again, or save the table as CSV"
    with stored.on_disk() as path:
        try:
            meta = getattr(pyreadstat, _READERS[format])(str(path), metadataonly=True)[1]
        except Exception as error:  # errors of its own, of pandas and of Python
            raise unreadable(stored, error, expected=expected, fix=fix) from None
        _check_fits(stored, meta)
        arguments = (_READERS[format], *given)
        with (
            output_of(_PROGRAM, path, *arguments, stored=stored, expected=expected, fix=fix) as out,
            pa_ipc.open_stream(out) as stream,
        ):
            table = stream.read_all()
    if labelled := json.loads(table.schema.metadata[b"labelled"]):
        shown = ", ".join(map(repr, labelled[:6])) + (", ..." if len(labelled) > 6 else "")
        announce(f"{stored.name}: labels are read in place of codes in {shown}.")
    table = table.replace_schema_metadata()
    return table.schema, iter(table.to_batches(BATCH_ROWS))


def _check_fits(stored: Stored, meta: Any) -> None:
    """Refuse a file that says it has more rows than memory; compressed, they may be a few bytes."""
    cells = [max(8, width) for width in (meta.variable_storage_width or {}).values()]
    check_fits(stored, (meta.number_rows or 0) * sum(cells))

"""Files of statistics programs: SAS (sas7bdat, xpt), Stata (dta) and SPSS (sav); by pyreadstat."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pyarrow.ipc as pa_ipc

from churn_torch.tables.readers import formats, free_memory
from churn_torch.tables.readers.arrow import Announce, Batches
from churn_torch.tables.readers.bounded_database import BATCH_ROWS
from churn_torch.tables.readers.extras import missing
from churn_torch.tables.readers.own_process import output_of
from churn_torch.tables.readers.packing import Stored

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
    if importlib.util.find_spec("pyreadstat") is None:
        raise missing("pyreadstat", extra="statistics", what=str(stored))
    expected, fix = f"a file of {format}", "write it again, or save the table as CSV"
    arguments = [_READERS[format], str(free_memory.available_bytes() or sys.maxsize)]
    arguments += [] if encoding is None else [encoding]
    with (
        stored.on_disk() as path,
        output_of(_PROGRAM, path, *arguments, stored=stored, expected=expected, fix=fix) as out,
    ):
        # With more than memory has, it ends here: compressed rows may be a few bytes.
        free_memory.check_fits(stored, int(out.readline()))
        with pa_ipc.open_stream(out) as stream:
            table = stream.read_all()
    if labelled := json.loads(table.schema.metadata[b"labelled"]):
        shown = ", ".join(map(repr, labelled[:6])) + (", ..." if len(labelled) > 6 else "")
        announce(f"{stored.name}: labels are read in place of codes in {shown}.")
    table = table.replace_schema_metadata()
    return table.schema, iter(table.to_batches(BATCH_ROWS))

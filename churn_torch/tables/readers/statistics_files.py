"""Files of statistics programs: SAS (sas7bdat, xpt), Stata (dta) and SPSS (sav); by pyreadstat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import pyarrow as pa

from churn_torch.errors import InputError
from churn_torch.tables.readers import formats
from churn_torch.tables.readers.arrow import Announce, Batches
from churn_torch.tables.readers.extras import missing
from churn_torch.tables.readers.free_memory import check_fits
from churn_torch.tables.readers.packing import Stored, unreadable
from churn_torch.tables.readers.queries import BATCH_ROWS

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
    read = getattr(pyreadstat, _READERS[format])
    with stored.on_disk() as path:
        try:
            _check_fits(stored, read(str(path), metadataonly=True)[1])
            frame, meta = read(str(path), **({} if encoding is None else {"encoding": encoding}))
        except Exception as error:  # errors of its own, of pandas and of Python
            if isinstance(error, InputError):
                raise
            fix = "write it again, or save the table as CSV"
            raise unreadable(stored, error, expected=f"a file of {format}", fix=fix) from None
    labelled = []
    for name, labels in (meta.variable_value_labels or {}).items():
        if name in frame.columns and (texts := _labelled(frame[name], labels)) is not None:
            frame[name] = texts
            labelled.append(name)
    if labelled:
        shown = ", ".join(map(repr, labelled[:6])) + (", ..." if len(labelled) > 6 else "")
        announce(f"{stored.name}: labels are read in place of codes in {shown}.")
    table = pa.Table.from_pandas(_plain(frame), preserve_index=False).replace_schema_metadata()
    return table.schema, iter(table.to_batches(BATCH_ROWS))


def _check_fits(stored: Stored, meta: Any) -> None:
    """Refuse a file that says it has more rows than memory; compressed, they may be a few bytes."""
    cells = [max(8, width) for width in (meta.variable_storage_width or {}).values()]
    check_fits(stored, (meta.number_rows or 0) * sum(cells))


def _labelled(series: pd.Series, labels: Mapping[Any, str]) -> pd.Series | None:
    """Return the labels of all values; None where some value has none, as in a measurement."""
    present = series.dropna()
    if present.empty or not set(present.unique()) <= set(labels):
        return None
    if len(set(labels.values())) < len(labels):  # two values with one label
        return None
    return series.map(labels)


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Whole numbers that came as float64 become integers, an empty text is missing."""
    columns = {}
    for name in frame.columns:
        series = frame[name]
        if series.dtype == "float64":
            present = series.dropna()
            if len(present) and ((present % 1 == 0) & (present.abs() < 2**53)).all():
                series = series.astype("Int64")
        elif series.dtype == object or isinstance(series.dtype, pd.StringDtype):
            series = series.mask(series.map(lambda cell: isinstance(cell, str) and cell == ""))
        columns[name] = series
    return pd.DataFrame(columns)

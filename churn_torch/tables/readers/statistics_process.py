"""A program: writes a file of a statistics program as a stream of Arrow, in a process of its own.

Arguments: the path, the function of pyreadstat, how many bytes of memory are free, and the encoding
if it was named. pyreadstat crashes at damaged files, and takes gigabytes where one claims so many
rows. The first line says what the table takes in memory; where that is more than is free, there is
nothing else.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.ipc as pa_ipc
import pyreadstat


def main(path: str, reader: str, free: str, encoding: str | None = None) -> None:
    """Write the table; its metadata name the columns that hold labels."""
    given = {} if encoding is None else {"encoding": encoding}
    read = getattr(pyreadstat, reader)
    meta = read(path, metadataonly=True, **given)[1]
    cells = [max(8, width) for width in (meta.variable_storage_width or {}).values()]
    needed = (meta.number_rows or 0) * sum(cells)
    sys.stdout.buffer.write(f"{needed}\n".encode())
    if needed > int(free):
        return
    frame, meta = read(path, **given)
    labelled = []
    for name, labels in (meta.variable_value_labels or {}).items():
        if name in frame.columns and (texts := _labelled(frame[name], labels)) is not None:
            frame[name] = texts
            labelled.append(name)
    table = pa.Table.from_pandas(_plain(frame), preserve_index=False)
    table = table.replace_schema_metadata({"labelled": json.dumps(labelled)})
    with pa_ipc.new_stream(sys.stdout.buffer, table.schema) as writer:
        writer.write_table(table)


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

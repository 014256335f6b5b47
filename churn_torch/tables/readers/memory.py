"""Memory: how much a table needs."""

from __future__ import annotations

from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers import formats, parquet_files, sources
from churn_torch.tables.readers.csv_form import form_of
from churn_torch.tables.readers.excel_files import workbook_bytes
from churn_torch.tables.readers.packing import Stored, unpacked_bytes

# Files that are packed inside grow to about so many times their size.
_FACTORS = {formats.ARROW: 2, formats.ORC: 4}


def estimated_bytes(source: sources.Source, reading: ReadOptions = sources.PLAINLY) -> int | None:
    """Estimate the size of a table in memory from its files, or return None if it has none.

    Parquet files state it in their footers. CSV takes what it unpacks to and 8 bytes a cell; other
    formats take a multiple of what they unpack to.
    """
    paths = sources.files(source, reading)
    if paths is None:
        return None
    return sum(_estimate(*part, reading) for path in paths for part in formats.parts(path))


def _estimate(stored: Stored, format: str, reading: ReadOptions) -> int:
    if format == formats.CSV:
        return form_of(stored, reading).memory
    if format == formats.PARQUET and not stored.packing:
        return parquet_files.estimated_bytes(stored.path)
    if format == formats.EXCEL and not stored.packing:
        return workbook_bytes(stored.path)
    return unpacked_bytes(stored) * _FACTORS.get(format, 1)

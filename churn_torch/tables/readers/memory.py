"""Memory: how much a table needs, and how much is free."""

from __future__ import annotations

import os
from pathlib import Path

from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers import formats, parquet_files, sources
from churn_torch.tables.readers.csv_form import form_of
from churn_torch.tables.readers.packing import Stored

# Files that are packed inside grow to about so many times their size.
_FACTORS = {formats.EXCEL: 10, formats.ARROW: 2, formats.ORC: 4}
_PACKED_FACTOR = 8
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def estimated_bytes(source: sources.Source, reading: ReadOptions = sources.PLAINLY) -> int | None:
    """Estimate the size of a table in memory from its files, or return None if it has none.

    Parquet files state it in their footers. CSV takes what it unpacks to and 8 bytes a cell; other
    formats take a multiple of their size.
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
    size = stored.path.stat().st_size
    return size * _FACTORS.get(format, 1) * (_PACKED_FACTOR if stored.packing else 1)


def available_bytes() -> int | None:
    """Return the memory that is free for use, or the container's limit if that is lower.

    None where the system does not say.
    """
    sizes = []
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        sizes += [int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:")]
    except OSError:  # not Linux: take the whole memory
        if "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {}):
            sizes.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for limit in map(Path, _LIMITS):
        if limit.is_file() and limit.read_text().strip() != "max":
            sizes.append(int(limit.read_text()))
    return min(sizes, default=None)

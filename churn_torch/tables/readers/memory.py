"""Memory: how much a table needs, and how much is free."""

from __future__ import annotations

import os
from pathlib import Path

from churn_torch.tables.readers import parquet_files, sources
from churn_torch.tables.readers.paths import is_parquet

# A gzipped CSV grows to about so many times its size.
_GZIP_FACTOR = 8
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def estimated_bytes(source: sources.Source, database: str | None = None) -> int | None:
    """Estimate the size of a table in memory from its files, or return None if it has none.

    Parquet files state it in their footers. A CSV file takes about its own size, a gzipped one 8
    times that.
    """
    paths = sources.files(source, database)
    if paths is None:
        return None
    size = 0
    for path in paths:
        if is_parquet(path):
            size += parquet_files.estimated_bytes(path)
        else:
            size += path.stat().st_size * (_GZIP_FACTOR if path.suffix.lower() == ".gz" else 1)
    return size


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

"""Free memory, and a refusal of files that are read whole and do not fit into it."""

from __future__ import annotations

import os
from pathlib import Path

from churn_torch.errors import InputError
from churn_torch.tables.readers.packing import Stored

# The share of the free memory that a query, or a batch of rows, may take.
_SHARE = 0.75
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


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


def memory_limit() -> int | None:
    """Return how many bytes a step of reading may take: a share of the free memory.

    None where the system does not say what is free.
    """
    free = available_bytes()
    return None if free is None else int(_SHARE * free)


def check_fits(stored: Stored, n_bytes: int) -> None:
    """Refuse a file that is read whole, before it is.

    Args:
        stored: The file.
        n_bytes: What it is expected to take.

    Raises:
        InputError: That is more than the free memory.
    """
    available = available_bytes()
    if available is not None and n_bytes > available:
        raise InputError(
            str(stored),
            expected=f"a table that fits into the free memory ({available / 1e9:.1f} GB), as files "
            "of this format are read whole",
            got=f"one that takes about {n_bytes / 1e9:.1f} GB when it is unpacked",
            fix="save it as CSV or Parquet, which are read in parts",
        )

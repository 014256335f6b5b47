"""Checks of the folder for preprocessed rows: no file of others is in it, and they fit the disk."""

from __future__ import annotations

import shutil
from pathlib import Path

from churn_torch.errors import InputError
from churn_torch.tables.labelled.rows import PARTS
from churn_torch.training.rows.store import ARRAYS
from churn_torch.whole_files import in_bytes

# Files beside those of the arrays.
COMPLETE, CARRIED, SAMPLE = "complete.json", "carried.parquet", "sample.parquet"
# Held by every training that uses the folder.
LOCK = ".lock"


def check_own(folder: Path) -> None:
    """Refuse to delete files that no earlier run wrote.

    Raises:
        InputError: There are some.
    """
    own = {COMPLETE, CARRIED, SAMPLE, LOCK, *(f"{part}.{a}" for part in PARTS for a in ARRAYS)}
    others = sorted({p.name for p in folder.iterdir()} - own) if folder.is_dir() else []
    if others:
        raise InputError(
            "cache.folder",
            expected="a new or empty folder, or the features of an earlier run",
            got=f"{str(folder)!r} with {others[0]!r} in it",
            fix="name another",
        )


def remove_features(folder: Path) -> None:
    """Remove the features in a folder, first the file that says they are whole."""
    (folder / COMPLETE).unlink(missing_ok=True)
    for path in folder.iterdir():
        if path.name != LOCK:
            path.unlink()


def check_room(folder: Path, n_bytes: int, most_bytes: float) -> None:
    """Refuse features that are larger than they may be, or than the disk has room for.

    Args:
        folder: Where they are to be.
        n_bytes: Their size.
        most_bytes: The most that is allowed.

    Raises:
        InputError: As said.
    """
    if n_bytes > most_bytes:
        raise InputError(
            "cache.max_gb",
            expected=f"features of at most {in_bytes(most_bytes)} on disk",
            got=f"{in_bytes(n_bytes)}",
            fix="raise it, or leave columns out (data.ignore)",
        )
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if n_bytes > free:
        raise InputError(
            "cache",
            expected=f"{in_bytes(n_bytes)} of free disk in {str(folder)!r} for the features",
            got=f"{in_bytes(free)}",
            fix="name a folder on a larger disk as cache.folder",
        )

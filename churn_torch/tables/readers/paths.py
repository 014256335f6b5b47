"""Files: which ones a path, a glob or a folder stands for, and what they hold."""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path

from churn_torch.errors import InputError, suggest

_DATA_NAME = re.compile(r"[^_.].*\.(parquet|pq|(csv|tsv|txt)(\.gz)?)", re.IGNORECASE)


def find_files(source: str | Path) -> list[Path]:
    """Return the files that a path, glob or folder stands for, sorted.

    Raises:
        InputError: There are none.
    """
    path = Path(source).expanduser()
    if os.path.isfile(path):  # unlike Path.is_file, not upset by overlong names
        return [path]
    if os.path.isdir(path):
        files = (file for file in path.rglob("*") if _DATA_NAME.fullmatch(file.name))
        # Writers such as Spark leave _SUCCESS and hidden files beside the data.
        found = sorted(file for file in files if file.is_file() and not _is_hidden(file, path))
        if not found:
            raise InputError(
                f"expected Parquet or CSV files in the folder {str(source)!r}, however: it has "
                "none; name another folder or a file"
            )
        return found
    if glob.has_magic(str(path)):
        matches = (Path(name) for name in glob.glob(str(path), recursive=True))
        found = sorted(file for file in matches if file.is_file())
        if not found:
            raise InputError(
                f"expected files that match {str(source)!r}, however: there are none; "
                "check the folder and the pattern"
            )
        return found
    raise InputError(
        f"expected a file, a folder, a glob or SELECT ..., however: {str(source)[:200]!r} is not "
        f"there{near(path)}; check the path"
    )


def _is_hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)


def near(path: Path) -> str:
    """Name the file beside a missing one that it was probably meant to be."""
    if not os.path.isdir(path.parent):
        return f", nor its folder {str(path.parent)!r}"
    return suggest(path.name, os.listdir(path.parent))


def is_parquet(path: Path) -> bool:
    """Tell Parquet from text by its first bytes; the name only decides what to complain about."""
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise InputError(
            f"expected a readable file, however: {str(path)!r} cannot be opened "
            f"({error.strerror}); check its permissions"
        ) from None
    if not head:
        raise InputError(
            f"expected a table, however: {str(path)!r} is empty (0 bytes); check the source"
        )
    if head == b"PAR1":
        return True
    if path.suffix.lower() in (".parquet", ".pq"):
        raise InputError(
            f"expected a Parquet file, however: {str(path)!r} does not start like one; "
            "write it again, or name it .csv if it is one"
        )
    return False

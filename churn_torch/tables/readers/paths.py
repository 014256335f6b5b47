"""Files: which ones a path, a glob or a folder stands for, and whether they are Parquet."""

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
        named = (file for file in path.rglob("*") if _DATA_NAME.fullmatch(file.name))
        # Writers such as Spark leave _SUCCESS and hidden files beside the data.
        files = sorted(file for file in named if file.is_file() and not _is_hidden(file, path))
        if not files:
            raise InputError(
                f"folder {str(source)!r}",
                expected="Parquet or CSV files in it",
                got="none",
                fix="name another folder or a file",
            )
        return files
    if glob.has_magic(str(path)):
        matches = (Path(name) for name in glob.glob(str(path), recursive=True))
        files = sorted(file for file in matches if file.is_file())
        if not files:
            raise InputError(
                "source",
                expected=f"files that match {str(source)!r}",
                got="none",
                fix="check the folder and the pattern",
            )
        return files
    raise InputError(
        "source",
        expected="a file, a folder, a glob or SELECT ...",
        got=f"{str(source)[:200]!r}, which is not there{near(path)}",
        fix="check the path",
    )


def _is_hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)


def near(path: Path) -> str:
    """Name the file in the folder of a missing one that was probably meant, to add to a message."""
    if not os.path.isdir(path.parent):
        return f", nor its folder {str(path.parent)!r}"
    return suggest(path.name, os.listdir(path.parent))


def is_parquet(path: Path) -> bool:
    """Tell Parquet from text by its first bytes.

    Raises:
        InputError: The file cannot be opened, is empty, or is named like Parquet and is not.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise InputError(
            str(path),
            expected="a readable file",
            got=f"one that cannot be opened ({error.strerror})",
            fix="check its permissions",
        ) from None
    if not head:
        raise InputError(
            str(path), expected="a table", got="an empty file (0 bytes)", fix="check the source"
        )
    if head == b"PAR1":
        return True
    if path.suffix.lower() in (".parquet", ".pq"):
        raise InputError(
            str(path),
            expected="a Parquet file",
            got="one that does not start like Parquet",
            fix="write it again, or name it .csv if it is a CSV file",
        )
    return False

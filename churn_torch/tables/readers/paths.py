"""Files: which ones a path, a glob or a folder stands for."""

from __future__ import annotations

import glob
import os
import re
from itertools import islice
from pathlib import Path

from churn_torch.errors import InputError, suggest
from churn_torch.tables.readers import formats, packing

_SUFFIXES = "|".join(
    suffix[1:] for suffix in (*formats.SUFFIXES, ".csv", ".tsv", ".txt", ".zip") if suffix
)
# In a folder, at any depth: more take minutes to look through, such as those of a whole disk.
MOST_FILES = 100_000
_PACKED = "|".join(suffix[1:] for suffix in packing.SUFFIXES)
_DATA_NAME = re.compile(rf"[^_.].*\.({_SUFFIXES})(\.({_PACKED}))?", re.IGNORECASE)


def find_files(source: str | Path) -> list[Path]:
    """Return the files that a path, glob or folder stands for, sorted.

    Raises:
        InputError: There are none, or they are those of a Delta or Iceberg table.
    """
    path = Path(source).expanduser()
    if os.path.isfile(path):  # unlike Path.is_file, not upset by overlong names
        return [path]
    if os.path.isdir(path):
        _refuse_lake(path, source)
        found = list(islice(path.rglob("*"), MOST_FILES + 1))
        if len(found) > MOST_FILES:
            raise InputError(
                f"folder {str(source)!r}",
                expected=f"a folder of one table, with at most {MOST_FILES:,} files and folders",
                got="more",
                fix="name the folder or the file that the table is in",
            )
        named = (file for file in found if _DATA_NAME.fullmatch(file.name))
        # Writers such as Spark leave _SUCCESS and hidden files beside the data.
        files = sorted(file for file in named if file.is_file() and not _is_hidden(file, path))
        if not files:
            raise InputError(
                f"folder {str(source)!r}",
                expected="files of tables in it, such as Parquet or CSV",
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
    check_regular(path)
    raise InputError(
        "source",
        expected="a file, a folder, a glob or SELECT ...",
        got=f"{str(source)[:200]!r}, which is not there{near(path)}",
        fix="check the path",
    )


def check_regular(path: str | Path) -> None:
    """Refuse what is no file or folder: to read a pipe or a device may never end.

    Raises:
        InputError: It is a pipe, a socket or a device.
    """
    if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        raise InputError(
            "source",
            expected="a file, a folder, a glob or SELECT ...",
            got=f"{str(path)[:200]!r}, which is a pipe or a device",
            fix="write the rows into a file first",
        )


def _refuse_lake(folder: Path, source: str | Path) -> None:
    """Refuse a folder whose Parquet files alone are not the table: some of them are outdated."""
    if (folder / "_delta_log").is_dir():
        kind, way = "Delta", "DeltaTable(path).to_pandas() of the package deltalake"
    elif any(folder.glob("metadata/*.metadata.json")):
        kind, way = "Iceberg", "table.scan().to_pandas() of the package pyiceberg"
    else:
        return
    raise InputError(
        f"folder {str(source)!r}",
        expected="files that are the table",
        got=f"a table of {kind}, whose folder also holds rows that were removed from it",
        fix=f"write its present rows to Parquet first, or pass a DataFrame from Python ({way})",
    )


def _is_hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)


def near(path: Path) -> str:
    """Name the file in the folder of a missing one that was probably meant, to add to a message."""
    if not os.path.isdir(path.parent):
        return f", nor its folder {str(path.parent)!r}"
    return suggest(path.name, os.listdir(path.parent))

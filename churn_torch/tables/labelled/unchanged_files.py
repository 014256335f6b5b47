"""The files of a table that is read several times: they must not change meanwhile."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from churn_torch.errors import InputError
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers import sources

FileSizes = dict[Path, int]


def sizes_of(source: sources.Source, reading: ReadOptions) -> FileSizes:
    """Return the bytes of each file of a table; empty for a query, an address or a DataFrame.

    Raises:
        InputError: There are no files.
    """
    return {path: path.stat().st_size for path in sources.files(source, reading) or []}


def check_unchanged(source: sources.Source, reading: ReadOptions, before: FileSizes) -> None:
    """Check that a table has the files of before, and that these have the sizes of before.

    Raises:
        InputError: A file is larger or smaller, new or gone.
    """
    now = sizes_of(source, reading)
    for path in sorted({*before, *now}):
        if before.get(path) != now.get(path):
            raise InputError(
                str(path),
                expected="a file that stays as it is while it is read several times",
                got=f"{_size(before, path)} before and {_size(now, path)} now",
                fix="train again when nothing writes to it, or on a copy",
            )


@contextlib.contextmanager
def unchanged(source: sources.Source, reading: ReadOptions, before: FileSizes) -> Iterator[None]:
    """Check a table before and after it is read.

    A change also explains errors in between, such as a last line that is cut.

    Raises:
        InputError: As for `check_unchanged`.
    """
    check_unchanged(source, reading, before)
    try:
        yield
    except Exception:
        check_unchanged(source, reading, before)
        raise
    check_unchanged(source, reading, before)


def _size(sizes: FileSizes, path: Path) -> str:
    return f"{sizes[path]:,} bytes" if path in sizes else "no file"

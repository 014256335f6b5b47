"""The database that computes features: in memory, bounded, and locked to one folder."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import duckdb

from churn_torch.bounded import TooMuchError
from churn_torch.errors import InputError, first_line
from churn_torch.tables.readers import arrow
from churn_torch.tables.readers.bounded_database import Database, Setting, connected
from churn_torch.tables.readers.query_errors import is_disk_full
from churn_torch.tables.sql_text import quoted

MEMORY = "1GB"


@contextmanager
def open_database(folder: Path, memory: str, threads: int | None) -> Iterator[Database]:
    """Open a database in memory that reaches one folder and nothing else.

    Args:
        folder: For what it spills and for what it is told to write.
        memory: The most that DuckDB may use by its own count.
        threads: None for one a core.

    Raises:
        InputError: The memory is no amount, or not enough for what runs in the block.
        OSError: The folder cannot be written; it is not named.
    """
    settings: dict[str, Setting] = {
        "memory_limit": memory,
        "temp_directory": str(folder / "spilled"),
        "preserve_insertion_order": "false",
    }
    if threads is not None:
        settings["threads"] = threads
    with ExitStack() as stack:
        try:
            database = stack.enter_context(connected(settings))
        except duckdb.Error as error:
            raise InputError(
                "memory",
                expected="an amount of memory such as 1GB",
                got=f"{memory!r} ({arrow.library_message(error)})",
                fix="correct it",
            ) from None
        for statement in (
            "SET enable_progress_bar = false",  # it would print its own
            "SET TimeZone = 'UTC'",
            f"SET allowed_directories = [{quoted(str(folder))}]",
            "SET enable_external_access = false",
            "SET lock_configuration = true",
        ):
            database.rows(statement)
        try:
            yield database
        except TooMuchError as error:
            raise InputError(
                "events",
                expected="features that the free memory is enough for",
                got=f"some that take {error}",
                fix="use fewer windows and columns or a plainer filter, or end other programs",
            ) from None
        except duckdb.OutOfMemoryException as error:
            if is_disk_full(error):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
            raise InputError(
                "memory",
                expected="enough memory for the features of a part of the customers",
                got=f"{memory} ({first_line(error)})",
                fix="set a larger memory=..., or fewer windows and columns",
            ) from None
        except duckdb.IOException as error:  # nothing is read here but what was written here
            said = (code for code in errno.errorcode if os.strerror(code) in str(error))
            code = next(said, errno.EIO)
            raise OSError(code, os.strerror(code)) from error

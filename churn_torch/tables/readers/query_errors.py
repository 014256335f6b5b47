"""Sentences for queries that DuckDB does not run."""

from __future__ import annotations

import errno
import os
import re
import tempfile

import duckdb

from churn_torch.errors import InputError, first_line
from churn_torch.tables.readers import arrow


def too_large(got: str) -> InputError:
    """Return the sentence for a query that takes too much memory."""
    return InputError(
        "query",
        expected="a query that the free memory is enough for",
        got=got,
        fix="let it make fewer rows or shorter texts, or end other programs",
    )


# What DuckDB says where it cannot lay aside what the memory does not hold.
_NO_ROOM = re.compile(
    "Out of Memory Error: failed to offload data block"
    f"|IO Error: .*{re.escape(os.strerror(errno.ENOSPC))}"
)


def is_disk_full(error: BaseException) -> bool:
    """Return whether DuckDB has no room for its temporary files."""
    return _NO_ROOM.search(str(error)) is not None


def disk_full() -> InputError:
    """Return the sentence for a query that finds no room for temporary files."""
    return InputError(
        "query",
        expected=f"room in {tempfile.gettempdir()!r} for what the memory does not hold",
        got="a full disk",
        fix="free it, name a folder on another disk (TMPDIR=FOLDER), or let the query sort, join "
        "and group fewer rows",
    )


def refused(error: duckdb.Error, *, is_address: bool = False) -> InputError:
    """Return the sentence for what DuckDB refuses, in a query or of an address."""
    got = f"the error {arrow.library_message(error)!r}"
    if is_disk_full(error):
        return disk_full()
    if isinstance(error, duckdb.OutOfMemoryException):
        return too_large(f"the error {first_line(error)!r}")
    if is_address:
        return InputError(
            "source",
            expected="an address that DuckDB can read",
            got=got,
            fix="check the address, its rights and the network",
        )
    fix = "correct the query or the database"
    if "installing and loading" in str(error):
        got = f"the error {first_line(error)!r}"
        fix = (
            "a query loads no extensions, so save the table as Parquet or CSV first, or name an "
            "address (s3://..., https://...) as the source itself"
        )
    elif re.search("not utf-8|invalid unicode|invalid utf-?8", str(error), re.IGNORECASE):
        fix = (
            "leave out the options of read_csv, or name the file itself as the source: its "
            "encoding is then found, and encoding=NAME (data.encoding in a training) sets it"
        )
    elif encoding := re.search('does not support the encoding: "([^"]*)"', str(error)):
        return InputError(
            "query",
            expected="an encoding that read_csv of DuckDB knows (utf-8, utf-16 or latin-1)",
            got=repr(encoding[1]),
            fix="leave out the options of read_csv (SELECT ... FROM 'FILE'), and set "
            f"encoding={encoding[1]} (data.encoding={encoding[1]} in a training)",
        )
    elif "file system operations are disabled" in str(error):
        fix = (
            "a query opens only files whose names stand in it, not those of a view or of parts put "
            "together, so write the name into the query"
        )
    elif "file handle conflict" in str(error):
        fix = "close the connection that this program has open to the database"
    return InputError("query", expected="a SELECT that DuckDB can run", got=got, fix=fix)

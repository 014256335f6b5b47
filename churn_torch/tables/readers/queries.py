"""Queries: one SELECT that DuckDB runs without the right to write or to load extensions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from churn_torch.bounded import TooMuchError
from churn_torch.errors import InputError
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers import arrow, csv_in_queries
from churn_torch.tables.readers.bounded_database import Setting, connected
from churn_torch.tables.readers.locked_database import attach, lock, named_files
from churn_torch.tables.readers.paths import near
from churn_torch.tables.readers.query_errors import disk_full, is_disk_full, refused, too_large
from churn_torch.tables.sql_text import is_utf8, quoted
from churn_torch.whole_files import private_folder

# Spaces and comments, then the first word. Possessive: no text makes the search slow.
_START = re.compile(
    r"(?>\s|--[^\n]*\n|/\*.*?\*/)*+(select|with)[\s(*\"']", re.IGNORECASE | re.DOTALL
)
_PLAINLY = ReadOptions()
_ADDRESS = re.compile(r"\w+://")

# Files in a query, and words that say how dates in them are read.
_CSV_NAMES = re.compile(r"'((?:[^']|'')+\.(?:csv|tsv|txt)(?:\.gz)?)'", re.IGNORECASE)
_NAMED_FORMS = re.compile(
    r"dateformat|all_varchar|auto_detect|columns\s*=|types\s*=", re.IGNORECASE
)

# What a user's query runs under; `locked` adds which files it may open.
_USER_QUERY: dict[str, Setting] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_persistent_secrets": "false",
    "explain_output": "all",
}
# Operators that the plan of a query may have. All others are refused, because a SELECT can write
# (to DuckDB's parser `WITH t AS (COPY ... TO 'file') SELECT ...` is one), read any file as text and
# run another query in a function (json_execute_serialized_sql, destroy_external_resource).
_READERS = {"SEQ_SCAN", "READ_PARQUET", "PARQUET_SCAN", "READ_CSV", "READ_CSV_AUTO"}
_READERS |= {"READ_JSON", "READ_JSON_AUTO", "READ_NDJSON", "READ_NDJSON_AUTO"}
_GENERATORS = {"RANGE", "GENERATE_SERIES", "REPEAT", "UNNEST", "JSON_EACH", "JSON_TREE"}
_GENERATORS |= {"DUMMY_SCAN", "EXPRESSION_GET", "COLUMN_DATA_SCAN", "CHUNK_GET", "EMPTY_RESULT"}
_JOINS = {"COMPARISON_JOIN", "ANY_JOIN", "ASOF_JOIN", "POSITIONAL_JOIN", "CROSS_PRODUCT"}
_JOINS |= {"DEPENDENT_JOIN", "DELIM_JOIN", "DELIM_GET", "UNION", "EXCEPT", "INTERSECT"}
_CLAUSES = {"PROJECTION", "FILTER", "AGGREGATE", "DISTINCT", "WINDOW", "PIVOT", "ORDER_BY"}
_CLAUSES |= {"LIMIT", "TOP_N", "SAMPLE", "CTE", "CTE_SCAN", "REC_CTE"}
_ALLOWED = _READERS | _GENERATORS | _JOINS | _CLAUSES


@dataclass(frozen=True)
class Query:
    """A SELECT statement.

    Attributes:
        sql: The statement.
        is_address: It was written here for an address that the user named: DuckDB may load the
            extension that reads it (httpfs).
    """

    sql: str
    is_address: bool = False


def is_query(text: str) -> bool:
    """Tell whether a text starts like a query: with SELECT or WITH, after comments if any."""
    return _START.match(text) is not None


def of_address(text: str) -> Query | None:
    """Return the query that reads an address (``s3://...``, ``https://...``), None for a path."""
    if not _ADDRESS.match(text):
        return None
    if re.search(r"\.(parquet|pq)(\?|$)", text):
        return Query(f"SELECT * FROM read_parquet({quoted(text)})", is_address=True)
    if re.search(r"\.(json|jsonl|ndjson)(\.gz)?(\?|$)", text):
        return Query(f"SELECT * FROM read_json({quoted(text)})", is_address=True)
    return Query(f"SELECT * FROM read_csv({quoted(text)}, all_varchar=true)", is_address=True)


@contextmanager
def opened(
    query: Query,
    reading: ReadOptions = _PLAINLY,
    announce: arrow.Announce = lambda sentence: None,
) -> Iterator[arrow.Batches]:
    """Run a query and give its schema and its record batches.

    A user's query must be one statement of type SELECT. It runs in a connection that cannot load
    extensions or change settings, and that opens no files but those whose names stand in the query:
    what a view of a database names is not opened. A database file is opened read-only. CSV files
    that the query names are read as their paths are (`csv_in_queries`).

    A query may take as long as it takes, but a signal ends it at once, and it holds to three
    quarters of the memory that is free when it starts.

    Args:
        query: What to run.
        reading: The DuckDB file it runs in, None for one in memory; how CSV files are read.
        announce: As for `sources.read`.

    Raises:
        InputError: The database is not there, the query is not one SELECT that only reads, DuckDB
            cannot run it, or it takes too much memory.
    """
    database = reading.database
    path = None if database is None else Path(database).expanduser()
    if path is not None and not path.is_file():
        raise InputError(
            "database",
            expected="a DuckDB file",
            got=f"{database!r}, which is not there{near(path)}",
            fix="check the path",
        )
    try:
        with ExitStack() as stack:
            running = stack.enter_context(connected({} if query.is_address else _USER_QUERY))
            if path is not None:
                running.run(lambda connection: attach(connection, path))
            sql, metadata = query.sql, dict[bytes, bytes]()
            if not query.is_address:
                running.run(lambda connection: _check_statements(connection, sql))
                files = running.run(lambda connection: named_files(connection, sql))
                scratch = stack.enter_context(private_folder())
                sql, metadata = csv_in_queries.prepare(running, sql, reading, announce, scratch)
                running.run(lambda connection: lock(connection, sql, files, scratch))
                # DuckDB computes what is constant in a plan.
                if running.run(lambda connection: _check_plan(connection, sql)):
                    _check_years(sql)
            schema, batches = running.batches(sql)
            yield (
                schema.with_metadata(metadata),
                arrow.guarded(_holding(batches), "the rows of the query"),
            )
    except duckdb.Error as error:
        raise refused(error, is_address=query.is_address) from None
    except TooMuchError as error:
        raise too_large(f"one that takes {error}") from None


def _holding(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Pass on batches, with a sentence where one takes too much memory or disk."""
    try:
        yield from batches
    except TooMuchError as error:
        raise too_large(f"one that takes {error}") from None
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        if is_disk_full(error):
            raise disk_full() from None
        raise


def tables_of(path: Path) -> dict[str, tuple[str, str]]:
    """Return the schema and name of each table and view of a DuckDB file, by how it is called.

    The schema is part of that where it is not ``main``.

    Raises:
        InputError: The file cannot be opened.
    """
    try:
        with connected(_USER_QUERY) as database:
            database.run(lambda connection: attach(connection, path))
            found = database.rows(
                "SELECT table_schema, table_name FROM information_schema.tables "
                "WHERE table_catalog = current_database() ORDER BY ALL"
            )
    except duckdb.Error as error:
        raise refused(error) from None
    return {
        name if schema == "main" else f"{schema}.{name}": (schema, name) for schema, name in found
    }


def _check_statements(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Refuse all but one statement of type SELECT, by DuckDB's own parser.

    Raises:
        InputError: There are more statements, or it is another.
        duckdb.Error: DuckDB cannot parse it.
    """
    if not is_utf8(sql):
        raise InputError(
            "query",
            expected="a query in UTF-8",
            got=f"{sql[:200]!r}",
            fix="correct the letters, or name a file that has them as the source itself",
        )
    kinds = [statement.type.name for statement in connection.extract_statements(sql)]
    if kinds != ["SELECT"]:
        raise InputError(
            "query",
            expected="exactly one SELECT statement",
            got=", ".join(kinds) or "no statement",
            fix="name one SELECT; a query may only read",
        )


def _check_plan(connection: duckdb.DuckDBPyConnection, sql: str) -> bool:
    """Refuse a statement that does anything else than read.

    Returns:
        Whether DuckDB itself reads CSV files for it.

    Raises:
        InputError: Its plan holds other operators.
        duckdb.Error: DuckDB finds no such table.
    """
    # The first plan is the one before optimization: nothing is left out of it.
    plan = connection.execute(f"EXPLAIN (FORMAT json) {sql}").fetchall()[0][1]
    operators = set(_operators(json.loads(plan)))
    if other := sorted(operators - _ALLOWED):
        raise InputError(
            "query",
            expected="a SELECT over tables and CSV, Parquet or JSON files",
            got=f"one that also runs {', '.join(other)}",
            fix="remove that part",
        )
    return not operators.isdisjoint({"READ_CSV", "READ_CSV_AUTO"})


def _check_years(sql: str) -> None:
    """Refuse a query in which DuckDB would take 31.01.24 in a CSV for a day of 2031.

    Raises:
        InputError: It would.
    """
    if _NAMED_FORMS.search(sql):
        return
    for name in _CSV_NAMES.findall(sql):
        with connected() as database:
            try:
                found = database.rows(f"SELECT DateFormat FROM sniff_csv('{name}')")
            except duckdb.Error:  # the query itself will tell
                continue
        if found and str(found[0][0]).startswith("%y"):
            raise InputError(
                "query",
                expected="dates that DuckDB reads as they are meant",
                got=f"years of two digits in {name!r}, which it takes to stand first",
                fix="name the file itself as the source, or read it as text in the query "
                "(read_csv(..., all_varchar=true))",
            )


def _operators(plan: list[dict[str, Any]]) -> Iterator[str]:
    for operator in plan:
        yield operator["name"]
        yield from _operators(operator["children"])

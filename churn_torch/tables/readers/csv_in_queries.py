"""CSV files in queries: DuckDB gets the table that the path of the file would give.

DuckDB's own reader turns Yes into true and 007 into 7, and knows no footers. So the files that a
query names are read as `csv_files` reads them, and their columns have a type only where it loses
nothing: whole numbers, numbers, dates and times that are all written in one plain way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from churn_torch.errors import InputError
from churn_torch.tables.inference.file_decimal import file_decimal, may_group
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers import arrow, formats
from churn_torch.tables.readers.arrow import DELIMITER, Announce
from churn_torch.tables.readers.bounded_database import Database
from churn_torch.tables.readers.csv_files import read_csv
from churn_torch.tables.readers.paths import find_files
from churn_torch.tables.sql_text import nodes, quoted, quoted_name, syntax_tree
from churn_torch.tables.values import cells

# Names of files that DuckDB takes for CSV.
_SUFFIXES = tuple(f".{name}{packed}" for name in ("csv", "tsv", "txt") for packed in ("", ".gz"))
_FUNCTIONS = ("read_csv", "read_csv_auto")
# A file in a FROM clause; a name for it may stand before (``c: 'a.csv'``).
_FILE = re.compile(
    rb"""(?:(?:\w+|"(?:[^"]|"")*")\s*:\s*)?"""
    rb"""(?P<file>'(?:[^']|'')*'|"(?:[^"]|"")*"|read_csv(?:_auto)?\s*\(\s*'(?:[^']|'')*'\s*\))""",
    re.IGNORECASE,
)
_HEAD_ROWS = 2000
# The types of columns, and how all their cells must be written. Text is what loses nothing.
_TYPES = {
    "BIGINT": "0|-?[1-9][0-9]{0,17}",
    # With fewer digits than a double has.
    "DOUBLE": r"[+-]?(?:(?:0|[1-9][0-9]{0,14})(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?",
    "DATE": "[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "TIMESTAMP": r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?",
}
_MISSING = "|".join(map(re.escape, sorted(cells.MISSING_TEXT)))
# Numbers whose full stops may part thousands.
_GROUPED = r"[+-]?(?:0|[1-9][0-9]{0,2}(?:\.[0-9]{3})*)"


class _Place(NamedTuple):
    """Where a query names a file.

    Attributes:
        start: The byte of the query where it starts.
        end: The byte after it.
        path: What it names.
        alias: What DuckDB calls the table where the query gives it no name, else ``""``.
    """

    start: int
    end: int
    path: str
    alias: str


class Prepared(NamedTuple):
    """A query whose CSV files have become views.

    Attributes:
        sql: The query over the views.
        metadata: Of the schema of its rows: the delimiter that all files share.
    """

    sql: str
    metadata: dict[bytes, bytes]


def prepare(
    database: Database,
    sql: str,
    reading: ReadOptions,
    announce: Announce,
    folder: Path,
) -> Prepared:
    """Make views of the CSV files that a query names, and let the query read these.

    Files with options (``read_csv('a.csv', header=true)``) are left to DuckDB, and so is a query
    that its parser cannot take apart.

    Args:
        database: Where the query runs.
        sql: One SELECT.
        reading: As for the path of a file.
        announce: As for the path of a file.
        folder: For the files that the views read; they must stay until the query has ended.

    Raises:
        InputError: A file cannot be read.
    """
    text, views, delimiters = sql.encode(), dict[str, str](), set()
    for place in sorted(_places(database, text), reverse=True):
        if place.path not in views:
            files = [part for path in find_files(place.path) for part in formats.parts(path)]
            if any(format != formats.CSV for _, format in files):
                continue
            schema, batches = read_csv([part for part, _ in files], reading, announce)
            table = folder / f"{len(views)}.parquet"
            _write(table, schema, batches)
            delimiters.add(schema.metadata[DELIMITER])
            views[place.path] = f"churn_torch_csv_{len(views)}"
            columns = ", ".join(_typed_columns(database, table, schema))
            database.rows(
                f"CREATE TEMP VIEW {views[place.path]} AS SELECT {columns} "
                f"FROM read_parquet({quoted(str(table))})"
            )
        alias = f" AS {quoted_name(place.alias)}" if place.alias else ""
        text = text[: place.start] + f"{views[place.path]}{alias}".encode() + text[place.end :]
    metadata = {DELIMITER: delimiters.pop()} if len(delimiters) == 1 else {}
    return Prepared(text.decode(), metadata)


def _places(database: Database, sql: bytes) -> Iterator[_Place]:
    """Yield the places of CSV files in a query, by DuckDB's own parser."""
    for node in nodes(database.run(lambda it: syntax_tree(it, sql.decode()))):
        if node.get("type") not in ("BASE_TABLE", "TABLE_FUNCTION"):
            continue
        path, alias = None, ""
        if node["type"] == "BASE_TABLE" and not node["schema_name"]:
            path, alias = node["table_name"], Path(node["table_name"]).stem
        elif node["type"] == "TABLE_FUNCTION" and node["function"]["function_name"] in _FUNCTIONS:
            alias = node["function"]["function_name"]
            arguments = node["function"]["arguments"]
            literal = arguments[0]["expression"].get("literal", {}) if len(arguments) == 1 else {}
            path = literal.get("text") if literal.get("kind") == "STRING" else None
        start = node["query_location"]
        if path is None or start > len(sql) or node.get("with_ordinality") == "WITH_ORDINALITY":
            continue
        found = _FILE.match(sql, start, start + node["query_location_length"])
        if found and path.lower().endswith(_SUFFIXES) and _is_there(path):
            yield _Place(*found.span("file"), path, "" if node["alias"] else alias)


def _is_there(path: str) -> bool:
    try:
        return bool(find_files(path))
    except InputError:  # DuckDB says the same, as of any other name
        return False


def _write(path: Path, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> None:
    try:
        with pq.ParquetWriter(path, schema, compression="lz4") as writer:
            for batch in batches:
                writer.write_batch(batch)
    except OSError as error:
        raise InputError(
            str(path.parent),
            expected="room for the CSV files of a query",
            got=f"the error {error.strerror or arrow.library_message(error)!r}",
            fix="free some, or name another folder in the environment variable TMPDIR",
        ) from None


def _typed_columns(database: Database, table: Path, schema: pa.Schema) -> Iterator[str]:
    """Yield what a view selects for each column: a cast where all of its cells allow it."""
    source = f"read_parquet({quoted(str(table))})"
    head = f"(SELECT * FROM {source} LIMIT {_HEAD_ROWS})"
    candidates = [(name, kind) for name in schema.names for kind in _TYPES]
    candidates = _fitting(database, head, candidates, "bool_or({value} IS NOT NULL)")
    fitting = dict(reversed(_fitting(database, source, candidates)))
    numbers = [name for name, kind in fitting.items() if kind == "DOUBLE"]
    for name in _doubtful(database, source, head, numbers, schema) if numbers else ():
        del fitting[name]
    for name in schema.names:
        column = quoted_name(name)
        yield f"{_value(name, fitting[name])} AS {column}" if name in fitting else column


def _fitting(
    database: Database,
    source: str,
    candidates: Sequence[tuple[str, str]],
    besides: str = "true",
) -> list[tuple[str, str]]:
    """Return the names of columns with the types that all of their cells have.

    Args:
        database: Where to look.
        source: What to look at, in SQL.
        candidates: The names with the types that are tried.
        besides: What must also hold of the values of a column.
    """
    if not candidates:
        return []
    tests = []
    for name, kind in candidates:
        value, written = _value(name, kind), _matches(name, _TYPES[kind])
        test = f"{_all_match(name, _TYPES[kind])} AND {besides.format(value=value)}"
        if kind in ("DATE", "TIMESTAMP"):  # there may be a 30th of February
            test += f" AND count({value}) = count(*) FILTER (WHERE {written})"
        tests.append(test)
    [row] = database.rows(f"SELECT {', '.join(tests)} FROM {source}")
    return [one for one, fits in zip(candidates, row, strict=True) if fits]


def _doubtful(
    database: Database,
    source: str,
    head: str,
    names: Sequence[str],
    schema: pa.Schema,
) -> Iterator[str]:
    """Yield the columns of numbers like 1.234 whose full stops may part thousands."""
    tests = [_all_match(name, _GROUPED) for name in names]
    [row] = database.rows(f"SELECT {', '.join(tests)} FROM {head}")
    grouped = [name for name, is_grouped in zip(names, row, strict=True) if is_grouped]
    if grouped:
        first = database.table(f"SELECT * FROM {head}")
        decimal = file_decimal(arrow.to_pandas(first.replace_schema_metadata(schema.metadata)))
    for name in grouped:
        column = database.table(f"SELECT DISTINCT {quoted_name(name)} FROM {source}")
        if may_group(arrow.to_pandas(column)[name], decimal):
            yield name


def _all_match(name: str, pattern: str) -> str:
    """Return SQL that tells whether all cells of a column match, or mean that there is no value."""
    return f"bool_and({_matches(name, f'{pattern}|{_MISSING}')})"


def _matches(name: str, pattern: str) -> str:
    whole = rf"\s*(?:{pattern})\s*"
    return f"regexp_full_match({quoted_name(name)}, {quoted(whole)})"


def _value(name: str, kind: str) -> str:
    """Return SQL for the value of a cell as a type; NULL where it is none."""
    value = f"TRY_CAST({quoted_name(name)} AS {kind})"
    return f"nullif({value}, 'NaN')" if kind == "DOUBLE" else value

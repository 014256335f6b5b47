"""SQL as text for DuckDB: names and texts in quotes, and the syntax tree of a query."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from typing import Any

import duckdb

_SURROGATES = re.compile("[\ud800-\udfff]")


def quoted(text: str) -> str:
    """Write a text as SQL does."""
    return "'" + text.replace("'", "''") + "'"


def quoted_name(name: str) -> str:
    """Write the name of a table or a column as SQL does."""
    return '"' + name.replace('"', '""') + '"'


def is_utf8(text: str) -> bool:
    """Tell whether DuckDB can take a text: a command line can hold bytes that are no letters."""
    return _SURROGATES.search(text) is None


@contextlib.contextmanager
def closing(connection: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """Close a connection at the end, unless it is still at work that was given up."""
    try:
        yield connection
    finally:
        with contextlib.suppress(duckdb.Error):  # it is busy
            connection.close()


def syntax_tree(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    """Return the syntax tree of a query, by DuckDB's own parser; ``error`` says what it refuses."""
    [(parsed,)] = connection.execute("SELECT json_serialize_sql($1::VARCHAR)", [sql]).fetchall()
    return json.loads(parsed)


def nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every node of a syntax tree, each before those below it."""
    if isinstance(tree, dict):
        yield tree
    children = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    for child in children:
        yield from nodes(child)

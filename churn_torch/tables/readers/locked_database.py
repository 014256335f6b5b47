"""A DuckDB connection that opens the files whose names stand in a query, and nothing else."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb

from churn_torch.tables.readers.paths import MOST_FILES, check_regular
from churn_torch.tables.sql_text import nodes, quoted, quoted_name, syntax_tree

# Names that DuckDB gives to databases of its own.
_TAKEN = ("memory", "temp", "system")
# Functions whose arguments are files.
_READS = re.compile("read_|parquet_scan", re.IGNORECASE)
_TEXT = re.compile(r"'((?:[^']|'')*)'")


def attach(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Open a database file read-only, and let its tables be called by their names alone.

    Raises:
        duckdb.Error: It is none, or is open elsewhere.
    """
    name = path.name.partition(".")[0] or path.name
    name = f"{name}_file" if name.lower() in _TAKEN else name
    connection.execute(f"ATTACH {quoted(str(path))} AS {quoted_name(name)} (READ_ONLY)")
    connection.execute(f"USE {quoted_name(name)}")


def named_files(connection: duckdb.DuckDBPyConnection, sql: str) -> set[str]:
    """Return the paths, globs and folders that a query reads, by DuckDB's own parser."""
    found = set[str]()
    for node in nodes(syntax_tree(connection, sql)):
        if node.get("type") == "BASE_TABLE":
            found.add(node["table_name"])
        elif node.get("type") == "TABLE_FUNCTION":
            function = node["function"]
            if not _READS.match(function["function_name"]):
                continue
            for argument in function["arguments"]:
                if not argument["name"] and argument["expression"]["class"] != "COMPARISON":
                    found.update(_texts(argument["expression"]))
    return found - {""}


def lock(
    connection: duckdb.DuckDBPyConnection, sql: str, read: Iterable[str], scratch: Path
) -> None:
    """Let a connection open what a query names and nothing else from now on.

    Args:
        connection: The connection, whose settings are locked.
        sql: The query. A file whose name is a text in it may be opened.
        read: From `named_files`: globs and folders are opened only where they are read.
        scratch: A folder for what does not fit into memory.

    Raises:
        InputError: The query reads a pipe or a device.
    """
    paths = {text.replace("''", "'") for text in _TEXT.findall(sql)}
    folders = {str(scratch)}
    for name in read:
        path = Path(name).expanduser() if name.startswith("~") else Path(name)
        if "://" in name:
            paths.add(name)
        elif glob.has_magic(name):
            first = next(i for i, part in enumerate(path.parts) if glob.has_magic(part))
            folders.add(str(Path(*path.parts[:first])))
            matches = list(islice(glob.iglob(str(path), recursive=True), MOST_FILES))
            paths.update(matches)
            for match in matches:
                check_regular(match)
        else:  # a name without a file could be a folder to DuckDB, which then says what is missing
            check_regular(path)
            paths.add(str(path))
            folders.update([] if path.is_file() else [str(path)])
    connection.execute(f"SET temp_directory = {quoted(str(scratch))}")
    for setting, values in (("allowed_paths", paths), ("allowed_directories", folders)):
        listed = ", ".join(quoted(value) for value in sorted(values - {""}))
        connection.execute(f"SET {setting} = [{listed}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _texts(expression: Any) -> Iterator[str]:
    for node in nodes(expression):
        if node.get("class") == "CONSTANT" and node.get("literal", {}).get("kind") == "STRING":
            yield node["literal"]["text"]

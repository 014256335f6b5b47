"""SQL expressions over the columns of a row, evaluated by DuckDB, and conditions on a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from churn_torch.bounded import TooMuchError, run_bounded
from churn_torch.errors import InputError, first_line, suggest
from churn_torch.tables import cells
from churn_torch.tables.missing_words import read_column
from churn_torch.tables.row_functions import ROW_FUNCTIONS
from churn_torch.tables.schema import Column, Schema, Storage
from churn_torch.tables.sql_text import closing, is_utf8, nodes, quoted_name, syntax_tree

_TABLE = "customers"
# DuckDB's syntax tree of a longer text takes gigabytes.
MOST_LETTERS, _SHOWN_LETTERS = 100_000, 1_000
# What an expression may take: a stranger's can be one that grows when DuckDB parses it. An honest
# one takes milliseconds.
_SECONDS, _ROWS_PER_SECOND = 20.0, 10_000
_MEMORY = 2_000_000_000
_DTYPES = {Storage.NUMBER: "float64", Storage.TEXT: "str", Storage.DATETIME: "datetime64[us]"}
# Nodes of DuckDB's syntax tree that would read other rows, other tables or unknown columns.
_REFUSED = {
    "SUBQUERY": "a subquery",
    "WINDOW": "a window function",
    "STAR": "a star",
    "PARAMETER": "a parameter",
    "LAMBDA": "a lambda",
}


class RowExpression:
    """An expression over the columns of one row, checked by DuckDB's own parser.

    It runs in a connection of its own that can reach no file, no network and no other table, and it
    calls `ROW_FUNCTIONS` only: its time and memory are bounded by its length and its rows.

    Args:
        text: A column's name, or one scalar SQL expression over columns of a single row.
        schema: The columns that it may name.
        key: The key that it was given by, for messages.

    Attributes:
        columns: The columns that it reads.

    Raises:
        InputError: It is no such expression, or it names an unknown column.
    """

    sql_type: ClassVar[str]
    example: ClassVar[str]

    def __init__(self, text: str, schema: Schema, *, key: str) -> None:
        self.text = text
        self.key = key
        self._schema = schema
        if not text.strip():
            raise self._error("it is empty")
        if len(text) > MOST_LETTERS:
            raise self._error(f"{len(text):,} letters, more than {MOST_LETTERS:,}")
        if not is_utf8(text):
            raise self._error("letters that are not of UTF-8")
        names = [column.name for column in schema.columns]
        self._query = self._query_of(quoted_name(text) if text in names else text)
        expressions = [node for node in nodes(self._parsed()) if "class" in node]
        for node in expressions:
            if node["class"] in _REFUSED:
                raise self._error(_REFUSED[node["class"]])
            function = node.get("function_name", "") if node["class"] == "FUNCTION" else ""
            if function and function.lower() not in ROW_FUNCTIONS:
                like = suggest(function, ROW_FUNCTIONS)
                raise self._error(f"{function}(), a function that it may not call{like}")
            if node["class"] == "TYPE" and _is_nested(node):
                raise self._error("a type that holds many values")
        try:  # text that closes a bracket which is not its own
            duckdb.SQLExpression(quoted_name(text) if text in names else text)
        except duckdb.Error:
            raise self._error("more than an expression") from None
        references = [n["column_names"] for n in expressions if n["class"] == "COLUMN_REF"]
        self.columns = tuple(dict.fromkeys(_resolved(key, names, path) for path in references))
        if len({name.casefold() for name in self.columns}) < len(self.columns):
            raise self._error(f"columns that differ in case only, {', '.join(self.columns)}")
        # DuckDB checks the types before there is a row.
        empty = {name: pd.Series(dtype=_DTYPES[schema[name].storage]) for name in self.columns}
        self._run(pd.DataFrame(empty))

    def evaluate(self, frame: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Return the result for each row as a number, NaN where it is missing.

        Args:
            frame: N raw rows.

        Shape:
            [N] float64.

        Raises:
            InputError: A column is not in the frame, or DuckDB cannot evaluate the expression.
        """
        absent = [name for name in self.columns if name not in frame.columns]
        if absent:
            raise InputError(
                self.key,
                expected="columns that every source has",
                got=f"{absent[0]!r}, which is not in the table{suggest(absent[0], frame.columns)}",
                fix="add the column",
            )
        return self._run(frame)

    def _run(self, frame: pd.DataFrame) -> npt.NDArray[np.float64]:
        columns = {name: _typed(frame[name], self._schema[name], self.key) for name in self.columns}
        with closing(_connection()) as connection:
            connection.register(_TABLE, pa.table(columns or {"no column": pa.nulls(len(frame))}))
            values = self._bounded(
                connection,
                lambda: connection.execute(self._query).fetchnumpy()["value"],
                n_rows=len(frame),
            )
        filled: npt.NDArray[np.float64] = np.ma.filled(np.ma.asarray(values, np.float64), np.nan)
        return filled

    def _parsed(self) -> Any:
        """Return the syntax tree of the expression.

        Text that closes the cast to go on with a query of its own gives another tree than one
        SELECT of one column: the query goes on behind the text.
        """
        with closing(_connection()) as connection:
            parsed = self._bounded(connection, lambda: syntax_tree(connection, self._query))
        if parsed["error"]:
            raise self._error(first_line(ValueError(parsed["error_message"])))
        statements = [statement["node"] for statement in parsed["statements"]]
        columns = statements[0].get("select_list", []) if len(statements) == 1 else []
        is_one = len(columns) == 1 and statements[0]["type"] == "SELECT_NODE"
        if not is_one or columns[0]["class"] != "CAST":
            raise self._error("more than an expression")
        return columns[0]["child"]

    def _bounded(
        self, connection: duckdb.DuckDBPyConnection, work: Callable[[], Any], n_rows: int = 0
    ) -> Any:
        """Return what DuckDB's work returns.

        Raises:
            InputError: DuckDB fails, or it takes far more memory or time than an expression needs.
        """
        seconds = _SECONDS + n_rows / _ROWS_PER_SECOND
        try:
            return run_bounded(
                work, interrupt=connection.interrupt, memory=_MEMORY, seconds=seconds
            )
        except TooMuchError as error:
            raise self._error(f"it takes {error}") from None
        except duckdb.Error as error:
            raise self._error(first_line(error)) from None

    def _error(self, got: str) -> InputError:
        return InputError(
            self.key,
            expected="a column, or one SQL expression over the columns of a row "
            f"(e.g. {self.example})",
            got=f"{self.text[:_SHOWN_LETTERS]!r}: {got}",
            fix="change the expression, or compute a column in the source",
        )

    def _query_of(self, expression: str) -> str:
        typed = f"CAST((\n{expression}\n) AS {self.sql_type})"
        return f"SELECT CAST({typed} AS DOUBLE) AS value FROM {_TABLE}"


class Condition(RowExpression):
    """A condition on a row, such as ``contract = 'Month-to-month'``; as for `RowExpression`."""

    sql_type, example = "BOOLEAN", "contract = 'Month-to-month'"

    def __call__(self, frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Return whether each row fulfils the condition; a missing result means that it does not.

        Args:
            frame: N raw rows.

        Shape:
            [N] bool.

        Raises:
            InputError: As for `evaluate`.
        """
        fulfilled: npt.NDArray[np.bool_] = self.evaluate(frame) == 1
        return fulfilled


def _is_nested(kind: dict[str, Any]) -> bool:
    """Tell whether a type of a cast is a list, an array or another type of types."""
    return any(n.get("class") == "TYPE" for n in nodes(kind) if n is not kind)


def _connection() -> duckdb.DuckDBPyConnection:
    """Open a database in memory that can reach nothing else; it takes some 30 ms."""
    return duckdb.connect(
        ":memory:",
        config={
            "enable_external_access": "false",
            "python_enable_replacements": "false",
            "threads": 1,  # a chunk is small
            "memory_limit": f"{_MEMORY}B",
            "lock_configuration": "true",
        },
    )


def _resolved(key: str, names: list[str], path: list[str]) -> str:
    """Return the column that a reference means: as it is written, else whatever its case."""
    name = path[1] if len(path) > 1 and path[0] == _TABLE else path[0]
    if name in names:
        return name
    alike = [column for column in names if column.casefold() == name.casefold()]
    if len(alike) == 1:
        return alike[0]
    raise InputError(
        key,
        expected="columns of the table",
        got=f"{name!r}{suggest(name, names)}",
        fix='name a column; names with spaces stand in double quotes, e.g. "monthly charges"',
    )


def _typed(series: pd.Series, column: Column, key: str) -> pa.Array | pa.ChunkedArray:
    """Return a column for DuckDB: DOUBLE, VARCHAR or TIMESTAMP, whatever source it came from.

    Raises:
        InputError: A cell is no number where those that were looked at before all were.
    """
    if column.storage is Storage.TEXT:
        text = cells.canonical_text(series)
        return pa.array(text.mask(text == ""), pa.string(), from_pandas=True)
    came_as, values = cells.plain(series)
    if column.storage is Storage.DATETIME:
        if came_as is Storage.DATETIME:
            values = values.dt.tz_localize(None)
            return pa.array(values, pa.timestamp("us"), from_pandas=True)
        return pa.array(values, from_pandas=True)
    if came_as is Storage.TEXT:
        numbers, unreadable = read_column(values, column)
        if unreadable.any():
            raise InputError(
                key,
                expected=f"numbers in column {series.name!r}",
                got=repr(str(values[unreadable].iloc[0])[:80]),
                fix="correct the cells, or leave the column out of the expression",
            )
        values = numbers
    return pa.array(values, from_pandas=True)

"""JSON rows to the inputs of the file: what may come, and the sentence for what may not."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np

from churn_torch.errors import InputError, suggest
from churn_torch.serving.session import Feed
from churn_torch.tables.cells import ISO, LARGEST_EXACT, MISSING_TEXT, TRUTH, scalar_text
from churn_torch.tables.schema import Column, Kind, Schema, Storage

LARGEST = float(np.finfo(np.float32).max)
# Names of a request that are shown or compared: it may hold a million of any length.
_SHOWN_NAMES, _SHOWN_LETTERS = 5, 80
_COMPACT = "%Y%m%d"
_NUMBER = re.compile(r"[+-]?(?!0\d)(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAY = 86_400e6

Read = Callable[[Any], Any]
Values = list[Any]


class RequestError(InputError):
    """A request that cannot be answered.

    Args:
        message: What was expected, what came, and the mend.
        status: The HTTP status.
        row: The place of the row in ``rows``.
        column: The column at fault.
    """

    def __init__(
        self, message: str, *, status: int = 422, row: int | None = None, column: str | None = None
    ) -> None:
        super().__init__(message if row is None else f"rows[{row}]: {message}")
        self.status, self.row, self.column = status, row, column


class RowReader:
    """Reads rows of JSON as `churn_torch.tables.encode.parse` reads a table, a row at a time.

    Args:
        schema: What the file was trained on.
    """

    def __init__(self, schema: Schema) -> None:
        self.columns = schema.inputs
        self._names = frozenset(column.name for column in self.columns)
        self._readers = [(column.name, reader(column)) for column in self.columns]
        ends = np.cumsum([len(schema.float32), len(schema.float64), len(schema.text)]).tolist()
        self._groups = [
            (slice(start, end), [column.name for column in self.columns[start:end]], dtype)
            for start, end, dtype in zip(
                [0, *ends], ends, (np.float32, np.float64, np.object_), strict=False
            )
            if end > start
        ]

    def read(self, row: object, place: int | None = None) -> Values:
        """Return the values of a row, in the order of `columns`.

        Args:
            row: An object by column names; null is a missing value.
            place: Where it stands in ``rows``.

        Raises:
            RequestError: A column is absent or unknown, or a value cannot be read as its kind.
        """
        if not isinstance(row, dict):
            raise RequestError(
                f"expected an object with a value for each column, got {shown(row)}; send "
                '{"column": value, ...}.',
                row=place,
            )
        if row.keys() != self._names:
            raise self._wrong_names(row, place)
        try:
            return [read(row[name]) for name, read in self._readers]
        except ValueError:
            raise self._unreadable(row, place) from None

    def feed(self, rows: Sequence[Values]) -> Feed:
        """Return the inputs of the file for what `read` returned, at least one row."""
        feed: Feed = {}
        values = list(zip(*rows, strict=True))
        for group, names, dtype in self._groups:
            block = np.array(values[group], dtype=dtype).reshape(len(names), len(rows), 1)
            feed.update(zip(names, block, strict=True))
        return feed

    def _wrong_names(self, row: Mapping[str, object], place: int | None) -> RequestError:
        unknown = [
            name[:_SHOWN_LETTERS]
            for name, _ in zip(row.keys() - self._names, range(_SHOWN_NAMES), strict=False)
        ]
        absent = [column.name for column in self.columns if column.name not in row]
        if absent:
            first = absent[:_SHOWN_NAMES]
            names = ", ".join(f"{name!r}{suggest(name, unknown)}" for name in first)
            more = f" and {len(absent) - len(first)} more" if len(absent) > len(first) else ""
            return RequestError(
                f"expected every column the model learned from, got none of {names}{more}; add "
                "what is absent, null for a missing value.",
                row=place,
                column=absent[0],
            )
        names = ", ".join(f"{name!r}{suggest(name, self._names)}" for name in sorted(unknown))
        return RequestError(
            f"expected only columns the model learned from, got {names}; leave it out.",
            row=place,
            column=min(unknown),
        )

    def _unreadable(self, row: Mapping[str, object], place: int | None) -> RequestError:
        for column, (name, read) in zip(self.columns, self._readers, strict=True):
            try:
                read(row[name])
            except ValueError:
                return RequestError(
                    f"expected {expected(column)} in column {name!r}, got {shown(row[name])}; "
                    "send null for a missing value.",
                    row=place,
                    column=name,
                )
        raise AssertionError("a row that could not be read can be read")


def reader(column: Column) -> Read:
    """Return what reads a value of the column: to a number, days or text; ValueError if it cannot.

    Missing is NaN, and ``""`` for text.
    """
    if Schema.is_text(column):
        return _text_reader(column)
    if column.kind is Kind.DATETIME:
        return partial(_days, column.datetime_format)
    return _truth if column.kind is Kind.BOOLEAN else _number


def takes_booleans(column: Column) -> bool:
    """Tell whether true and false mean something in the column."""
    words = {word.casefold() for word in column.vocabulary or ()}
    return column.kind is Kind.BOOLEAN or bool(words & {"true", "false"})


def expected(column: Column) -> str:
    """Say what a value of the column looks like."""
    if column.kind is Kind.DATETIME:
        compact = column.datetime_format == _COMPACT
        return f"a date like 2024-01-31 or {'20240131' if compact else 'days since 1970-01-01'}"
    if Schema.is_text(column):
        return "text, true or false" if takes_booleans(column) else "text"
    if column.kind is Kind.BOOLEAN:
        return "true, false or a number"
    return "a number up to 3.4e38"


def shown(value: object) -> str:
    """Say what came, however large it is."""
    if isinstance(value, str):
        dots = "..." if len(value) > _SHOWN_LETTERS else ""
        return f"the text {value[:_SHOWN_LETTERS] + dots!r}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return f"the number {value}"
    return "a list" if isinstance(value, list) else "an object"


def _number(value: Any) -> float:
    if value is None:
        return math.nan
    if type(value) not in (float, int) or not -LARGEST <= value <= LARGEST:
        raise ValueError
    return float(value)


def _truth(value: object) -> float:
    return float(value) if isinstance(value, bool) else _number(value)


def _days(form: str | None, value: object) -> float:
    if isinstance(value, str):
        text = value.strip()
    elif form == _COMPACT and value is not None:
        text = f"{_number(value):.0f}"
    else:
        return _number(value)
    # Rounded as `churn_torch.tables.cells.days` rounds.
    return float((_date(form, text) - _EPOCH) // _MICROSECOND) / _DAY


def _date(form: str | None, text: str) -> datetime:
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        if form in (None, ISO):
            raise
        date = datetime.strptime(text, form)
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _text_reader(column: Column) -> Callable[[object], str]:
    known = frozenset(column.vocabulary or ()) - MISSING_TEXT
    booleans = takes_booleans(column)
    # Where the text that was learned from says "yes", typed systems have true or 1.
    spelled = {TRUTH.get(word.casefold()): word for word in known}
    spelled = spelled if column.kind is Kind.BOOLEAN else {}
    were_numbers = column.storage is Storage.NUMBER

    def read(value: object) -> str:
        if isinstance(value, str):
            if value in known:
                return value
            if value in MISSING_TEXT or not value.strip():
                return ""
            if were_numbers and _NUMBER.fullmatch(trimmed := value.strip()):
                number = float(trimmed)
                return scalar_text(number) if abs(number) < LARGEST_EXACT else value
            return value
        if value is None:
            return ""
        if not isinstance(value, int | float) or (isinstance(value, bool) and not booleans):
            raise ValueError
        return spelled.get(float(value)) or scalar_text(value)

    return read

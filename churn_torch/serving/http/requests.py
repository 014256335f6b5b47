"""JSON rows to the inputs of the file, and the sentence for what cannot be read."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from churn_torch.errors import suggest
from churn_torch.serving.http.lists import check_lengths, read_list, unreadable_entry
from churn_torch.serving.http.request_error import RequestError
from churn_torch.serving.session import Feed, list_inputs
from churn_torch.tables.schema import Column, Kind, Schema
from churn_torch.tables.values.cells import LARGEST
from churn_torch.tables.values.dates import (
    DIGIT_FORMS,
    ISO,
    NUMBER_FORMS,
    day_of_number,
    example,
    read_day,
)
from churn_torch.tables.values.known_words import float_text, word_reader
from churn_torch.tables.values.missing_words import is_own_word, is_placeholder, sentinel_values
from churn_torch.tables.values.number_formats import read_number

# A request may hold a million names of any length; so many are shown or compared.
_SHOWN_NAMES, _SHOWN_LETTERS = 5, 80

Read = Callable[[Any], Any]
Values = list[Any]


class RowReader:
    """Reads rows of JSON as `churn_torch.tables.encode.parse` reads a table, a row at a time.

    Args:
        schema: What the file was trained on.
    """

    def __init__(self, schema: Schema) -> None:
        self.columns = schema.explained
        self._sequences = schema.sequences
        self._names = frozenset(column.name for column in self.columns)
        self._readers = [(column.name, reader(column)) for column in schema.inputs]
        self._readers += [
            (column.name, partial(read_list, reader(column), group.last))
            for group in schema.sequences
            for column in group.columns
        ]
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
                expected="an object with a value for each column",
                got=shown(row),
                fix='send {"column": value, ...}',
                row=place,
            )
        if row.keys() != self._names:
            raise self._wrong_names(row, place)
        try:
            values = [read(row[name]) for name, read in self._readers]
        except ValueError:
            raise self._unreadable(row, place) from None
        for group in self._sequences:
            check_lengths(row, group, place)
        return values

    def feed(self, rows: Sequence[Values]) -> Feed:
        """Return the inputs of the file for what `read` returned, at least one row."""
        feed: Feed = {}
        values = list(zip(*rows, strict=True))
        for group, names, dtype in self._groups:
            block = np.array(values[group], dtype=dtype).reshape(len(names), len(rows), 1)
            feed.update(zip(names, block, strict=True))
        if self._sequences:
            of_column = dict(zip((name for name, _ in self._readers), values, strict=True))
            for sequence in self._sequences:
                feed.update(list_inputs(of_column, sequence))
        return feed

    def _wrong_names(self, row: Mapping[str, object], place: int | None) -> RequestError:
        if place is None and "rows" in row and "rows" not in self._names:
            return RequestError("rows", expected="a list of customers", got=shown(row["rows"]))
        others = (name[:_SHOWN_LETTERS] for name in row if name not in self._names)
        unknown = list(islice(others, _SHOWN_NAMES))
        absent = [column.name for column in self.columns if column.name not in row]
        if absent:
            first = absent[:_SHOWN_NAMES]
            names = ", ".join(f"{name!r}{suggest(name, unknown)}" for name in first)
            more = f" and {len(absent) - len(first)} more" if len(absent) > len(first) else ""
            return RequestError(
                expected="every column the model learned from",
                got=f"none of {names}{more}",
                fix="add what is absent, null for a missing value",
                row=place,
                column=absent[0],
            )
        names = ", ".join(f"{name!r}{suggest(name, self._names)}" for name in sorted(unknown))
        return RequestError(
            expected="only columns the model learned from",
            got=names,
            fix="leave it out",
            row=place,
            column=min(unknown),
        )

    def _unreadable(self, row: Mapping[str, object], place: int | None) -> RequestError:
        for column, (name, read) in zip(self.columns, self._readers, strict=True):
            try:
                read(row[name])
            except ValueError:
                is_list = any(column in group.columns for group in self._sequences)
                what = f"a list, each entry {expected(column)} or null," if is_list else ""
                culprit, place_in_list = row[name], ""
                if is_list and isinstance(culprit, list):
                    culprit, place_in_list = unreadable_entry(culprit, reader(column))
                return RequestError(
                    expected=f"{what or expected(column)} in column {name!r}",
                    got=f"{shown(culprit)}{place_in_list}",
                    fix="send null for a missing value",
                    row=place,
                    column=name,
                )
        raise AssertionError("a row that could not be read can be read")


def reader(column: Column) -> Read:
    """Return what reads a value of the column, by the rules of `churn_torch.tables.values.cells`.

    It returns a number, days or text (NaN or ``""`` for missing), and raises ValueError where the
    value cannot be read.
    """
    if Schema.is_text(column):
        return _text_reader(column)
    if column.kind is Kind.DATETIME:
        read: Read = partial(_unless_word, column, partial(_days, column.datetime_format))
    elif takes_written_numbers(column):
        written = partial(_written, column, _truth if column.kind is Kind.BOOLEAN else _number)
        read = partial(_unless_word, column, written)
    else:
        read = _truth if column.kind is Kind.BOOLEAN else _number
    sentinels = sentinel_values(column)
    return partial(_unless_sentinel, sentinels, read) if sentinels else read


def takes_written_numbers(column: Column) -> bool:
    """Tell whether numbers may be text: the training table had them so, or words between them."""
    numbers = column.kind in (Kind.NUMERIC, Kind.BOOLEAN) and not Schema.is_text(column)
    return numbers and (column.number_format is not None or bool(column.missing_words))


def takes_booleans(column: Column) -> bool:
    """Tell whether true and false mean something in the column."""
    words = {word.casefold() for word in column.vocabulary or ()}
    return column.kind is Kind.BOOLEAN or bool(words & {"true", "false"})


def expected(column: Column) -> str:
    """Describe what a value of the column looks like."""
    if column.kind is Kind.DATETIME:
        return f"a date like 2024-01-31 or {other_dates(column.datetime_format)}"
    if Schema.is_text(column):
        return "text, true or false" if takes_booleans(column) else "text"
    if column.kind is Kind.BOOLEAN:
        return "true, false or a number"
    if column.number_format is not None:
        return f"a number up to 3.4e38, or text in the format {column.number_format.in_words()}"
    return "a number up to 3.4e38"


def shown(value: object) -> str:
    """Describe a value that came, shortened where it is large."""
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


def other_dates(form: str | None) -> str:
    """Describe what a date may be besides ISO text."""
    if form in DIGIT_FORMS:
        return example(form)
    if form in NUMBER_FORMS:
        return form
    other = "" if form in (None, ISO) else f"{example(form)} or "
    return f"{other}days since 1970-01-01"


def _written(column: Column, read: Read, value: Any) -> float:
    """Read a number, or text as it stood in the training table."""
    if not isinstance(value, str):
        return float(read(value))
    return _number(read_number(value, column.number_format))


def _unless_word(column: Column, read: Read, value: Any) -> float:
    """Read a value unless it is a word for missing; in JSON empty text is none, null is."""
    text = value.strip() if isinstance(value, str) else ""
    missing = text and (is_placeholder(text) or is_own_word(text, column))
    return math.nan if missing else float(read(value))


def _unless_sentinel(sentinels: Sequence[float], read: Read, value: Any) -> float:
    number = float(read(value))
    return math.nan if number in sentinels else number


def _days(form: str | None, value: object) -> float:
    if isinstance(value, str):
        return read_day(value, form)
    number = _number(value)
    if math.isnan(number) or form not in (*DIGIT_FORMS, *NUMBER_FORMS):
        return number
    return day_of_number(number, form)


def _text_reader(column: Column) -> Callable[[object], str]:
    word = word_reader(column)
    booleans = takes_booleans(column)

    def read(value: object) -> str:
        if isinstance(value, str):
            return word(value)
        if value is None:
            return ""
        if not isinstance(value, int | float) or (isinstance(value, bool) and not booleans):
            raise ValueError
        return word(float_text(value, column))

    return read

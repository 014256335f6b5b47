"""Raw rows to typed values for the exported file, and these to numbers and codes for the nets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.errors import InputError, suggest
from churn_torch.tables import sequences
from churn_torch.tables.column_names import with_text_names
from churn_torch.tables.labels import parse_target
from churn_torch.tables.schema import Column, Kind, Schema, Storage
from churn_torch.tables.values import cells, dates, missing_words, plain_numbers
from churn_torch.tables.values.cells import canonical_text
from churn_torch.tables.values.known_words import read_words, with_points
from churn_torch.tables.values.text_codes import (
    FIRST_CATEGORY,
    MISSING_CODE,
    UNSEEN_CODE,
    codes_of,
    text_codes,
)

__all__ = [
    "FIRST_CATEGORY",
    "MISSING_CODE",
    "UNSEEN_CODE",
    "Arrays",
    "Texts",
    "canonical_text",
    "encode",
    "parse",
    "parse_columns",
    "parse_target",
    "parse_time",
    "text_codes",
]


class Texts(NamedTuple):
    """A text column by its different texts: row i holds ``values[codes[i]]``.

    Code -1 is the last of the values, as in NumPy.
    """

    codes: npt.NDArray[np.integer[Any]]
    values: pd.Series

    def in_rows(self) -> pd.Series:
        """Return the text of every row."""
        return self.values.take(self.codes).reset_index(drop=True)


class Arrays(NamedTuple):
    """What the nets read.

    Shape:
        float32: [N, n_float32]. float64: [N, n_float64]. codes: [N, n_text] int64.
        sequences: [N, S] float64, what `churn_torch.tables.sequences.encode_lists` returns for each
        group, side by side; None without sequences.
    """

    float32: npt.NDArray[np.float32]
    float64: npt.NDArray[np.float64]
    codes: npt.NDArray[np.int64]
    sequences: npt.NDArray[np.float64] | None = None


def parse(frame: pd.DataFrame, schema: Schema, *, first_row: int = 0) -> pd.DataFrame:
    """Return the feature columns, typed, in schema order: exactly what the ONNX file is fed.

    Numbers are float64 (NaN is missing, True is 1.0), or float32 where they come as that; dates
    are float64 days since 1970-01-01 UTC; text is text (``""`` is missing). A cell of a column of
    lists is an array of such values, at most as many as the model reads. Columns that are no
    features may be absent, and are dropped.

    Args:
        frame: Raw rows as any source gives them; none is fine.
        schema: What the columns mean.
        first_row: How many rows stand before this chunk, so that errors name the row of the table.

    Raises:
        InputError: A column is missing or named twice, or cells cannot be read as its kind.
    """
    columns = {
        name: values if isinstance(values, pd.Series) else values.in_rows()
        for name, values in parse_columns(frame, schema, first_row=first_row).items()
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame)), copy=False)


def parse_columns(
    frame: pd.DataFrame, schema: Schema, *, first_row: int = 0
) -> dict[str, pd.Series | Texts]:
    """Do the work of `parse`, and leave text columns as their different texts.

    Raises:
        InputError: As for `parse`.
    """
    frame = with_text_names(frame).reset_index(drop=True)
    absent = [name for name in schema.read if name not in frame.columns]
    if absent:
        spare = [name for name in frame.columns if name not in {c.name for c in schema.columns}]
        names = ", ".join(f"{name!r}{suggest(name, spare)}" for name in absent)
        raise InputError(
            "table",
            expected="every column the model learned from",
            got=f"none called {names}",
            fix="add or rename the column",
        )
    read: dict[str, pd.Series | Texts] = {}
    for column in schema.features:
        series = frame[column.name]
        if Schema.is_text(column):
            read[column.name] = _parse_texts(series, column, first_row)
        else:
            read[column.name] = _parse_numbers(series, column, first_row)
    for group in schema.sequences:
        read.update(sequences.parse_lists(frame, group, parse, first_row=first_row))
    return read


def _parse_texts(series: pd.Series, column: Column, first_row: int) -> Texts:
    """Return the texts of a column; only the different ones are parsed."""
    if not cells.is_plain(series.dtype):  # every cell must be looked at to tell what they are
        text = _read_text(series, column, series, first_row)
        codes, values = pd.factorize(text)
        return Texts(codes, pd.Series(values, dtype="str"))
    if isinstance(series.dtype, pd.CategoricalDtype) and isinstance(
        series.cat.categories.dtype, pd.StringDtype
    ):  # coded already; missing, code -1, is the last of the values
        different = pd.Series([*series.cat.categories, None], dtype="str")
        return Texts(series.cat.codes.to_numpy(), _read_text(different, column, series, first_row))
    codes, values = pd.factorize(series, use_na_sentinel=False)
    return Texts(codes, _read_text(pd.Series(values), column, series, first_row))


def _parse_numbers(series: pd.Series, column: Column, first_row: int) -> pd.Series:
    """Return numbers, or days for dates: float64, but float32 stays what it is."""
    values = missing_words.without_sentinels(_all_numbers(series, column, first_row), column)
    if column.kind is not Kind.DATETIME:
        _check_finite(values, column, first_row)
    return values


def _all_numbers(series: pd.Series, column: Column, first_row: int) -> pd.Series:
    """Do the work of `_parse_numbers` but for numbers that mean missing."""
    if series.dtype in (np.float32, np.float64) and column.kind is not Kind.DATETIME:
        return series
    numbers = None
    plain = column.kind is not Kind.DATETIME and column.number_format is None
    if plain and isinstance(series.dtype, pd.StringDtype):
        numbers = plain_numbers.numbers_at_once(series)
    storage, values = cells.plain(series if numbers is None else numbers)
    if storage is None:
        raise _unreadable(column, series, series.notna(), first_row)
    if column.kind is Kind.DATETIME:
        dated, bad = _read_dates(storage, values, column)
        if storage is Storage.TEXT:
            bad = missing_words.not_missing(values, bad, column)
        if bad.any():
            raise _unreadable(column, series, bad, first_row)
        return dates.day_numbers(dated)
    if storage is not Storage.NUMBER:
        values, bad = _read_numbers(storage, values, column)
        if bad.any():
            raise _unreadable(column, series, bad, first_row)
    return values


def _check_finite(numbers: pd.Series, column: Column, first_row: int) -> None:
    values = numbers.to_numpy()
    # The extremes need no memory of their own, and NaN does not count.
    if (
        np.fmax.reduce(values, initial=0.0) <= cells.LARGEST
        and np.fmin.reduce(values, initial=0.0) >= -cells.LARGEST
    ):
        return
    beyond = np.abs(values) > cells.LARGEST
    row = first_row + int(beyond.argmax()) + 1
    word = "infinite" if np.isinf(values[beyond]).all() else "beyond"
    raise InputError(
        f"column {column.name!r}",
        expected="finite numbers up to 3.4e38",
        got=f"{int(beyond.sum()):,} {word}, the first in row {row:,}",
        fix="correct them or leave the cells empty"
        + (f", or train with data.missing.{column.name}=[inf,-inf]" if word == "infinite" else ""),
    )


def _read_text(series: pd.Series, column: Column, whole: pd.Series, first_row: int) -> pd.Series:
    storage, text = cells.spelled(series)
    if storage is None:
        raise _unreadable(column, whole, whole.notna(), first_row)
    if column.missing_words:
        text = text.mask(text.str.strip().isin(column.missing_words), "")
    return read_words(with_points(text, series, column), column)


def _read_numbers(
    storage: Storage, values: pd.Series, column: Column
) -> tuple[pd.Series, pd.Series]:
    if storage is Storage.DATETIME:
        return pd.Series(np.nan, index=values.index), values.notna()
    numbers, bad = missing_words.read_column(values, column)
    if column.kind is Kind.BOOLEAN and bad.any():
        truth = values.str.strip().str.casefold().map(cells.TRUTH).astype("float64")
        numbers = numbers.fillna(truth)
        bad &= numbers.isna()
    return numbers, bad


def _read_dates(storage: Storage, values: pd.Series, column: Column) -> tuple[pd.Series, pd.Series]:
    if storage is Storage.DATETIME:
        return values, pd.Series(False, index=values.index)
    if storage is Storage.NUMBER:
        return dates.numbers_to_dates(values, column.datetime_format)
    return dates.read_dates(values, column.datetime_format or dates.ISO)


def _unreadable(column: Column, series: pd.Series, bad: pd.Series, first_row: int) -> InputError:
    position = int(bad.to_numpy().argmax())
    expected = {Kind.DATETIME: "dates", Kind.BOOLEAN: "yes/no values", Kind.NUMERIC: "numbers"}
    what = expected.get(column.kind, "text")
    if column.kind is Kind.DATETIME and column.datetime_format:
        what += f" like {dates.example(column.datetime_format)}"
    elif column.number_format is not None:
        what += f" like {column.number_format.in_words()}"
    count, first = int(bad.sum()), str(series.iloc[position])[:80]
    fix = "correct them or leave the cells empty"
    if column.kind is Kind.NUMERIC and column.number_format is None and "%" in first:
        fix = "training had no percent signs: write 12 % as it had it, as 12 or as 0.12"
    return InputError(
        f"column {column.name!r}",
        expected=what,
        got=f"{count:,} other {'cell' if count == 1 else 'cells'}, the first is "
        f"{first!r} in row {first_row + position + 1:,}",
        fix=fix,
    )


def encode(parsed: pd.DataFrame, schema: Schema) -> Arrays:
    """Turn what `parse` returned into arrays.

    Codes are 0 for missing, 1 for unseen or rare, 2 and up for the vocabulary.

    Raises:
        ValueError: A text column has no vocabulary yet (statistics were not fitted).
    """
    n = len(parsed)
    float32 = np.empty((len(schema.float32), n), dtype=np.float32)
    for values, column in zip(float32, schema.float32, strict=True):
        # A number beyond float32 becomes infinite, which the model takes as missing.
        with np.errstate(over="ignore"):
            values[:] = parsed[column.name].to_numpy()
        missing_words.drop_sentinels(values, column)
    float64 = np.empty((len(schema.float64), n), dtype=np.float64)
    for exact, column in zip(float64, schema.float64, strict=True):
        exact[:] = parsed[column.name].to_numpy()
        missing_words.drop_sentinels(exact, column)
    codes = np.empty((len(schema.text), n), dtype=np.int64)
    for of_column, column in zip(codes, schema.text, strict=True):
        of_column[:] = codes_of(parsed[column.name], column)
    # Filled by columns and turned at the end, which is several times as fast as filling rows.
    arrays = Arrays(float32.T.copy(), float64.T.copy(), codes.T.copy())
    if not schema.sequences:
        return arrays
    groups = [sequences.encode_lists(parsed, group, encode) for group in schema.sequences]
    return arrays._replace(sequences=np.concatenate(groups, axis=1))


def is_dated(column: Column) -> bool:
    """Tell whether a column holds dates, whatever is done with it."""
    return column.storage is Storage.DATETIME or column.datetime_format is not None


def parse_time(frame: pd.DataFrame, column: Column) -> npt.NDArray[np.float64]:
    """Read the column that orders a split: days since 1970 for dates, else the number.

    Shape:
        [N] float64, NaN for missing.

    Raises:
        InputError: The column is not in the table or cells cannot be read.
    """
    if column.name not in frame.columns:
        raise InputError(
            "table",
            expected=f"the time column {column.name!r}",
            got=f"none of that name{suggest(column.name, frame.columns)}",
            fix="add it",
        )
    kind = Kind.DATETIME if is_dated(column) else Kind.NUMERIC
    read = replace(column, kind=kind)
    return _parse_numbers(frame[column.name], read, 0).to_numpy(dtype="float64")

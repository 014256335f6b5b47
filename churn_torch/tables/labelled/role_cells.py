"""Cells of a column with a role beside the features: found, read as numbers, and refused by row."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.errors import InputError
from churn_torch.tables.schema import Column, Storage
from churn_torch.tables.values import cells
from churn_torch.tables.values.number_formats import read_numbers


def role_column(frame: pd.DataFrame, name: str | None, key: str) -> pd.Series:
    """Return the column of a role.

    Args:
        frame: Raw rows.
        name: The column.
        key: The key that names it.

    Raises:
        InputError: It is not there.
    """
    if name not in frame.columns:
        raise InputError(
            key,
            expected=f"the column {name!r} in every labelled table",
            got="a table without it",
            fix="add it",
        )
    return frame[name]


def role_numbers(series: pd.Series, column: Column) -> npt.NDArray[np.float64]:
    """Return the cells as numbers, ``[N]``; NaN where a cell is none.

    Args:
        series: The cells.
        column: Says how numbers in text are written.
    """
    storage, values = cells.plain(series)
    if storage is Storage.TEXT:
        read: npt.NDArray[np.float64]
        read = read_numbers(values, column.number_format)[0].to_numpy(np.float64)
        return read
    if storage is Storage.NUMBER:
        return values.to_numpy(np.float64)
    return np.full(len(series), np.nan)


def refuse_cells(
    series: pd.Series, bad: npt.NDArray[np.bool_], key: str, *, expected: str, first_row: int
) -> None:
    """Refuse a column with bad cells, naming the first one.

    Args:
        series: The cells.
        bad: ``[N]``, which cells are bad.
        key: The key that names the column.
        expected: What was expected.
        first_row: How many rows stand before these in the source.

    Raises:
        InputError: A cell is bad.
    """
    if not bad.any():
        return
    row = int(bad.argmax())
    cell = series.iloc[row]
    shown = "a missing cell" if pd.isna(cell) or not str(cell).strip() else repr(str(cell)[:80])
    refuse_row(key, expected=expected, got=shown, row=first_row + row, n_rows=int(bad.sum()))


def refuse_row(key: str, *, expected: str, got: str, row: int, n_rows: int) -> None:
    """Refuse rows of a table, naming the first one.

    Args:
        key: The key that names the column.
        expected: What was expected.
        got: What stands in the row.
        row: Its position in the source.
        n_rows: How many such rows there are.

    Raises:
        InputError: Always.
    """
    raise InputError(
        key,
        expected=expected,
        got=f"{got} in row {row + 1:,} ({n_rows:,} such rows)",
        fix="correct the cells, or leave those rows out",
    )

"""Tables that Python code holds: whatever their kind, a pandas DataFrame or one sentence."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api.types import infer_dtype, is_list_like

from churn_torch.errors import InputError
from churn_torch.tables.column_names import check_names, with_text_names
from churn_torch.tables.readers import arrow
from churn_torch.tables.schema import Kind, Schema

__all__ = ["as_frame", "has_names", "named_rows", "unmasked"]

_TABLE = (
    "a table (a DataFrame of pandas or polars, an Arrow table, a dict of columns, a list of dicts)"
)
# How other libraries call what makes a DataFrame or an array of their tables.
_CONVERSIONS = ("to_frame", "toPandas", "to_pandas", "compute", "toarray")


def has_names(given: object) -> bool:
    """Tell whether a table names its columns; one without names is taken by position."""
    if isinstance(given, pd.DataFrame | pd.Series | Mapping) or _is_arrow(given):
        return True
    if isinstance(given, np.ndarray):
        return given.dtype.names is not None
    if isinstance(given, list | tuple):
        return bool(given) and all(isinstance(row, Mapping) for row in given)
    return _is_lazy(given) or (hasattr(given, "columns") and not isinstance(given, type))


def as_frame(
    given: Any, *, where: str = "source", names: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return a table that Python code holds as a pandas DataFrame: its names, types and row order.

    Taken are DataFrames of pandas, polars and every library that offers the Arrow C stream or
    ``to_pandas``, Arrow tables, batches and their readers, dicts of columns, lists of dicts and
    structured arrays. Where ``names`` are known, also one row (a Series whose index
    names the columns, a dict of cells), and an array by position. Columns of Arrow's types become
    those of pandas; nothing else about the cells is changed.

    Args:
        given: The table.
        where: What the caller's argument is called, for messages.
        names: The columns that are expected, in order; None where nothing is known of them.

    Raises:
        InputError: It is no table, or its columns have no single, different names.
    """
    if isinstance(given, pd.DataFrame):
        return _of_pandas(given, where)
    if isinstance(given, pd.Series):
        return _of_series(given, where, names)
    if _is_arrow(given):
        return _of_arrow(given, where)
    if _is_lazy(given):
        return as_frame(given.collect(), where=where, names=names)
    if isinstance(given, Mapping):
        return _of_mapping(given, where, one_row=names is not None)
    if isinstance(given, list | tuple) and has_names(given):
        return _of_pandas(pd.DataFrame(list(given), dtype=object).apply(_typed), where)
    if isinstance(given, np.ndarray) and given.dtype.names is not None and given.ndim == 1:
        return _of_pandas(pd.DataFrame(given), where)
    if hasattr(given, "columns") and callable(getattr(given, "to_pandas", None)):
        return _of_other_library(given, where)
    if names is None or not _is_array(given):
        raise _no_table(given, where)
    return _of_array(given, where, names)


def unmasked(array: Any) -> Any:
    """Return an array in which cells that are masked are missing; others as they are."""
    if not isinstance(array, np.ma.MaskedArray):
        return array
    cells = np.ma.getdata(array).astype(object)
    cells[np.ma.getmaskarray(array)] = None
    return cells


def named_rows(given: Any, schema: Schema) -> pd.DataFrame:
    """Return rows to predict as a DataFrame: `as_frame` with the columns of a training's table.

    An array is taken by position, with a warning as scikit-learn gives it.

    Raises:
        InputError: As for `as_frame`.
    """
    names = [column.name for column in schema.columns if column.kind is not Kind.TARGET]
    frame = as_frame(given, where="rows", names=names)
    if not has_names(given):
        warnings.warn(
            "The rows have no column names, but the model was trained with names: their columns "
            "are taken by position.",
            stacklevel=4,
        )
    return frame


def _is_arrow(given: object) -> bool:
    return not isinstance(given, type) and any(
        hasattr(given, name) for name in ("__arrow_c_stream__", "__arrow_c_array__")
    )


def _is_lazy(given: object) -> bool:
    """Tell whether it is a query of polars or narwhals, which becomes a table when collected."""
    return type(given).__name__ == "LazyFrame" and callable(getattr(given, "collect", None))


def _is_array(given: object) -> bool:
    if hasattr(given, "nnz"):  # of SciPy
        return False
    return isinstance(given, list | tuple) or hasattr(given, "__array__")


def _of_pandas(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    if isinstance(frame.columns, pd.MultiIndex):
        raise InputError(
            where,
            expected="one name for each column",
            got=f"column names of {frame.columns.nlevels} levels",
            fix="join them, e.g. frame.columns = ['_'.join(map(str, c)) for c in frame.columns]",
        )
    frame = with_text_names(frame)
    kinds = zip(frame.columns, frame.dtypes, strict=True)
    of_arrow = [name for name, kind in kinds if isinstance(kind, pd.ArrowDtype)]
    if of_arrow:
        table = pa.Table.from_pandas(frame[of_arrow], preserve_index=False)
        read = _of_arrow(table, where).set_axis(frame.index, axis=0)
        frame = frame.assign(**{name: read[name] for name in of_arrow})
    return frame


def _of_series(row: pd.Series, where: str, names: Sequence[str] | None) -> pd.DataFrame:
    """Return a row of a DataFrame as one; a column is no table."""
    if names is None or not set(map(str, row.index)) & set(names):
        raise InputError(
            where,
            expected=_TABLE if names is None else "a table, or one row named by its columns",
            got="a Series that is a column",
            fix="use series.to_frame(), or frame.iloc[0] for a row",
        )
    return _of_pandas(row.to_frame().T.infer_objects(), where)


def _of_arrow(given: Any, where: str) -> pd.DataFrame:
    try:
        table = given if isinstance(given, pa.Table) else pa.table(given)
    except (pa.ArrowException, TypeError, ValueError) as error:
        message = arrow.library_message(error)
        if "non-struct" in message:  # a column, not a table
            raise _no_table(given, where) from None
        raise InputError(
            where,
            expected=_TABLE,
            got=f"{_name_of(given)} with a column that Arrow cannot take ({message})",
            fix="cast that column to numbers or text",
        ) from None
    check_names(table.column_names)
    return arrow.to_pandas(table)


def _of_mapping(given: Mapping[Any, Any], where: str, *, one_row: bool) -> pd.DataFrame:
    columns = {str(name): values for name, values in given.items()}
    check_names(list(map(str, given)))
    lists = {name: is_list_like(v, allow_sets=False) for name, v in columns.items()}
    if columns and one_row and not any(lists.values()):
        return _of_pandas(pd.DataFrame([columns]), where)
    lengths = {name: len(v) if lists[name] and hasattr(v, "__len__") else -1
               for name, v in columns.items()}  # fmt: skip
    if len(set(lengths.values())) != 1 or -1 in lengths.values():
        shown = ", ".join(f"{name!r} {'no list' if n < 0 else n}" for name, n in lengths.items())
        raise InputError(
            where,
            expected="a dict of columns, which are lists of one length",
            got=f"a dict with {shown[:200] or 'nothing in it'}",
            fix="use [value] for a table of one row",
        )
    series = {
        name: _of_arrow(pa.table({name: pa.chunked_array(values)}), where)[name]
        if _is_arrow(values) and not isinstance(values, pd.Series | pd.Index)
        else _typed(pd.Series(values, dtype=object))
        if isinstance(values, list | tuple)
        else values
        for name, values in columns.items()
    }
    frame = pd.DataFrame(series)
    if len(frame) != next(iter(lengths.values())):  # pandas brings columns together by their index
        raise InputError(
            where,
            expected="columns with one index",
            got="Series whose indexes differ",
            fix="use series.reset_index(drop=True), or one DataFrame",
        )
    return _of_pandas(frame, where)


def _typed(cells: pd.Series) -> pd.Series:
    """Return Python's own values in the type that they have in common, with all their digits."""
    typed = cells.infer_objects()
    if typed.dtype == np.float64 and infer_dtype(cells, skipna=True) == "integer":
        try:
            return cells.astype("Int64")  # some are missing
        except OverflowError:
            return cells
    return typed


def _of_other_library(given: Any, where: str) -> pd.DataFrame:
    """Return a DataFrame of a library that has its own way to pandas."""
    try:
        frame = given.to_pandas()
    except Exception as error:  # of a library that we do not know
        raise InputError(
            where,
            expected=_TABLE,
            got=f"{_name_of(given)} that cannot be read ({arrow.library_message(error)})",
            fix="make a pandas DataFrame of it",
        ) from error
    if not isinstance(frame, pd.DataFrame):
        raise _no_table(given, where)
    return _of_pandas(frame, where)


def _of_array(given: Any, where: str, names: Sequence[str]) -> pd.DataFrame:
    """Return an array whose columns are taken by position."""
    try:
        array = unmasked(np.asanyarray(given))
    except ValueError:  # rows of different lengths
        array = np.empty(0)
    if array.ndim != 2 or array.shape[1] != len(names):
        shape = " x ".join(map(str, array.shape))
        raise InputError(
            where,
            expected=f"rows of {len(names)} columns where they have no names",
            got=f"{_name_of(given)} of shape {shape}",
            fix=f"give those of {', '.join(map(repr, names[:6]))}"
            f"{', ...' if len(names) > 6 else ''} in this order, or a DataFrame",
        )
    frame = pd.DataFrame(array, columns=list(names))
    return frame.apply(_typed) if array.dtype == object else frame


def _no_table(given: object, where: str) -> InputError:
    words = [name for name in _CONVERSIONS if callable(getattr(given, name, None))]
    fix = f"call .{words[0]}() first" if words else "make a pandas DataFrame of it"
    if isinstance(given, np.ndarray | list | tuple):
        fix = "name its columns: pandas.DataFrame(array, columns=[...])"
    if isinstance(given, str | os.PathLike):
        fix = "read it first, e.g. pandas.read_csv(path, dtype=str)"
    return InputError(where, expected=_TABLE, got=_name_of(given), fix=fix)


def _name_of(given: object) -> str:
    """Return what an object is, in words: ``a polars Series``."""
    if given is None:
        return "nothing"
    kind = type(given)
    library = kind.__module__.partition(".")[0]
    name = kind.__name__ if library in ("builtins", "__main__") else f"{library} {kind.__name__}"
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"

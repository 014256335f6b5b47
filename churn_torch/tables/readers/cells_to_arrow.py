"""Columns of Python values, as readers without types of their own give them, to Arrow."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from churn_torch.tables.values.cells import LARGEST_EXACT, scalar_text

_DATES = (datetime.datetime, datetime.date)


def column_of(cells: Sequence[Any]) -> pa.Array:
    """Return a column in the one type that holds all its cells; text where they differ in kind.

    Numbers that are all whole become integers. ``None``, ``""`` and NaN are missing.
    """
    values = [None if cell is None or cell == "" or cell != cell else cell for cell in cells]
    present = [value for value in values if value is not None]
    kinds = set(map(type, present))
    if not kinds:
        return pa.nulls(len(cells), pa.string())
    try:
        if kinds == {bool}:
            return pa.array(values, pa.bool_())
        if kinds <= {int, float}:
            return _numbers(values, present)
        if kinds <= {dict} or kinds <= {list}:
            return pa.array(values)
        if all(issubclass(kind, _DATES) for kind in kinds):
            return pa.array(map(_moment, values), pa.timestamp("us"))
    except (pa.ArrowException, OverflowError, ValueError):
        pass  # text holds all
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _numbers(values: Sequence[Any], present: Sequence[Any]) -> pa.Array:
    whole = all(isinstance(n, int) or (n.is_integer() and abs(n) < LARGEST_EXACT) for n in present)
    if whole:
        return pa.array([None if value is None else int(value) for value in values], pa.int64())
    return pa.array([None if value is None else float(value) for value in values], pa.float64())


def _moment(value: Any) -> datetime.datetime | None:
    if value is None or isinstance(value, datetime.datetime):
        return value
    return datetime.datetime(value.year, value.month, value.day)


def _text(value: Any) -> str:
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return scalar_text(value)

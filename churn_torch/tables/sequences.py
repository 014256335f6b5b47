"""Columns of lists: the events of a customer, in the cells of a customer's row.

Of a table with the columns ``orders_amount``, ``orders_channel`` and ``orders_days_before`` each
cell holds a list, with one entry for each order of the customer, the oldest order first. The lists
of a row have the same length. ``orders_days_before`` holds the days from an order to the day of the
row, such as the cut-off of an event specification; later orders are not in the lists. A missing
cell is an empty list: a customer without events.

Events are rows of a table of their own, so the rules for cells
(`churn_torch.tables.values.cells`) apply to the entries of a list as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.errors import InputError
from churn_torch.tables.schema import Schema, SequenceGroup

Lengths = npt.NDArray[np.int64]
Parse = Callable[..., pd.DataFrame]


def lists_of(
    series: pd.Series, name: str, *, last: int | None = None, first_row: int = 0
) -> list[Any]:
    """Return the list of each cell, an empty one where it is missing.

    Args:
        series: The column.
        name: Its name, for messages.
        last: Keep only so many entries, the last ones.
        first_row: How many rows stand before it.

    Raises:
        InputError: A cell is no list.
    """
    lists: list[Any] = []
    for row, cell in enumerate(series.to_numpy(object)):
        if isinstance(cell, list | tuple | np.ndarray) and np.ndim(cell) <= 1:
            lists.append(cell if last is None else cell[-last:])
        elif cell is None or cell is pd.NA or (isinstance(cell, float) and np.isnan(cell)):
            lists.append(())
        else:
            raise InputError(
                f"column {name!r}",
                expected="a list in each cell, as data.sequences names it",
                got=f"{str(cell)[:80]!r} in row {first_row + row + 1:,}",
                fix="read the table from Parquet, where cells can be lists, or leave the column "
                "out of data.sequences",
            )
    return lists


def joined(lists: Sequence[Any]) -> pd.Series:
    """Return the entries of all lists, one after the other."""
    arrays = [cell for cell in lists if len(cell)]
    if arrays and all(isinstance(cell, np.ndarray) and cell.dtype != object for cell in arrays):
        return pd.Series(np.concatenate(arrays))
    entries = list(chain.from_iterable(arrays))
    return pd.Series(entries) if entries else pd.Series([], dtype="float64")


def lengths_of(lists: Sequence[Any]) -> Lengths:
    """Return how many entries each list has, ``[N]``."""
    return np.fromiter(map(len, lists), dtype=np.int64, count=len(lists))


def check_lengths(of_column: dict[str, Lengths], group: str, *, first_row: int = 0) -> Lengths:
    """Return the number of events of each row.

    Args:
        of_column: ``[N]`` the lengths of the lists, by column.
        group: The name of the group, for messages.
        first_row: How many rows stand before.

    Raises:
        InputError: The lists of a row differ in length.
    """
    (first, lengths), *others = of_column.items()
    for name, other in others:
        if not np.array_equal(lengths, other):
            row = int((lengths != other).argmax())
            raise InputError(
                f"data.sequences.{group}",
                expected="lists of the same length in all columns of a row",
                got=f"{lengths[row]} entries of {first!r} and {other[row]} of {name!r} in row "
                f"{first_row + row + 1:,}",
                fix="give each event an entry in every column, null where it has no value",
            )
    return lengths


def parse_lists(
    frame: pd.DataFrame, group: SequenceGroup, parse: Parse, *, first_row: int = 0
) -> dict[str, pd.Series]:
    """Return the columns of a group, typed: each cell an array of at most ``group.last`` values.

    Args:
        frame: N raw rows.
        group: What its columns mean.
        parse: `churn_torch.tables.encode.parse`.
        first_row: How many rows stand before, so that errors name the row of the table.

    Raises:
        InputError: A cell is no list, the lists of a row differ in length, an entry cannot be read
            as its kind, or days are those of later events or in another order.
    """
    names = [column.name for column in group.columns]
    whole = {name: lists_of(frame[name], name, first_row=first_row) for name in names}
    check_lengths(
        {name: lengths_of(lists) for name, lists in whole.items()}, group.name, first_row=first_row
    )
    lists = {name: [cell[-group.last :] for cell in cells] for name, cells in whole.items()}
    lengths = lengths_of(lists[names[0]])
    events = pd.DataFrame({name: joined(cells) for name, cells in lists.items()})
    try:
        parsed = parse(events, group.events)
    except InputError:
        _name_row(events, group.events, lengths, parse, first_row)
        raise
    if group.days_before is not None:
        _check_days(parsed[group.days_before].to_numpy(), group, lengths, first_row)
    return {name: in_cells(parsed[name].to_numpy(), lengths) for name in names}


def _check_days(
    days: npt.NDArray[np.float64], group: SequenceGroup, lengths: Lengths, first_row: int
) -> None:
    """Refuse events after the day of their row, and lists that do not begin with the oldest."""
    row = np.repeat(np.arange(len(lengths)), lengths)
    unsorted = np.append((np.diff(days) > 0) & (row[1:] == row[:-1]), False)
    for wrong, expected, fix in (
        (days < 0, "days of 0 or more", "leave events after the day of the row out"),
        (unsorted[: len(days)], "the oldest event first", "sort all lists of the row by time"),
    ):
        if wrong.any():
            first = int(wrong.argmax())
            got = ", ".join(f"{day:g}" for day in days[first : first + 2][: lengths[row[first]]])
            raise InputError(
                f"column {group.days_before!r}",
                expected=f"{expected}, as data.sequences.{group.name}.days_before names it",
                got=f"[{got}] in row {first_row + row[first] + 1:,}",
                fix=fix,
            )


def _name_row(
    events: pd.DataFrame, schema: Schema, lengths: Lengths, parse: Parse, first_row: int
) -> None:
    """Raise the error of the first event that cannot be read, with the row of its customer."""
    low, high = 0, len(events)  # the first `low` events can be read, the first `high` cannot
    while high - low > 1:
        middle = (low + high) // 2
        try:
            parse(events.iloc[low:middle], schema)
            low = middle
        except InputError:
            high = middle
    row = int(np.searchsorted(np.cumsum(lengths), low, side="right"))
    parse(events.iloc[low:high], schema, first_row=first_row + row)


def in_cells(values: npt.NDArray[Any], lengths: Lengths) -> pd.Series:
    """Return a column of arrays, of the next `lengths` values each."""
    cells = np.empty(len(lengths), dtype=object)
    for row, values_of_row in enumerate(np.split(values, np.cumsum(lengths)[:-1])):
        if row < len(cells):
            cells[row] = values_of_row
    return pd.Series(cells)


def events_of(parsed: pd.DataFrame, group: SequenceGroup) -> pd.DataFrame:
    """Return the events of parsed rows as a table: at most ``group.last`` of each row."""
    events = {}
    for column in group.columns:
        values = [cell[-group.last :] for cell in parsed[column.name]]
        entries = np.concatenate(values) if values else np.empty(0)
        is_text = Schema.is_text(column)
        events[column.name] = pd.Series(entries, dtype="str" if is_text else "float64")
    return pd.DataFrame(events)


def encode_lists(
    parsed: pd.DataFrame, group: SequenceGroup, encode: Callable[..., Any]
) -> npt.NDArray[np.float64]:
    """Return the group as an array: the number of events, then `last` cells of each column.

    The first event that is read stands first; the cells behind the last event are 0.

    Args:
        parsed: N rows.
        group: The group.
        encode: `churn_torch.tables.encode.encode`; categories become codes.

    Shape:
        ``[N, 1 + C * last]`` float64.
    """
    lists = parsed[group.columns[0].name]
    lengths = np.minimum(lengths_of(list(lists)), group.last)
    float32, float64, codes, _ = encode(events_of(parsed, group), group.events)
    cells = np.concatenate([float32, float64, codes], axis=1, dtype=np.float64)
    array = np.zeros((len(parsed), len(group.columns), group.last))
    row = np.repeat(np.arange(len(parsed)), lengths)
    place = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    array[row, :, place] = cells
    return np.concatenate(
        [lengths[:, np.newaxis], array.reshape(len(parsed), group.width - 1)], axis=1
    )

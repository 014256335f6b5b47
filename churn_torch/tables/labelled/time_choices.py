"""The choices of a split by time, in the units of its column: label window, start of the test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TypedDict

from churn_torch.errors import InputError
from churn_torch.tables.encode import is_dated
from churn_torch.tables.schema import Column
from churn_torch.tables.split_options import SplitOptions

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class WindowAndTest(TypedDict):
    """The last two arguments of `churn_torch.tables.labelled.time_borders.time_borders`."""

    window: float
    test_from: float | None


def window_and_test(split: SplitOptions, column: Column) -> WindowAndTest:
    """Return the label window and the first time of the test rows, in the units of a time column.

    Args:
        split: By time.
        column: The time.

    Raises:
        InputError: One of them does not fit the column.
    """
    dated, given = is_dated(column), split.test_from
    window = split.label_window(dated=dated)
    if given is None:
        return {"window": window, "test_from": None}
    try:
        if not dated:
            return {"window": window, "test_from": float(given)}
        moment = datetime.fromisoformat(str(given))
    except ValueError:
        raise InputError(
            "data.split.test_from",
            expected=f"a {'date such as 2025-06-01' if dated else 'number'}, as those of "
            f"{column.name!r}",
            got=repr(given),
        ) from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return {"window": window, "test_from": (moment - EPOCH) / timedelta(days=1)}

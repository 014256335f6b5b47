"""Splits by time: training rows are older than validation rows, and these than test rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from churn_torch.tables.labelled.split_checks import check_present, check_shares
from churn_torch.tables.labelled.splits import (
    TEST,
    TRAIN,
    VALIDATION,
    LeftOut,
    Split,
    by_group,
    checked_label,
    split_of,
)
from churn_torch.tables.labelled.time_borders import of_time_and_group, time_borders


def by_time(
    time: npt.ArrayLike,
    label: npt.ArrayLike,
    *,
    validation: float = 0.15,
    test: float = 0.15,
    window: float = 0.0,
    test_from: float | None = None,
) -> Split:
    """Split by time; rows of the same time stay together.

    Args:
        time: [N] of numbers that grow with time.
        label: [N] of 1 and 0.
        validation: Share of the rows.
        test: Share of the rows; 0 when a test table is given.
        window: As for `churn_torch.tables.labelled.time_borders.TimeBorders`.
        test_from: As for `churn_torch.tables.labelled.time_borders.time_borders`.

    Raises:
        InputError: A time is missing, there are too few distinct times, or a part lacks a class.
    """
    check_shares(validation, test)
    label = checked_label(label)
    time = np.asarray(time, dtype=np.float64)
    check_present("time", int(np.isnan(time).sum()), len(time))
    borders = time_borders(
        time, validation=validation, test=test, window=window, test_from=test_from
    )
    part = borders.parts(time)
    return split_of(label, *(np.flatnonzero(part == i) for i in (TRAIN, VALIDATION, TEST)))


def by_time_and_group(
    time: npt.ArrayLike,
    group: npt.ArrayLike,
    label: npt.ArrayLike,
    *,
    validation: float = 0.15,
    test: float = 0.15,
    window: float = 0.0,
    test_from: float | None = None,
    seed: int,
) -> tuple[Split, LeftOut]:
    """Split by time and group together: later rows of other groups are validated and tested on.

    The shares hold for the times and for the groups. A row is in a part if it is in it by both.

    Args:
        time: As for `by_time`.
        group: As for `churn_torch.tables.labelled.splits.by_group`.
        label: [N] of 1 and 0.
        validation: Share of the rows by time, and of the groups.
        test: Share of the rows by time, and of the groups; 0 when a test table is given.
        window: As for `churn_torch.tables.labelled.time_borders.TimeBorders`.
        test_from: As for `churn_torch.tables.labelled.time_borders.time_borders`.
        seed: Decides which groups are in which part.

    Returns:
        The parts, and how many rows are in none.

    Raises:
        InputError: As for `by_time` and `churn_torch.tables.labelled.splits.by_group`.
    """
    label, time = checked_label(label), np.asarray(time, dtype=np.float64)
    groups = by_group(group, label, validation=validation, test=test, seed=seed)
    of_group = np.empty(len(label), dtype=np.int8)
    for position, rows in enumerate(groups):
        of_group[rows] = position
    check_present("time", int(np.isnan(time).sum()), len(time))
    borders = time_borders(
        time, validation=validation, test=test, window=window, test_from=test_from
    )
    part = of_time_and_group(borders.parts(time), of_group)
    parts = (np.flatnonzero(part == i) for i in (TRAIN, VALIDATION, TEST))
    return split_of(label, *parts, with_test=test > 0), LeftOut.of(part)

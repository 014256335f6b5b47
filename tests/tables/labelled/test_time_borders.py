"""Borders of a split by time: the nearest to the shares wanted, and no label reaches over one."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_torch.errors import InputError
from churn_torch.tables.labelled.splits import OF_TWO_PARTS, REACHES_LATER, LeftOut
from churn_torch.tables.labelled.time_borders import TimeBorders, of_time_and_group, time_borders


def test_borders_part_rows_that_were_not_looked_at() -> None:
    borders = time_borders(np.arange(100.0), validation=0.2, test=0.1)
    assert borders == TimeBorders(70.0, 90.0)
    assert borders.parts(np.array([-5.0, 69.9, 70.0, 89.0, 90.0, 1e9])).tolist() == [
        0, 0, 1, 1, 2, 2,
    ]  # fmt: skip
    assert time_borders(np.arange(100.0), validation=0.2, test=0.0) == TimeBorders(80.0, np.inf)


def slow_borders(time, validation, test, window):
    """Every pair of distinct times is tried: how far it is off, the test share first."""
    tried = {}
    for first, second in combinations(np.unique(time), 2):
        n_train = ((time + window <= first) & (time < first)).sum()
        here = (time >= first) & (time < second) & (time + window <= second)
        if n_train and here.sum():
            off_test = abs((time < second).mean() - (1 - test))
            share = here.sum() / (here.sum() + n_train)
            tried[first, second] = (off_test, abs(share - validation / (1 - test)))
    return tried


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 40), min_size=20, max_size=60).map(np.array),
    st.integers(0, 12),
    st.tuples(st.floats(0.05, 0.45), st.floats(0.05, 0.45)),
)
def test_borders_are_those_of_a_slow_search(time, window, shares) -> None:
    validation, test = shares
    time = time.astype(float)
    tried = slow_borders(time, validation, test, window)
    if not tried:
        with pytest.raises(InputError, match=r"reach into no later part|distinct times to"):
            time_borders(time, validation=validation, test=test, window=window)
        return
    borders = time_borders(time, validation=validation, test=test, window=window)
    off_test, off_validation = tried[borders.validation, borders.test]
    assert off_test <= min(off for off, _ in tried.values()) + 1e-9
    assert off_validation <= 1e-9 + min(
        off for (_, second), (_, off) in tried.items() if second == borders.test
    )
    part = borders.parts(time)
    last = [(time[part == i] + window).max() for i in (0, 1)]
    assert last[0] <= time[part == 1].min()
    assert last[1] <= time[part == 2].min()
    # Rows that are left out reach into a part that is not their own.
    out = time[part == REACHES_LATER]
    later = np.where(out < borders.validation, borders.validation, borders.test)
    assert (out + window > later).all()


def test_a_row_of_two_parts_is_in_none() -> None:
    of_time = np.array([0, 1, 2, 2, REACHES_LATER], dtype=np.int8)
    part = of_time_and_group(of_time, np.array([0, 0, 2, 1, 0], dtype=np.int8))
    assert part.tolist() == [0, OF_TWO_PARTS, 2, OF_TWO_PARTS, REACHES_LATER]
    assert LeftOut.of(part).plus(LeftOut(1, 1)) == LeftOut(2, 3)

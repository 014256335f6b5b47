"""Splits by time: nothing crosses a border, and no label reaches into a later part."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_torch.errors import InputError
from churn_torch.tables.labelled.splits import LeftOut
from churn_torch.tables.labelled.time_splits import by_time, by_time_and_group

SHARES = st.tuples(st.floats(0.05, 0.45), st.just(0.0) | st.floats(0.05, 0.45))
CUTOFFS = np.repeat([0.0, 30.0, 60.0, 90.0, 120.0], 20)


def labels(n: int, every: int = 4) -> np.ndarray:
    return (np.arange(n) % every == 0).astype(np.float32)


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 30), min_size=30, max_size=90).map(np.array),
    SHARES,
)
def test_time_never_runs_backwards(time: np.ndarray, shares: tuple[float, float]) -> None:
    label = labels(len(time), every=2)
    try:
        split = by_time(time, label, validation=shares[0], test=shares[1])
    except InputError as error:
        assert "distinct times" in str(error) or "both classes" in str(error)  # noqa: PT017
        return
    assert sorted(np.concatenate(split)) == list(range(len(time)))
    assert all((np.diff(part) > 0).all() for part in split)
    parts = [time[part] for part in split if len(part)]
    for earlier, later in pairwise(parts):
        assert earlier.max() < later.min()


def test_time_shares_hold_where_times_differ() -> None:
    time = np.random.default_rng(0).permutation(1000).astype(float)
    split = by_time(time, labels(1000))
    assert [len(part) for part in split] == [700, 150, 150]
    assert set(time[split.train]) == set(range(700))
    split = by_time(time, labels(1000), test=0.0)
    assert [len(part) for part in split] == [850, 150, 0]


def test_borders_move_to_the_nearest_change_of_time() -> None:
    time = np.repeat([1.0, 2.0, 3.0, 4.0], [60, 12, 14, 14])
    split = by_time(time, labels(100, every=3))
    assert [len(part) for part in split] == [72, 14, 14]
    three = by_time(np.repeat([1.0, 2.0, 3.0], [5, 5, 90]), labels(100, every=2))
    assert [len(part) for part in three] == [5, 5, 90]


@pytest.mark.parametrize(
    ("time", "label", "message"),
    [
        (np.full(40, 7.0), labels(40), "at least 3 distinct times .* got 1"),
        (np.repeat([1.0, 2.0], 20), labels(40), "at least 3 distinct times .* got 2"),
        (np.r_[np.arange(39.0), np.nan], labels(40), "1 of 40 missing; drop"),
        (np.arange(40.0), np.r_[np.zeros(30), np.ones(10)],
         "training part, got no positive row among its 28 .the table has 10 positive rows in 40"),
        (np.arange(40.0), np.r_[labels(34, 2), np.ones(6)], "test part, got no negative row"),
    ],
)  # fmt: skip
def test_by_time_says_what_is_lacking(time: np.ndarray, label: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        by_time(time, label)


def test_shares_and_labels_are_checked() -> None:
    with pytest.raises(InputError, match="both together below 1"):
        by_time(np.arange(50), labels(50), validation=0.9, test=0.2)
    with pytest.raises(ValueError, match="drop the rows without a label"):
        by_time(np.arange(4), [1.0, 0.0, np.nan, 1.0])


def test_of_few_cut_offs_whole_ones_are_left_out() -> None:
    split = by_time(CUTOFFS, labels(100), window=37.0)
    assert [set(CUTOFFS[part]) for part in split] == [{0.0}, {60.0}, {120.0}]
    # A label that ends where the next part begins does not reach into it.
    split = by_time(CUTOFFS, labels(100), window=30.0)
    assert [set(CUTOFFS[part]) for part in split] == [{0.0, 30.0, 60.0}, {90.0}, {120.0}]
    hours = CUTOFFS / 24  # floating point numbers that do not add up exactly
    split = by_time(hours, labels(100), window=30 / 24)
    assert [len(part) for part in split] == [60, 20, 20]


def test_the_first_time_of_the_test_may_be_named() -> None:
    for first in (60.0, 45.0):
        split = by_time(CUTOFFS, labels(100), test_from=first)
        assert [set(CUTOFFS[part]) for part in split] == [{0.0}, {30.0}, {60.0, 90.0, 120.0}]
    for first in (500.0, 30.0, -1.0):
        with pytest.raises(InputError, match=r"data\.split\.test_from: expected a time with rows"):
            by_time(CUTOFFS, labels(100), test_from=first)
    with pytest.raises(InputError, match=r"horizon: .* labels, 61 long, .* got 5 distinct times"):
        by_time(CUTOFFS, labels(100), test_from=120.0, window=61.0)


def test_too_little_time_is_said() -> None:
    message = (
        r"data\.split\.horizon: .* labels, 61 long, .* got 5 distinct times within 120; take more"
    )
    with pytest.raises(InputError, match=message):
        by_time(CUTOFFS, labels(100), window=61.0)
    with pytest.raises(
        InputError, match=r"at least 3 distinct times to split by, got 1; .*cut-off"
    ):
        by_time(np.zeros(40), labels(40))


def test_by_time_and_group_both_hold() -> None:
    rng = np.random.default_rng(0)
    group, time = np.tile(np.arange(300), 5), np.repeat(np.arange(5) * 30.0, 300)
    label = (rng.random(1500) < 0.4).astype(float)
    shares = {"validation": 0.2, "test": 0.2}
    split, left_out = by_time_and_group(time, group, label, **shares, window=30.0, seed=0)
    times, groups = ([set(values[part]) for part in split] for values in (time, group))
    assert times == [{0.0, 30.0, 60.0}, {90.0}, {120.0}]
    assert [len(one) for one in groups] == [180, 60, 60]
    assert sum(map(len, groups)) == len(set.union(*groups))
    assert left_out == LeftOut(0, 1500 - 3 * 180 - 60 - 60)
    again, _ = by_time_and_group(time, group, label, **shares, window=30.0, seed=0)
    assert all(np.array_equal(a, b) for a, b in zip(split, again, strict=True))
    _, left_out = by_time_and_group(time, group, label, **shares, window=31.0, seed=0)
    assert left_out.reaching_later == 600
    with pytest.raises(InputError, match="a time in every row, got 1 of 1,500 missing"):
        by_time_and_group(np.r_[np.nan, time[1:]], group, label, seed=0)
    with pytest.raises(InputError, match="at least 3 groups with and as many without"):
        by_time_and_group(time, time, label, seed=0)

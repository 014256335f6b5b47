"""Splits: every row once, both classes everywhere, and nothing crosses a border."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from churn_torch.errors import InputError
from churn_torch.tables.hashing import splitmix64
from churn_torch.tables.labelled.splits import (
    Split,
    by_group,
    by_hash,
    group_keys,
    hash_parts,
    row_keys,
    stratified,
)

SHARES = st.tuples(st.floats(0.05, 0.45), st.just(0.0) | st.floats(0.05, 0.45))
LABELS = st.lists(st.sampled_from([0.0, 1.0]), min_size=6, max_size=120).map(np.array)


def check(split: Split, n: int, label: np.ndarray, with_test: bool = True) -> None:
    """Check what holds for every split: sorted parts of int64 that together are all rows."""
    assert all(part.dtype == np.int64 for part in split)
    assert all((np.diff(part) > 0).all() for part in split)
    assert sorted(np.concatenate(split)) == list(range(n))
    assert (len(split.test) > 0) == with_test
    for part in split[: 3 if with_test else 2]:
        assert set(label[part]) == {0.0, 1.0}


def labels(n: int, every: int = 4) -> np.ndarray:
    return (np.arange(n) % every == 0).astype(np.float32)


@settings(deadline=None)
@given(LABELS, SHARES, st.integers(0, 3))
def test_stratified_deals_out_each_class(
    label: np.ndarray, shares: tuple[float, float], seed: int
) -> None:
    validation, test = shares
    assume(min(label.sum(), (1 - label).sum()) >= 3)
    split = stratified(label, validation=validation, test=test, seed=seed)
    check(split, len(label), label, with_test=test > 0)
    for value in (0.0, 1.0):
        count = (label == value).sum()
        for part, share in zip(split[1:], shares, strict=True):
            count_here = (label[part] == value).sum()
            assert abs(count_here - count * share) <= 1.5 or share == 0.0


def test_stratified_is_as_even_as_scikit_learn() -> None:
    label = labels(1000, every=7)
    split = stratified(label, seed=0)
    train, rest = train_test_split(np.arange(1000), test_size=0.3, stratify=label, random_state=0)
    assert abs(len(split.train) - len(train)) <= 2
    assert abs(label[split.train].sum() - label[train].sum()) <= 2
    assert len(split.validation) + len(split.test) == pytest.approx(len(rest), abs=2)


def test_the_seed_decides() -> None:
    label = labels(200)
    first, again, other = (stratified(label, seed=seed) for seed in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first.test, other.test)
    groups = np.arange(200) // 2
    first, again, other = (by_group(groups, label, seed=seed) for seed in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first.test, other.test)


def test_the_default_is_70_15_15() -> None:
    split = stratified(labels(1000), seed=3)
    assert [len(part) for part in split] == [700, 150, 150]


def test_three_rows_of_a_class_are_enough() -> None:
    label = np.array([1.0] * 3 + [0.0] * 97)
    split = stratified(label, seed=0)
    assert [label[part].sum() for part in split] == [1, 1, 1]
    split = stratified(label[1:], test=0.0, seed=0)
    assert [label[1:][part].sum() for part in split] == [1, 1, 0]


def test_large_shares_leave_something_to_learn_from() -> None:
    label = labels(12, every=2)
    split = stratified(label, validation=0.49, test=0.49, seed=0)
    check(split, 12, label)


@pytest.mark.parametrize("validation", [0.0, 1.0, -0.1, 0.9])
def test_shares_must_add_up(validation: float) -> None:
    label = labels(50)
    message = f"below 1, got validation={validation} and test=0.2"
    with pytest.raises(InputError, match=message):
        stratified(label, validation=validation, test=0.2, seed=0)
    with pytest.raises(InputError, match=message):
        by_group(np.arange(50), label, validation=validation, test=0.2, seed=0)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ([0.0] * 50, "at least 3 positive rows to split 50 rows into 3 parts, got 0"),
        ([1.0] * 50, "at least 3 negative rows"),
        ([1.0] * 2 + [0.0] * 48, "positive rows .* got 2; add rows"),
        ([], "got 0"),
    ],
)
def test_stratified_says_what_is_lacking(label: list, message: str) -> None:
    with pytest.raises(InputError, match=message):
        stratified(label, seed=0)


def test_labels_must_be_known() -> None:
    for split in (
        lambda label: stratified(label, seed=0),
        lambda label: by_group(np.arange(4), label, seed=0),
    ):
        with pytest.raises(ValueError, match="drop the rows without a label"):
            split([1.0, 0.0, np.nan, 1.0])


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 25), min_size=40, max_size=120),
    st.lists(st.booleans(), min_size=26, max_size=26),
    SHARES,
    st.integers(0, 3),
)
def test_no_group_is_in_two_parts(
    group: list[int], churned: list[bool], shares: tuple[float, float], seed: int
) -> None:
    label = np.array([float(churned[g] and i % 2) for i, g in enumerate(group)])
    try:
        split = by_group(group, label, validation=shares[0], test=shares[1], seed=seed)
    except InputError as error:
        assert "groups" in str(error) or "both classes" in str(error)  # noqa: PT017
        return
    check(split, len(group), label, with_test=shares[1] > 0)
    seen = [{group[row] for row in part} for part in split]
    assert sum(map(len, seen)) == len(set(group))


def test_group_shares_hold_for_equal_groups() -> None:
    group = np.repeat(np.arange(1000), 3)
    label = np.repeat(labels(1000), 3)
    split = by_group(group, label, seed=0)
    for part, share in zip(split, (0.7, 0.15, 0.15), strict=True):
        assert len(part) / 3000 == pytest.approx(share, abs=0.002)
        assert label[part].mean() == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize(
    "group",
    [
        pd.Series([f"k{i // 2}" for i in range(60)], index=range(60, 120)),
        pd.Series([i // 2 for i in range(60)], dtype="Int64"),
        pd.Series([i // 2 for i in range(60)], dtype="category"),
        np.array([f"k{i // 2}" for i in range(60)]),
        [i // 2 for i in range(60)],
    ],
    ids=["text", "Int64", "category", "array", "list"],
)
def test_groups_may_be_anything(group: object) -> None:
    split = by_group(group, labels(60), seed=0)  # type: ignore[arg-type]
    for part in split:
        assert all((row ^ 1) in part for row in part)  # the two rows of a group stay together


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ([None, *["a"] * 39], "expected a group in every row, got 1 of 40 missing"),
        (["", *["a"] * 39], "1 of 40 missing"),
        (["a"] * 40, "at least 3 groups with and as many without a positive row.* got 1 and 0"),
        ([i % 4 for i in range(40)], "got 1 and 3"),
    ],
)
def test_by_group_says_what_is_lacking(group: list, message: str) -> None:
    with pytest.raises(InputError, match=message):
        by_group(pd.Series(group, dtype=object), labels(40), seed=0)


@given(LABELS, SHARES, st.integers(0, 3))
def test_by_hash_deals_out_each_row_on_its_own(
    label: np.ndarray, shares: tuple[float, float], seed: int
) -> None:
    validation, test = shares
    keys = splitmix64(np.arange(len(label)))
    try:
        split = by_hash(keys, label, validation=validation, test=test, seed=seed)
    except InputError as error:
        assert "both classes" in str(error)  # noqa: PT017
        return
    check(split, len(label), label, with_test=test > 0)
    part = hash_parts(keys[::-1], validation=validation, test=test, seed=seed)[::-1]
    assert all(np.array_equal(np.flatnonzero(part == i), rows) for i, rows in enumerate(split))


def test_hash_shares_hold_and_the_seed_decides() -> None:
    keys = splitmix64(np.arange(100_000))
    first, again, other = (
        hash_parts(keys, validation=0.2, test=0.1, seed=seed) for seed in (0, 0, 1)
    )
    shares = np.bincount(first) / 100_000
    assert shares == pytest.approx([0.7, 0.2, 0.1], abs=5 * np.sqrt(0.2 * 0.8 / 100_000))
    assert np.array_equal(first, again)
    # Two seeds agree no more than chance would have it.
    by_chance = 0.7**2 + 0.2**2 + 0.1**2
    assert (first == other).mean() == pytest.approx(by_chance, abs=0.01)


def test_a_larger_test_share_takes_no_row_out_of_the_test() -> None:
    keys = splitmix64(np.arange(1000))
    small, large = (hash_parts(keys, validation=0.1, test=test, seed=0) for test in (0.1, 0.2))
    assert (large[small == 2] == 2).all()


def test_by_hash_says_what_is_lacking() -> None:
    label = np.r_[1.0, np.zeros(39)]
    message = "part, got no positive row among its .* .the table has 1 positive rows in 40"
    with pytest.raises(InputError, match=message):
        by_hash(splitmix64(np.arange(40)), label, seed=0)
    with pytest.raises(InputError, match="test part, got no positive row among its 0 "):
        by_hash(splitmix64(np.arange(40)), labels(40, 2), validation=0.4, test=1e-9, seed=0)
    with pytest.raises(InputError, match="both together below 1"):
        by_hash(splitmix64(np.arange(40)), label, validation=0.9, seed=0)


def test_rows_go_by_their_id_whatever_its_type_and_else_by_their_position() -> None:
    rows = np.arange(7, 10)
    ids = [[12, 5, 7], ["12", "5", "7"], pd.array([12, 5, 7], dtype="Int64"), [12.0, 5.0, 7.0]]
    keys = [row_keys(pd.DataFrame({"id": values}), "id", rows) for values in ids]
    assert all(np.array_equal(one, keys[0]) for one in keys)
    assert len(set(keys[0])) == 3
    frame = pd.DataFrame({"id": ["12", None, ""]})
    mixed, by_position = row_keys(frame, "id", rows), row_keys(frame, None, rows)
    assert mixed[0] == keys[0][0]
    assert np.array_equal(mixed[1:], by_position[1:])
    assert np.array_equal(by_position, row_keys(frame, "gone", rows))


def test_keys_of_groups() -> None:
    keys = group_keys(pd.Series(["a", "b", "a"]))
    assert keys[0] == keys[2] != keys[1]
    assert keys.dtype == np.uint64
    with pytest.raises(InputError, match="a group in every row, got 1 of 2 missing"):
        group_keys(pd.Series(["a", None]))

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_torch.errors import InputError
from churn_torch.tables.labelled.folds import folds
from churn_torch.tables.labelled.in_memory import MemoryTable
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.tables.options import DataOptions
from churn_torch.tables.split_options import SplitOptions

BY = {
    "random": [],
    "hash": ["data.split.by=hash"],
    "group": ["data.split.by=group", "data.split.column=household"],
    "time": ["data.split.by=time", "data.split.column=joined"],
}


@pytest.fixture
def folds_of(table_keys, customers, data_options):
    """Return a function from overrides to the folds of `customers`."""

    def folds_of(*keys: str, n_folds: int = 4, frame: pd.DataFrame = customers, **more: Any):
        data = data_options(*table_keys, *keys)
        table = read_labelled(data, seed=0, source=frame, with_test=False)
        return list(folds(table, data.split, **{"n_folds": n_folds, "seed": 0, **more}))

    return folds_of


def assert_parts_are_apart(tables: list[MemoryTable]) -> None:
    for one in tables:
        rows = np.concatenate(one.split)
        assert len(np.unique(rows)) == len(rows)
        assert min(map(len, one.split)) > 0
        assert one.weight_by_class["train"].sum() == len(one.split.train)


@pytest.mark.parametrize("by", ["random", "hash", "group"])
def test_every_row_is_tested_once(folds_of, by):
    tables = folds_of(*BY[by])
    assert_parts_are_apart(tables)
    tested = np.concatenate([one.split.test for one in tables])
    assert np.array_equal(np.sort(tested), np.arange(400))
    assert all(sum(one.counts.values()) == 400 for one in tables)
    again, other = folds_of(*BY[by]), folds_of(*BY[by], seed=1)
    assert all(
        np.array_equal(*rows)
        for one, two in zip(tables, again, strict=True)
        for rows in zip(one.split, two.split, strict=True)
    )
    assert not np.array_equal(other[0].split.test, tables[0].split.test)


def test_random_folds_have_the_same_share_of_churners(folds_of):
    tables = folds_of()
    for one in tables:
        for part, rows in one.split._asdict().items():
            assert one.n_positive[part] / len(rows) == pytest.approx(one.label.mean(), abs=0.02)
        assert one.counts["validation"] == pytest.approx(0.15 * 300, abs=1)


def test_groups_stay_together(folds_of, customers):
    household = customers["household"].to_numpy()
    for one in folds_of(*BY["group"]):
        parts = [set(household[rows]) for rows in one.split]
        assert sum(map(len, parts)) == len(set.union(*parts))


def test_by_time_the_past_teaches_and_the_future_is_in_no_part(folds_of, customers):
    time = customers["joined"].to_numpy()
    tables = folds_of(*BY["time"])
    assert_parts_are_apart(tables)
    for one in tables:
        train, validation, test = (time[rows] for rows in one.split)
        assert train.max() < validation.min()
        assert validation.max() < test.min()
        assert len(test) == pytest.approx(80, abs=10)
        rest = np.setdiff1d(np.arange(400), np.concatenate(one.split))
        assert (time[rest] > test.max()).all()
        (chunk,) = one.chunks()
        assert (chunk.part[rest] == -1).all()
    assert len(rest) == 0  # the last fold knows them all
    assert len(np.unique(np.concatenate([one.split.test for one in tables]))) > 300


def test_by_time_no_label_reaches_into_a_later_part(folds_of, customers):
    time = customers["joined"].to_numpy()
    window = np.timedelta64(60, "D")
    for one in folds_of(*BY["time"], "data.split.horizon=60d", n_folds=3):
        train, validation, test = (time[rows] for rows in one.split)
        assert train.max() + window <= validation.min()
        assert validation.max() + window <= test.min()


def test_by_time_a_fold_may_be_one_time(folds_of, customers):
    """Rolling origin: of five dates the last three are tested, each by a model of those before."""
    dates = pd.date_range("2024-01-01", periods=5, freq="30D")
    frame = customers.assign(joined=np.resize(dates, 400))
    keys = (*BY["time"], "data.split.horizon=30d")
    for number, one in enumerate(folds_of(*keys, n_folds=3, frame=frame, one_time_each=True)):
        train, validation, test = (set(frame["joined"].iloc[rows]) for rows in one.split)
        assert test == {dates[number + 2]}
        assert validation == {dates[number + 1]}
        assert train == set(dates[: number + 1])
    for few, message in (
        (5, "at most 3 folds, .* got 4 folds and 5"),
        (3, "four cut-offs or more"),
    ):
        frame = customers.assign(joined=np.resize(dates[:few], 400))
        with pytest.raises(InputError, match=message):
            folds_of(*BY["time"], frame=frame, one_time_each=True)


@settings(max_examples=10)  # each reads two tables
@given(st.integers(0, 2**32 - 1))
def test_a_hash_fold_stays_when_the_table_grows(seed):
    frame = pd.DataFrame({"id": np.arange(300).astype(str), "x": np.tile([0.0, 1, 2], 100)})
    frame["churned"] = np.where(np.arange(300) % 4 < 2, "yes", "no")
    data = DataOptions(target="churned", id="id", split=SplitOptions(by="hash"))
    tested = []
    for rows in (frame, frame.iloc[::-1].iloc[:200]):
        table = read_labelled(data, seed=0, source=rows, with_test=False)
        tested.append([
            set(table.carried["id"].iloc[one.split.test])
                      for one in folds(table, data.split, n_folds=3, seed=seed)])  # fmt: skip
    assert all(few <= all_ for all_, few in zip(*tested, strict=True))


@pytest.mark.parametrize(
    ("by", "n_folds", "message"),
    [
        ("random", 250, r"cv.folds: expected at least 250 rows with and as many without churn"),
        ("group", 149, r"cv.folds: expected at least 149 groups"),
        ("time", 399, r"cv.folds: expected enough different times to cut 400 blocks"),
    ],
)
def test_too_many_folds_are_refused(folds_of, by, n_folds, message):
    with pytest.raises(InputError, match=message):
        folds_of(*BY[by], n_folds=n_folds)


def test_weights_that_leave_a_fold_without_are_refused(folds_of, customers):
    worth = np.where(customers["churned"] == "yes", 0.0, 1.0)
    worth[np.flatnonzero(worth == 0)[:2]] = 1.0
    with pytest.raises(InputError, match="the weight 0 for all churners"):
        folds_of("data.weight=worth", frame=customers.assign(worth=worth))


def test_a_streamed_table_is_refused(folds_of):
    with pytest.raises(InputError, match=r"data.streaming: expected a table that fits into memory"):
        folds_of("data.streaming=true")

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.labelled.folds import folds
from churn_torch.tables.labelled.lifetimes import LifetimeColumns, baselines, left_within
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.tables.options import DataOptions
from churn_torch.tables.schema import Kind
from churn_torch.tables.split_options import SplitOptions

N = 40


def frame(**columns: Any) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    base = {
        "tenure": rng.integers(1, 9, N),
        "usage": rng.normal(size=N),
        "left": np.resize(["yes", "no"], N),
    }
    return pd.DataFrame(base | columns)


def read(table: pd.DataFrame, **options: Any) -> Any:
    data = DataOptions(target="left", duration="tenure", **options)
    return read_labelled(data, seed=0, source=table)


def test_a_churner_leaves_in_the_period_and_others_stay_for_whole_ones() -> None:
    days = np.resize([0.0, 0.0, 30.0, 30.0, 31.0, 31.0, 59.0, 59.0], N)  # left: yes, no, ...
    table = read(frame(tenure=days), period=30)
    assert table.lifetime[:8, 1].tolist() == [1, 0, 1, 1, 2, 1, 2, 1]
    assert (table.lifetime[:, 0] == 0).all()
    assert np.isclose(3 * 0.1, 0.3)
    thirds = read(frame(tenure=np.full(N, 0.3)), period=0.1)  # 0.3 / 0.1 is a little below 3
    assert (thirds.lifetime[:, 1] == 3).all()


def test_the_duration_is_an_input_that_training_rows_have_as_0() -> None:
    table = read(frame())
    assert table.schema["tenure"].kind is Kind.NUMERIC
    assert (table.parsed["tenure"] == 0).all()
    assert (table.carried["tenure"] == frame()["tenure"]).all()
    columns = LifetimeColumns.of(table.schema)
    assert columns is not None
    assert columns.stayed == "tenure"


def test_with_an_entry_that_is_the_input() -> None:
    tenure = np.resize([4, 9], N)
    table = read(frame(tenure=tenure, seen=np.resize([2, 3], N)), entry="seen")
    assert table.schema["tenure"].kind is Kind.DURATION
    assert "tenure" not in table.parsed
    assert table.parsed["seen"].tolist() == np.resize([2, 3], N).tolist()
    assert table.lifetime[:2].tolist() == [[2, 4], [3, 9]]
    at_once = read(frame(tenure=tenure, seen=tenure), entry="seen")
    assert at_once.lifetime[:2].tolist() == [[4, 5], [9, 9]]


def dated(n: int = 60) -> pd.DataFrame:
    """Rows of six dates, 30 days apart, whose customers are followed until 40 days after it."""
    rng, number = np.random.default_rng(1), np.arange(n) % 6
    left = rng.random(n) < 0.6
    until = 40 + 30 * (5 - number)
    return pd.DataFrame(
        {
            "at": pd.Timestamp("2025-01-01") + pd.to_timedelta(30 * number, unit="D"),
            "days": np.where(left, rng.integers(1, until + 1), until // 10 * 10),
            "usage": rng.normal(size=n),
            "left": np.where(left, "yes", "no"),
        }
    )


def test_who_is_in_an_earlier_part_was_observed_up_to_the_next_one() -> None:
    split = SplitOptions(by="time", column="at", censor=True)
    table = dated()
    data = DataOptions(target="left", duration="days", period=10, split=split)
    whole = read_labelled(data, seed=0, source=table, with_test=False)
    assert (whole.label == (table["left"] == "yes")).all()
    read = read_labelled(data, seed=0, source=table)
    for parts in (read, *folds(whole, split, n_folds=2, seed=0)):
        firsts = [table["at"].iloc[rows].min() for rows in parts.split[1:]]
        for rows, border in zip(parts.split, [*firsts, pd.Timestamp.max], strict=True):
            days = table["days"].iloc[rows].to_numpy()
            known = ((border - table["at"].iloc[rows]).dt.days // 10).to_numpy()
            left = (table["left"].iloc[rows] == "yes").to_numpy() & (days <= known * 10)
            last = np.minimum(np.where(left, np.ceil(days / 10), known), np.ceil(days / 10))
            assert (parts.lifetime[rows, 1] == last).all()
            assert (parts.label[rows] == left).all()
    assert read.label.sum() < (table["left"] == "yes").sum()


def test_leakage_is_looked_for_where_it_is_known_who_left_within_the_horizon() -> None:
    table = frame()
    parts = read(table, horizon=3)
    outcome = left_within(parts.lifetime, parts.label, 3)
    left, tenure = table["left"] == "yes", table["tenure"]
    known = (left | (tenure >= 3)).to_numpy()
    assert (np.isnan(outcome) == ~known).all()
    assert (outcome[known] == (left & (tenure <= 3))[known]).all()
    train = parts.split.train
    assert sorted(parts.inspect().sample.label) == sorted(outcome[train][known[train]])


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({"tenure": [-1, *[3] * (N - 1)]}, {}, r"^data\.duration: .* got '-1' in row 1 \(1 such"),
        ({"tenure": ["soon"] * N}, {}, r"^data\.duration: expected numbers .* got 'soon'"),
        ({"tenure": [None] * N}, {}, r"^data\.duration: expected numbers .* it is empty"),
        ({"tenure": [3.5, np.nan, *[3] * (N - 2)]}, {}, r"a missing cell in row 2"),
        ({"tenure": ["long", *["3"] * (N - 1)]}, {"entry": "seen"}, r"^data\.duration: .* 'long'"),
        ({"tenure": [1, *[3] * (N - 1)]}, {"entry": "seen"}, r"^data\.entry: .* 2 with a duration"),
    ],
)
def test_a_lifetime_that_is_none_is_refused(columns: Any, options: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(frame(seen=np.full(N, 2), **columns), **options)


def test_it_is_another_column_than_the_target_and_there() -> None:
    with pytest.raises(InputError, match=r"^data\.duration: expected a column of the table"):
        read(frame().rename(columns={"tenure": "months"}))
    with pytest.raises(InputError, match=r"^data\.streaming: expected a table that fits"):
        read(frame(), streaming=True)


def test_baselines_have_enough_churners_and_somebody_who_stays() -> None:
    last = np.array([1, 1, 1, 2, 3, 3, 4, 4, 5])
    label = np.array([1, 1, 0, 1, 1, 0, 1, 1, 1])
    lifetimes = np.stack([np.zeros(9), last], axis=1).astype(np.float32)
    assert baselines(lifetimes, label, least_events=1) == ((1, 2, 3, 5), ())
    assert baselines(lifetimes, label, least_events=3) == ((2, 5), ())
    assert baselines(lifetimes, label, least_events=50) == ((5,), ())


@pytest.mark.parametrize(
    ("left_in", "stay", "ends", "empty"),
    [
        ([3] * 40 + [4] * 9, 30, (2, 3, 4), (0,)),  # nobody can leave in the first two periods
        ([3] * 4, 60, (4,), ()),  # so few that it may be chance
        ([1] * 30 + [4] * 30, 40, (1, 3, 4), (1,)),  # nor in those between
        ([1] * 3 + [4] * 30, 40, (1, 3, 4), (1,)),  # which are not put together with others
        ([1] * 30 + [4] * 3, 40, (1, 3, 4), (1,)),
        ([3] * 40, 0, (3,), ()),  # nobody stays, so one hazard for all
    ],
)
def test_periods_in_which_nobody_can_leave_have_a_hazard_of_0(
    left_in: list[int], stay: int, ends: tuple[int, ...], empty: tuple[int, ...]
) -> None:
    last = np.array([*left_in, *[4] * stay])
    label = np.array([*[1] * len(left_in), *[0] * stay])
    lifetimes = np.stack([np.zeros(len(last)), last], axis=1).astype(np.float32)
    assert baselines(lifetimes, label, least_events=5) == (ends, empty)

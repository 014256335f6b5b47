from __future__ import annotations

import pytest

from churn_torch.errors import InputError
from churn_torch.tables.split_options import SplitOptions


def test_columns_go_with_the_ways_to_split():
    both = SplitOptions(by=["time", "group"], column=["day", "who"])
    assert (both.by_time, both.by_group) == (True, True)
    assert (both.time_column, both.group_column) == ("day", "who")
    turned = SplitOptions(by=["group", "time"], column=["who", "day"])
    assert (turned.time_column, turned.group_column) == ("day", "who")
    one = SplitOptions(by=["time"], column="day")
    assert (one.by_time, one.by_group, one.time_column, one.group_column) == (
        True, False, "day", None,
    )  # fmt: skip
    twins = SplitOptions(by="group", column="auto")
    assert (twins.groups_twins, twins.group_column) == (True, None)
    assert SplitOptions(column="day").time_column is None


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"by": "tme"}, r"by: expected random, .* or \[time,group\], got 'tme' \(did you mean"),
        ({"by": ["time", "random"]}, r"by: expected random, hash, time or group, or \[time,group"),
        ({"by": []}, r"by: expected .*, got \[\]"),
        ({"by": "time"}, "column: expected the column to split by time, got nothing; name it"),
        ({"by": "group", "column": ["a", "b"]}, "the column to split by group, got 'a', 'b'"),
        ({"by": ["time", "group"], "column": "day"}, "two columns to split by, .* got 'day'; name"),
        ({"by": ["time", "group"], "column": ["day", "auto"]}, "a column for each .* got 'auto'"),
        ({"horizon": "3d"}, r"horizon: expected data.split.by=time or .* got data.split.by=random"),
        ({"by": "group", "column": "a", "test_from": 3}, "test_from: expected data.split.by=time"),
        ({"by": "time", "column": "a", "horizon": "3 months"}, "such as 37d, 5w or 12h, got '3 mo"),
        ({"by": "time", "column": "a", "horizon": -1}, "horizon: expected 0 or more, got -1"),
    ],
)
def test_what_cannot_be_is_said(keys, message):
    with pytest.raises(InputError, match=rf"^data\.split\.{message}|{message}"):
        SplitOptions(**keys)

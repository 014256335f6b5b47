"""The sign of a decimal of a file, and full stops that part thousands."""

from __future__ import annotations

import pandas as pd
import pytest

from churn_torch.tables.inference.file_decimal import file_decimal, may_group

GROUPED = [*(f"{i}.{i + 100}" for i in range(1, 12)), "950", "12"]


def frame_of(**columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(columns, dtype="str")


@pytest.mark.parametrize(
    ("columns", "sign"),
    [
        ({"a": ["1,5", "2,25"]}, ","),
        ({"a": ["1.200,10", "7"]}, ","),
        ({"a": ["1.5", "2.25"]}, "."),
        ({"a": ["0.125", "0.250"]}, "."),
        ({"a": ["$1,200.10"], "b": ["x"]}, "."),
        ({"a": ["1,5"], "b": ["1.5"]}, None),
        ({"a": ["0,125", "2,500"]}, ","),
        ({"a": ["1,500", "2,500"]}, None),
        ({"a": ["1.500", "2.500"]}, None),
        ({"a": ["x", "y"], "b": ["1", "2"]}, None),
    ],
)
def test_columns_without_doubt_decide(columns: dict, sign: str | None) -> None:
    assert file_decimal(frame_of(**columns)) == sign


def test_the_delimiter_decides_where_no_column_does() -> None:
    frame = frame_of(a=["1,500", "2,500"])
    frame.attrs["delimiter"] = ";"
    assert file_decimal(frame) == ","
    frame.attrs["delimiter"] = ","
    assert file_decimal(frame) is None
    sure = frame_of(a=["1.5"])
    sure.attrs["delimiter"] = ";"
    assert file_decimal(sure) == "."


@pytest.mark.parametrize(
    ("cells", "decimal", "groups"),
    [
        (GROUPED, None, True),
        (GROUPED, ".", False),
        ([*GROUPED, "1.5"], None, False),
        ([*GROUPED, "0.125"], None, False),
        (GROUPED[:11], None, False),  # every one has a stop: three decimals
        (GROUPED[:11], ",", True),
        (["1.200", "3"], None, False),
        (["1.200", "3"], ",", True),
        (["12", "3"], ",", False),
    ],
)
def test_stops_that_part_thousands(cells: list[str], decimal: str | None, groups: bool) -> None:
    assert may_group(pd.Series(cells, dtype="str"), decimal) is groups

"""Durations of several parts get one unit, in a cell as in a column."""

from __future__ import annotations

import pyarrow as pa
import pytest

from churn_torch.tables.durations import all_with_one_unit, has_durations, with_one_unit

REWRITTEN = {
    "1:23:45": "5025 s",
    " 00:00:07 ": "7 s",
    "-100:00:00": "-360000 s",
    "2 yrs 3 mos": "27 month",
    "1 Jahr und 2 Monate": "14 month",
    "2y, 3mo": "27 month",
    "3 ans 1 mois": "37 month",
    "1h 30min": "90 min",
    "2 days 4 hours": "52 hour",
    "2h 5m": "125 min",
    "2H 05M": "125 min",
    "3m 2s": "182 s",
    "1y 6m": "18 month",
    "1d 2h 3m": "1563 min",
    "1h2m3s": "3723 s",
    "2年3ヶ月": "27 month",
}
SAME = [
    *("12:30", "1:60:00", "1:00:00:00", "2020-01-01 10:00:00", "3 mos 2 yrs", "1 year 12 months"),
    *("5 GB 3 MB", "1 month 3 days", "7 months", "", "45m", "1h 2d", "5m 3m"),
    *("a1b2", "2 kids 3 dogs", "3 years 3 years"),
]


@pytest.mark.parametrize(("text", "rewritten"), REWRITTEN.items())
def test_a_duration_gets_one_unit(text: str, rewritten: str) -> None:
    assert with_one_unit(text) == rewritten


@pytest.mark.parametrize("text", SAME)
def test_other_text_stays(text: str) -> None:
    assert with_one_unit(text) == text


def test_a_column_is_rewritten_as_its_cells_are() -> None:
    cells = [*REWRITTEN, None, *SAME, *REWRITTEN]
    found = all_with_one_unit(pa.array(cells, pa.large_string()), "min").to_pylist()
    assert found == [cell if cell is None else with_one_unit(cell, "min") for cell in cells]


def test_minutes_or_months_alone_are_told_by_the_others() -> None:
    minutes = pa.array(["2h 5m", "45m", "-1.5 m", "3h", None], pa.large_string())
    assert all_with_one_unit(minutes).to_pylist() == ["125 min", "45 min", "-1.5 min", "3h", None]
    assert all_with_one_unit(pa.array(["1y 6m", "7m"], pa.large_string()))[1].as_py() == "7 month"
    metres = ["45m", "3 months 2 years"]
    assert all_with_one_unit(pa.array(metres, pa.large_string())).to_pylist() == metres
    assert with_one_unit("45m", "min") == "45 min"


def test_units_of_durations() -> None:
    assert [has_durations(unit) for unit in ("s", "min", "month", "year", "", "$", "gb")] == [
        *(True, True, True, True, False, False, False)
    ]

"""Uplift in the terminal: every number with its interval, and what is not known as a dash."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from rich.console import Console
from rich.table import Table

from churn_torch.decisions.uplift_profit import UpliftProfit
from churn_torch.report.uplift import deciles_table, uplift_profit_table, uplift_table
from tests.report.made_uplift import METRICS


def text(table: Table, width: int = 80) -> str:
    console = Console(file=StringIO(), width=width)
    console.print(table)
    return console.file.getvalue()  # type: ignore[attr-defined]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("│").split("│")]


def test_numbers_and_their_intervals():
    lines = text(uplift_table(METRICS)).splitlines()
    assert max(map(len, lines)) <= 80
    rows = [cells(line) for line in lines if line.startswith("│")]
    assert ["average effect, points", "+6.4 [+4.9 to +7.8]"] in rows
    assert ["Qini coefficient", "+0.0371 [+0.0273 to +0.0468]"] in rows
    assert ["gain over a random order, points", "+1.75 [+1.29 to +2.21]"] in rows
    assert ["uplift in top 10%, points", "-"] in rows
    assert "12,000 customers, 6,021 of them contacted" in text(uplift_table(METRICS), 200)


def test_a_line_a_group():
    lines = text(deciles_table(METRICS.deciles)).splitlines()
    rows = [cells(line) for line in lines if line.startswith("│")]
    assert rows == [
        ["1", "9,000", "4,521", "+12.5", "+14.7 [+10.6 to +18.6]"],
        ["2", "2,900", "1,400", "-4.0", "0.0 [-2.0 to +2.0]".replace("0.0", "+0.0", 1)],
        ["3", "100", "100", "-9.0", "-"],
    ]


def test_the_profit_of_an_offer():
    curve = np.zeros(3)
    one = UpliftProfit(
        profit=12.345, interval=(8.0, 12.345), share=0.3, share_interval=(0.2, 0.45),
        threshold=5.0, shares=curve, profits=curve, low=curve, high=curve,
    )  # fmt: skip
    rows = [cells(line) for line in text(uplift_profit_table({"call": one})).splitlines()]
    assert ["call", "12.35 [8.00 to 12.35]", "30.0% [20.0% to 45.0%]"] in rows


@pytest.mark.parametrize("key", ["qini", "auuc"])
def test_a_metric_that_is_missing_is_an_error(key: str):
    rest = {name: value for name, value in METRICS.numbers.items() if name != key}
    with pytest.raises(KeyError, match=key):
        uplift_table(replace(METRICS, numbers=rest))

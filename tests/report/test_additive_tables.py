"""An additive model as a table."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from churn_torch.report.additive_tables import points_of, strongest_table, terms_frame
from tests.report.made_terms import TERMS


@pytest.mark.parametrize(("odds", "points"), [(1.0, 0), (2.0, 20), (0.5, -20), (8.0, 60)])
def test_points_double_the_odds(odds: float, points: int):
    assert points_of(float(np.log(odds))) == points


def test_the_table_has_a_line_for_each_cell_and_reads_back():
    table = terms_frame(TERMS, -1.5)
    again = pd.read_csv(io.StringIO(table.to_csv(index=False)), keep_default_na=False)
    assert len(again) == 1 + 3 + 9
    assert again.iloc[0].tolist()[:1] == ["base"]
    row = again[(again["bin"] == "a") & (again["with_bin"] == "above 3")].iloc[0]
    assert row["log_odds"] == 1.0
    assert row["points"] == 29
    assert row["share"] == 0.25


def test_the_strongest_terms_name_their_extremes():
    console = Console(file=io.StringIO(), width=140)
    console.print(strongest_table(TERMS))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "1 columns and 1 pairs" in shown
    assert "<plan> x usage" in shown
    assert "<plan> b, usage up to 3" in shown  # no row had the largest cell

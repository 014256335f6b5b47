"""A scorecard as table and page."""

from __future__ import annotations

import io
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from churn_torch.models.scorecard.points import Points
from churn_torch.report.additive_models import (
    points_of,
    scorecard_page,
    shapes_page,
    strongest_table,
    terms_frame,
)

TERMS = [
    Points(
        ("<plan>",),
        (("missing", "a", "b"),),
        np.array([0.0, 1.0, -1.0]),
        np.array([0.0, 0.5, 0.5]),
    ),
    Points(
        ("<plan>", "usage"),
        (("missing", "a", "b"), ("missing", "up to 3", "above 3")),
        np.arange(9.0).reshape(3, 3) - 4,
        np.array([[0, 0, 0], [0, 0.25, 0.25], [0, 0.5, 0]]),
    ),
]


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


def test_the_page_is_whole_and_names_are_text():
    page = scorecard_page(TERMS, -1.5)
    assert "<plan>" not in page
    assert "&lt;plan&gt; × usage" in page
    assert "http" not in page
    parser = HTMLParser()
    parser.feed(page)
    assert page.count("class=bar") == 2  # a missing value that no row had is not shown
    assert scorecard_page([], 0.0).endswith("</html>")


def test_a_number_read_at_values_is_a_line_over_its_rows():
    at = np.linspace(0, 100, 101)
    line = Points(
        ("a < b",),
        (("missing", *(f"{value:g}" for value in at)),),
        np.concatenate([[0.25], at / 10]),
        np.concatenate([[0.1], np.full(50, 0.018), np.zeros(51)]),
        at=at,
    )
    page = shapes_page([line, TERMS[0]], -1.5)
    assert "log-odds of -1.50" in page
    assert "a &lt; b" in page
    assert page.count("<svg") == 2 * page.count("<polyline") == 2
    assert page.count("<rect") <= 34
    assert "+0.25" in page  # the missing value, below the line
    assert page.count("class=bar") == 3
    # The scale is that of the rows; what no row shows does not flatten the rest.
    assert "+4.90" in page
    assert len(terms_frame([line], 0.0)) == 1 + 102


def test_the_strongest_terms_name_their_extremes():
    console = Console(file=io.StringIO(), width=140)
    console.print(strongest_table(TERMS))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "1 columns and 1 pairs" in shown
    assert "<plan> x usage" in shown
    assert "<plan> b, usage up to 3" in shown  # no row had the largest cell

from __future__ import annotations

import math

import pytest

from churn_torch.report.charts.line_charts import Axis, histogram
from tests.report.page_reader import Page

X = Axis("score", "{:.1f}".format)
EDGES = [0.0, 0.5, 1.0]


def test_bars_are_as_high_as_the_shares_and_two_groups_lie_over_each_other():
    chart = histogram("Scores", "", X, EDGES, [("left", [0.25, 0.75]), ("<stayed>", [1.0, 0.0])])
    assert 'class="line main" d="M0 1000V762H500V286H1000V1000"' in chart
    assert 'class="area second" d="M0 1000V48H500V1000H1000V1000Z"' in chart
    assert Page(chart).tables["Scores"] == [
        ["score", "left", "<stayed>"],
        ["0.0 to 0.5", "25.00%", "100.00%"],
        ["0.5 to 1.0", "75.00%", "0.00%"],
    ]


@pytest.mark.parametrize(
    ("edges", "series"),
    [(EDGES, []), ([], []), ([0.0], [("a", [])]), (EDGES, [("a", [0.5, math.nan])])],
)
def test_nothing_to_draw_is_a_sentence(edges, series):
    assert "<p>There are no values to draw.</p>" in histogram("t", "", X, edges, series)


def test_three_groups_are_too_many():
    with pytest.raises(ValueError, match="3 series, at most 2"):
        histogram("t", "", X, EDGES, [("a", [0.5, 0.5])] * 3)

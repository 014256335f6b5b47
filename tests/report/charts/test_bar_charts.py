from __future__ import annotations

import math
import re

import pytest

from churn_torch.report.charts.line_charts import Bar, bar_chart
from tests.report.page_reader import Page

BARS = [
    Bar("<tenure>", 0.5, 0.4, 1.0, "per month"),
    Bar("plan", -0.25),
    Bar("age", math.nan),
    Bar("region", 0.0, math.nan, 1.0),
]


def test_bars_start_at_zero_and_have_their_intervals():
    chart = bar_chart("Factors", "How & why.", "column", BARS, "{:+.2f}".format, signed=True)
    page = Page(chart)
    assert [row[:2] for row in page.tables["Factors"]] == [
        ["column", "value"], ["<tenure>", "+0.50"], ["plan", "-0.25"], ["age", "-"],
        ["region", "+0.00"],
    ]  # fmt: skip
    assert "<small>per month</small>" in chart
    assert "<small>+0.40 to +1.00</small>" in chart
    zeros = set(re.findall(r'class="zero" d="M(\d+) ', chart))
    assert len(zeros) == 1
    zero = int(zeros.pop())
    more, less = (re.findall(rf'class="bar {kind}" d="M{zero} 4H(\d+)V', chart)
                  for kind in ("more", "less"))  # fmt: skip
    whisker = re.findall(r'class="whisker" d="M(\d+) 10H(\d+)"', chart)
    assert int(more[0]) - zero == pytest.approx(2 * (zero - int(less[0])), abs=2)
    assert int(less[1]) == zero
    assert [int(end) - zero for end in whisker[0]] == pytest.approx([308, 769], abs=2)
    assert len(whisker) == 1


def test_bars_without_a_sign_have_one_colour():
    chart = bar_chart("Factors", "", "column", BARS, "{:.2f}".format)
    assert chart.count('class="bar main"') == 3


def test_nothing_to_draw_is_a_sentence():
    for bars in ([], BARS[2:3]):
        assert "<p>There are no values to draw.</p>" in bar_chart("t", "", "", bars, str)

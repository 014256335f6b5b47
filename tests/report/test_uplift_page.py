"""The page of uplift: whole, safe, and drawn to its scale."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from churn_torch.evaluation.uplift_metrics import QiniCurve, UpliftGroup
from churn_torch.report.charts import Scale
from churn_torch.report.uplift_page import uplift_page
from tests.report.made_uplift import METRICS


def test_the_page_is_whole_and_its_title_is_text():
    page = uplift_page(METRICS, "Uplift of <women's> e-mail")
    HTMLParser().feed(page)
    assert "<women" not in page
    assert "&lt;women" in page
    assert "http" not in page
    assert page.endswith("</html>")
    assert page.count("<svg") == page.count("role=img") == 2
    # A picture in words, for those who cannot see it.
    assert "at most +7.00 points at 80% of the customers, +6.40 points at all" in page
    assert "<th scope=row>uplift in top 10%, points<td class=n>-<td class=n>-" in page


def test_curves_and_groups_are_where_their_numbers_are():
    page = uplift_page(METRICS)
    (curve,) = re.findall(r'class="curve" d="M([^"]*)"', page)
    points = [tuple(map(float, point.split())) for point in re.findall(r"[\d.]+ [\d.]+", curve)]
    assert [x for x, _ in points] == [0, 180, 480, 600]
    heights = [y for _, y in points]
    # The same distance for each point of uplift; the largest is the highest.
    scale = (heights[0] - heights[1]) / 0.04
    assert heights[0] - heights[3] == pytest.approx(0.064 * scale, abs=0.1)
    assert min(heights) == heights[2]
    # The third group shows only what was predicted of it.
    assert page.count('class="predicted"') == 3
    assert page.count('class="dot"') == page.count('class="whisker"') == 2


@pytest.mark.parametrize("high", [1e-4, 0.013, 0.071, 0.2, 0.55, 1.0, 7.3])
@pytest.mark.parametrize("low", [0.0, -0.3])
def test_ticks_are_few_and_round(low: float, high: float):
    ticks = Scale(low * high, high).ticks
    assert 3 <= len(ticks) <= 7
    assert 0 in np.round(ticks, 12)
    assert all(low * high - 1e-12 <= tick <= high + 1e-12 for tick in ticks)


def test_an_effect_of_nothing_is_drawn_too():
    zero = np.zeros(2)
    flat = replace(
        METRICS,
        curve=QiniCurve(np.array([0.0, 1.0]), zero, zero, zero),
        deciles=(UpliftGroup(10, 10, 0.0, None, None),),
    )
    page = uplift_page(flat)
    assert "nan" not in page
    assert page.count('class="predicted"') == 1

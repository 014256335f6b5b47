"""The page of uplift: whole, safe, and drawn to its scale."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from churn_torch.evaluation.uplift.uplift_metrics import QiniCurve, UpliftGroup
from churn_torch.report.pages.uplift_page import uplift_page
from tests.report.made_uplift import METRICS
from tests.report.page_reader import Page, points


def test_the_page_is_whole_and_its_title_is_text():
    text = uplift_page(METRICS, "Uplift of <women's> e-mail")
    page = Page(text)
    assert page.title == "Uplift of <women's> e-mail"
    assert page.is_whole
    assert text.count('role="img"') == 1
    # A picture in words, for those who cannot see it.
    assert "at most +7.00 points at 80% of the customers, +6.40 points at all" in text
    assert ["uplift in top 10%, points", "-", "-"] in page.tables["Metrics of the predicted uplift"]


def test_curves_and_groups_are_where_their_numbers_are():
    text = uplift_page(METRICS)
    curve = points(text, "line main")
    assert [x for x, _ in curve] == [0, 300, 800, 1000]
    heights = [y for _, y in curve]
    # The same distance for each point of uplift; the largest is the highest.
    scale = (heights[0] - heights[1]) / 0.04
    assert heights[0] - heights[3] == pytest.approx(0.064 * scale, abs=1.1)
    assert min(heights) == heights[2]
    tables = Page(text).tables
    assert tables["Qini curve"][2] == ["30.0%", "+1.92", "+4.00", "+3.00 to +5.00"]
    # The third group shows only what was predicted of it.
    assert [row[:3] for row in tables["Predicted and observed uplift"][1:]] == [
        ["1", "+12.5", "+14.7"], ["2", "-4.0", "+0.0"], ["3", "-9.0", "-"]
    ]  # fmt: skip
    assert text.count("mark observed") == text.count('class="whisker"') == 2


def test_an_effect_of_nothing_is_drawn_too():
    zero = np.zeros(2)
    flat = replace(
        METRICS,
        curve=QiniCurve(np.array([0.0, 1.0]), zero, zero, zero),
        deciles=(UpliftGroup(10, 10, 0.0, None, None),),
    )
    page = uplift_page(flat)
    assert "nan" not in page
    assert page.count('class="bar main"') == 1

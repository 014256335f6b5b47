"""The page of time to churn: whole, safe, and drawn to its scale."""

from __future__ import annotations

from dataclasses import replace

from churn_torch.report.pages.survival_page import survival_page
from tests.report.made_survival import METRICS
from tests.report.page_reader import Page, points


def test_the_page_is_whole_and_its_title_is_text() -> None:
    text = survival_page(METRICS, "When <they> leave")
    page = Page(text)
    assert page.title == "When <they> leave"
    assert page.is_whole
    assert text.count('role="img"') == 1 + 4 + 1 + 1
    assert "nan" not in text


def test_curves_are_where_their_numbers_are() -> None:
    text = survival_page(METRICS)
    observed = METRICS.observed.stay
    line = points(text, "line main")
    assert line[0] == (0, 0)  # all are there at the start, at the top left
    rows = Page(text).tables["All customers"]
    assert rows[2][:2] == ["1", f"{observed[0]:.1%}"]
    groups = Page(text).tables["Tenths by predicted chance, lowest first"]
    assert groups[1][:2] == ["40", f"{METRICS.groups[0].predicted:.1%}"]


def test_groups_that_nobody_was_observed_in_for_so_long_are_left_out() -> None:
    nobody = tuple(replace(group, observed=None, interval=None) for group in METRICS.groups)
    text = survival_page(replace(METRICS, groups=nobody))
    assert Page(text).is_whole
    assert 'class="dot"' not in text

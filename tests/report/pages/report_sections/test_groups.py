from __future__ import annotations

import html
import re
from collections.abc import Iterable

from churn_torch.report.pages.report_sections.groups import fairness, weak_segments
from tests.report.made_fairness import made_fairness
from tests.report.made_report import made_report


def text_of(parts: Iterable[str]) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", "".join(parts))).split())


def said(**fields) -> str:
    return text_of(weak_segments(made_report(**fields)))


def test_weak_segments_are_said_and_measured():
    text = said()
    assert "the model predicts 48 %, but 61 % leave (n = 40)" in text
    assert "40 20 % 48.0 % 61.0 % +13.0" in text
    assert "Found on one half of the rows" in text


def test_no_weak_segment_and_none_searched_are_different():
    assert "No segment of customers was found" in said(weak_segments=())
    text = said(weak_segments=(), not_searched="there are 60 rows, and 200 are needed")
    assert "Not searched: there are 60 rows, and 200 are needed." in text
    assert "No segment" not in text


def test_fairness_shows_groups_and_gaps():
    found = made_fairness(sentences=("Seniors are flagged more often.",))
    page = "".join(fairness(made_report({"fairness": [found]})))
    assert page.count("<figure") == 1
    text = text_of(page)
    assert "Seniors are flagged more often." in text
    assert "few 5" in text
    rate = found["groups"][1]["selection_rate"]["value"]
    assert f"yes 600 customers {rate:.1%}" in text
    assert "flagged (demographic parity) no yes" in text


def test_fairness_that_was_not_asked_for():
    assert "fairness.by=[COLUMN,...]" in text_of(fairness(made_report()))

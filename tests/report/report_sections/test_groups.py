from __future__ import annotations

import html
import re

from churn_torch.report.report_sections.groups import weak_segments
from tests.report.made_report import made_report


def said(**fields) -> str:
    page = "".join(weak_segments(made_report(**fields)))
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


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

"""A scorecard as table and page."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np

from churn_torch.explanation.additive_terms import AdditiveTerm
from churn_torch.report.additive_pages import scorecard_page, shapes_page
from churn_torch.report.additive_terms import terms_frame
from tests.report.made_terms import TERMS


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
    line = AdditiveTerm(
        ("a < b",),
        (("missing", *(f"{value:g}" for value in at)),),
        np.concatenate([[0.25], at / 10]),
        np.concatenate([[0.1], np.full(50, 0.018), np.zeros(51)]),
        values=at,
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

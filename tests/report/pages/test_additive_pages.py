"""Pages of additive models: whole, on one scale, readable on every device."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from churn_torch.explanation.additive_terms import AdditiveTerm
from churn_torch.report.additive_tables import terms_frame
from churn_torch.report.pages.additive_pages import scorecard_page, shapes_page
from tests.report.made_terms import CURVE, TERMS
from tests.report.page_reader import Page, points

SHARE = np.array([0.0, 0.5, 0.5])


def test_the_page_is_whole_and_names_are_text():
    page = scorecard_page(TERMS, -1.5)
    assert "<plan>" not in page
    assert "&lt;plan&gt; × usage" in page
    assert Page(page).is_whole
    assert (
        page.count("<td class=picture aria-hidden=true><svg") == 2
    )  # a missing value that no row had is not shown
    assert scorecard_page([], 0.0).endswith("</html>")


def test_the_longer_side_of_a_pair_goes_down_the_page():
    levels = (("missing", "f", "m"), ("missing", "low", "middle", "high"))
    added = np.arange(12.0).reshape(3, 4)
    pair = AdditiveTerm(("sex", "usage"), levels, added, np.full((3, 4), 1 / 12))
    page = scorecard_page([pair], 0.0)
    assert "usage \\ sex\n<th scope=col>missing<th scope=col>f<th scope=col>m\n" in page
    (middle,) = re.findall("<small>middle</small>\n(.*?)<tr>", page, re.DOTALL)
    points_of = [round(20 / np.log(2) * value) for value in added[:, 2]]
    assert [int(cell) for cell in re.findall(r">([+-]\d+)", middle)] == points_of


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
    assert page.count('role="img"') == page.count('class="line main"') == 1
    (rows,) = re.findall('class="rows-below" d="([^"]*)"', page)
    assert rows.count("Z") == 34
    # Half of the rows have values up to 49, the others 50 and above: none.
    assert "v-0H" in rows
    assert "+0.25" in page  # the missing value, below the line
    assert page.count("aria-hidden=true><svg") == 3
    # The scale is that of the rows; values that no row has do not flatten the rest.
    assert "+4.90" in page
    assert len(terms_frame([line], 0.0)) == 1 + 102


@pytest.mark.parametrize("page", [scorecard_page, shapes_page])
def test_all_bars_have_one_zero_and_one_scale(page: Callable[..., str]) -> None:
    """Widths are shares of a column that has the same width in every table."""
    small, large = (
        AdditiveTerm((name,), (("missing", "a", "b"),), np.array([0, x, -x / 2]), SHARE)
        for name, x in (("small", 1.0), ("large", 4.0))
    )
    shown = page([large, small], 0.0)
    bars = re.findall(r'class="bar (more|less)" d="M500 4H(\d+)V', shown)
    assert bars == [("more", "1000"), ("less", "250"), ("more", "625"), ("less", "438")]
    assert ".rows table { table-layout: fixed }" in shown
    assert shown.count('class="chart rows"') == 2
    assert "All have the same scale" in shown or "All bars have the same scale" in shown


def test_every_number_has_a_header_and_every_picture_has_words() -> None:
    shown = shapes_page([CURVE, TERMS[0], TERMS[1]], 0.0)
    page = Page(shown)
    tags = [tag for tag, _ in page.tags]
    assert tags.count("table") == tags.count("caption") == 3
    assert all("scope" in keys for tag, keys in page.tags if tag == "th")
    assert page.tables["What each level of <plan> adds"][0][1] == "share of rows"
    assert page.tables["What it's <usage> adds"][1:] == [
        ["0", "-0.50"], ["5", "+0.12"], ["10", "+2.00"]
    ]  # fmt: skip
    assert [x for x, _ in points(shown, "line main")] == [0, 500, 1000]
    assert (
        "What it&#x27;s &lt;usage&gt; adds to the log-odds: from -0.50 at 0 to +2.00 at 10; "
        "highest +2.00 at 10, lowest -0.50 at 0.</desc>"
    ) in shown
    assert "(no training rows)" in shown


def test_zero_has_no_sign_that_rounding_made() -> None:
    levels = (("missing", "b", "c"),)
    shown = shapes_page([AdditiveTerm(("a",), levels, np.array([0, -1e-4, 1.0]), SHARE)], 0.0)
    assert "<td class=n>+0.00<td class=picture" in shown

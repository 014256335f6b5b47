"""Pages of additive models: whole, on one scale, readable on every device."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import numpy as np
import pytest

from churn_torch.explanation.additive_terms import AdditiveTerm
from churn_torch.report.additive_pages import scorecard_page, shapes_page
from churn_torch.report.additive_tables import terms_frame
from tests.report.made_terms import TERMS

SHARE = np.array([0.0, 0.5, 0.5])


def test_the_page_is_whole_and_names_are_text():
    page = scorecard_page(TERMS, -1.5)
    assert "<plan>" not in page
    assert "&lt;plan&gt; × usage" in page
    assert "http" not in page
    HTMLParser().feed(page)
    assert page.count("<td class=bar") == 2  # a missing value that no row had is not shown
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
    assert page.count("<td class=bar") == 3
    # The scale is that of the rows; values that no row has do not flatten the rest.
    assert "+4.90" in page
    assert len(terms_frame([line], 0.0)) == 1 + 102


class Tags(HTMLParser):
    """Start tags of a page with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


CURVE = AdditiveTerm(
    ("it's <usage>",),
    (("missing", "0", "5", "10"),),
    np.array([0.0, -0.5, 0.125, 2.0]),
    np.array([0.0, 0.4, 0.3, 0.3]),
    values=np.array([0.0, 5.0, 10.0]),
)


@pytest.mark.parametrize("page", [scorecard_page, shapes_page])
def test_all_bars_have_one_zero_and_one_scale(page: Callable[..., str]) -> None:
    """Widths are shares of a column that has the same width in every table."""
    small, large = (
        AdditiveTerm((name,), (("missing", "a", "b"),), np.array([0, x, -x / 2]), SHARE)
        for name, x in (("small", 1.0), ("large", 4.0))
    )
    shown = page([large, small], 0.0)
    assert re.findall(r"(left|right):50%;width:([\d.]+)%", shown) == [
        ("left", "50.0"), ("right", "25.0"), ("left", "12.5"), ("right", "6.2")
    ]  # fmt: skip
    tables = [keys for tag, keys in Tags(shown).seen if tag == "table"]
    assert [keys["class"] for keys in tables] == ["bars", "bars"]
    assert ".bars { table-layout: fixed; width: 100% } .bars th { width: 30%" in shown
    heads = re.findall(r"<th class=bar aria-hidden=true>(.*?)<tbody>", shown)
    assert len(heads) == 2
    assert heads[0] == heads[1]
    assert "All have the same scale" in shown or "All bars have the same scale" in shown


def test_every_number_has_a_header_and_every_picture_has_words() -> None:
    shown = shapes_page([CURVE, TERMS[0], TERMS[1]], 0.0)
    seen = Tags(shown).seen
    assert sum(tag == "table" for tag, _ in seen) == sum(tag == "caption" for tag, _ in seen) == 2
    assert all("scope" in keys or "aria-hidden" in keys for tag, keys in seen if tag == "th")
    assert "<th scope=col class=n>share of rows" in shown
    (figure,) = (keys for tag, keys in seen if tag == "figure")
    assert figure["role"] == "img"
    assert figure["aria-label"] == (
        "What it's <usage> adds to the log-odds: from -0.50 at 0 to +2.00 at 10; "
        "highest +2.00 at 10, lowest -0.50 at 0."
    )
    assert "(no training rows)" in shown


def test_the_page_follows_the_colours_of_the_device_and_loads_nothing() -> None:
    shown = shapes_page([CURVE, *TERMS], 0.0)
    assert "prefers-color-scheme: dark" in shown
    tags = {tag for tag, _ in Tags(shown).seen}
    assert not tags & {"script", "link", "img", "iframe"}
    assert not any({"src", "href"} & set(keys) for _, keys in Tags(shown).seen)
    assert "url(" not in shown


def test_zero_has_no_sign_that_rounding_made() -> None:
    levels = (("missing", "b", "c"),)
    shown = shapes_page([AdditiveTerm(("a",), levels, np.array([0, -1e-4, 1.0]), SHARE)], 0.0)
    assert "<td class=n>+0.00<td class=bar" in shown

"""The page of a campaign: whole, safe, and its numbers and pictures are those of the figures."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from churn_torch.report.campaign import CurvePoint
from churn_torch.report.campaign_page import campaign_page
from tests.report.made_campaign import CALL, FIGURES, uncertain

EVIL = "<script>alert('&')</script>"


class Page(HTMLParser):
    """The texts of the cells of a page, table by table, and all addresses that it names."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.tags: set[str] = set()
        self._rows: list[list[str]] = []
        self._at = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        assert not {"href", "src", "onclick"} & {name for name, _ in attrs}
        self._at = tag
        if tag == "table":
            self._rows = []
        elif tag == "tr":
            self._rows.append([])
        elif tag in {"td", "th"}:
            self._rows[-1].append("")

    def handle_data(self, data):
        if self._at == "caption":
            self.tables[" ".join(data.split())] = self._rows
        elif self._at in {"td", "th"}:
            self._rows[-1][-1] += data.strip()


def points(page: str, kind: str) -> list[tuple[float, float]]:
    """Return the points of the paths of a kind."""
    shapes = re.findall(f'class="{kind}" d="M([^"]*)"', page)
    return [(float(x), float(y)) for s in shapes for x, y in re.findall(r"([\d.]+) ([\d.]+)", s)]


def test_names_are_text_and_nothing_is_loaded():
    page = campaign_page(
        replace(
            FIGURES,
            source=EVIL,
            run=EVIL,
            left_by=EVIL,
            offers=[replace(CALL, name=EVIL, terms={**CALL.terms, "where": EVIL})],
            value={"value": EVIL, "horizon": 1, "discount_rate": 0.0},
            reasons=[(EVIL, 3)],
            reason_columns=[(EVIL, 3)],
            limited_by=[EVIL],
        )
    )
    assert page.startswith("<!doctype html>")
    assert page.endswith("</html>")
    assert page.count(html_of(EVIL)) >= 7
    assert not {"script", "link", "img", "iframe"} & Page(page).tags
    assert "http" not in page
    assert "url(" not in page


def html_of(text: str) -> str:
    return (
        text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("'", "&#x27;")
    )


@pytest.mark.parametrize("changed", [{}, uncertain()], ids=["certain", "uncertain"])
def test_the_charts_are_xml_and_show_the_figures(changed):
    page = campaign_page(replace(FIGURES, **changed))
    charts = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(charts) == page.count("role=img") == 2
    for chart in charts:
        assert ElementTree.fromstring(chart).tag == "svg"
    curve, money = points(charts[0], "curve"), points(charts[1], "curve")
    assert [x for x, _ in curve] == [0, 270, 600]
    zero, here, end = (y for _, y in curve)
    assert (zero - here) / (zero - end) == pytest.approx(5 / 8, abs=1e-3)
    assert points(charts[0], "chosen") == [curve[1]]
    assert points(charts[1], "chosen") == [money[1]]
    assert [x for x, _ in money] == [0, 270, 600]
    assert ("band" in charts[0]) == ("range" in charts[0]) == bool(changed)
    if changed:
        band = points(charts[0], "band")
        assert (zero - band[0][1], zero - band[1][1]) == pytest.approx(
            (0, (zero - here) * 1.5), abs=0.2
        )


def test_the_numbers_are_those_of_the_figures():
    text = campaign_page(replace(FIGURES, **uncertain()))
    tables = Page(text).tables
    assert tables["By offer"][1] == ["call", "900", "100", "9,000", "50,000"]
    assert tables["Net value by customers contacted"][2] == ["900", "50,000", "25,000 to 75,000"]
    assert tables["What the next money brings"][1:] == [
        ["0", "9.00"],
        ["9,000", "4.00"],
        ["20,000", "0.00"],
    ]
    worth = [row[:2] for row in tables["Contacts by what customers are worth"][1:]]
    assert worth == [["500 to 900", "67%"], ["0 to 500", "33%"]]
    assert [row[:2] for row in tables["Contacts by first reason"][1:]] == [
        ["plan: basic", "50%"],
        ["tenure: 3", "10%"],
    ]
    assert tables["Contacts by column of the first reason"][1][:2] == ["tenure", "60%"]
    assert tables["By how much churn must fall"][1][:2] == ["seen from", "13.0"]
    for said in ("95 %: 20,000 to 80,000", "of 9,000; each unit brings 5.56", "of 7,000",
                 "churn 40.0% to 28.0%", "one unit more would bring <b>4.00</b>"):  # fmt: skip
        assert said in text


def test_losses_and_the_break_even_are_marked():
    text = campaign_page(FIGURES)
    rows = Page(text).tables["Net value for other keep rates and values"]
    assert rows[1:] == [
        ["x 0.5", "-17.5k", "5k", "27.5k"],
        ["x 1", "5k", "50k", "95k"],
        ["x 1.5", "27.5k", "95k", "162k"],
    ]
    assert text.count("class='side'") == text.count("class='under'") == 1
    assert text.count("class='assumed'") == 1
    assert text.count("rgba(194,65,12") == 1
    assert "if keep rates are 0.44 times, or values 0.44 times, as large" in text
    gains = [cell._replace(net=1.0) for cell in FIGURES.sensitivity]
    assert "beyond this table" in campaign_page(replace(FIGURES, sensitivity=gains))
    assert "could be lost" in campaign_page(replace(FIGURES, break_even=(None, None)))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"n_needed": 900.0}, "<p>The test needs 900 customers"),
        ({}, "<p class=note>The test needs 1,201 customers"),
        ({"effect_seen": None}, "too few to see an effect of any size"),
        ({"offers": [replace(CALL, n_control=0)], "share_control": 0.0}, "no control group"),
        ({"reasons": [], "reason_columns": []}, "has no reasons"),
        ({"correlated": ["a < b as one"]}, "<p class=quiet>a &lt; b as one."),
        ({"spending": [], "marginal": 0.0}, "Contacts cost nothing."),
        ({"limited_by": ["call"]}, "if no capacity limited it"),
        ({"ranked_by": "uplift"}, "other what contacts keep and values"),
        ({"budget": None}, "no budget; each unit"),
        ({"curve": [CurvePoint(0, 0.0, None)]}, "this campaign 50,000 with 900"),
    ],
)
def test_what_else_there_may_be(changed, said):
    text = campaign_page(replace(FIGURES, **changed))
    assert said in text
    assert "nan" not in text

"""The page of a campaign: whole, safe, and its numbers and pictures are those of the figures."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from churn_torch.report.campaign import CurvePoint
from churn_torch.report.pages.campaign_page import campaign_page
from tests.report.made_campaign import CALL, FIGURES, uncertain
from tests.report.page_reader import Page, points

EVIL = "<script>alert('&')</script>"


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
    assert Page(page).is_whole
    assert page.count(html_of(EVIL)) >= 7


def html_of(text: str) -> str:
    return (
        text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("'", "&#x27;")
    )


@pytest.mark.parametrize("changed", [{}, uncertain()], ids=["certain", "uncertain"])
def test_the_charts_are_xml_and_show_the_figures(changed):
    page = campaign_page(replace(FIGURES, **changed))
    charts = re.findall(r'<svg role="img".*?</svg></div>', page, re.DOTALL)
    assert len(charts) == 2
    for chart in charts:
        assert ElementTree.fromstring(chart.removesuffix("</div>")).tag == "svg"
    curve, money = (points(chart, "line main") for chart in charts)
    assert [x for x, _ in curve] == [x for x, _ in money] == [0, 450, 1000]
    zero, here, end = (y for _, y in curve)
    assert (zero - here) / (zero - end) == pytest.approx(5 / 8, abs=3e-3)
    for chart, (x, y) in zip(charts, (curve[1], money[1]), strict=True):
        assert f'cx="{x / 10:.1f}%" cy="{y / 10:.1f}%"' in chart
    assert ("band" in charts[0]) == ("whisker" in charts[0]) == bool(changed)
    if changed:
        band = points(charts[0], "band main")
        assert (zero - band[0][1], zero - band[1][1]) == pytest.approx(
            (0, (zero - here) * 1.5), abs=2
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
    assert worth == [["500 to 900", "67% (600)"], ["0 to 500", "33% (300)"]]
    assert [row[:2] for row in tables["Contacts by first reason"][1:]] == [
        ["plan: basic", "50% (450)"],
        ["tenure: 3", "10% (90)"],
    ]
    assert tables["Contacts by column of the first reason"][1][:2] == ["tenure", "60% (540)"]
    assert tables["By how much churn must fall"][1][:2] == ["seen from", "13.0"]
    for said in ("95 %: 20,000 to 80,000", "of 9,000; each unit brings 5.56", "of 7,000",
                 "churn 40.0% to 28.0%", "one unit of money more would bring 4.00"):  # fmt: skip
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

"""The page of a campaign's results: whole, on one scale, and names are text."""

from __future__ import annotations

import math
import re

from churn_torch.report.pages.results_page import results_page
from tests.report.page_reader import Page
from tests.report.test_campaign_results import results, row


def page(*effects: dict, **changed: object) -> str:
    rows = [{**one, "expected_kept": 90.0} for one in effects]
    balance = [{"name": "the <value>", "treated": 1.0, "control": 1.1, "difference": -0.1}]
    return results_page(
        results(
            effects=rows,
            date="2026-12-29T12:00:00",
            campaign={"date": "2026-11-29"},
            randomisation={"balance": balance},
            **changed,
        )
    )


def test_the_page_is_whole_and_names_are_text():
    text = page(row(), row("offer", "<b>call"), warnings=["5 < 6"])
    assert Page(text).is_whole
    assert "offer &lt;b&gt;call" in text
    assert "the &lt;value&gt;" in text
    assert "5 &lt; 6" in text


def test_a_gain_a_loss_and_neither_have_their_colours():
    gain, loss = row("decile", "1", 0.1), row("decile", "2", -0.1)
    unclear = {**gain, "difference_adjusted_low": -0.05, "net_value_adjusted_low": -5.0}
    for one, kind, others in (
        (gain, "less", "more open"),
        # The ends of a negative estimate are the wrong way around in `row`.
        (
            {
                **loss,
                "difference_adjusted_low": -0.2,
                "difference_adjusted_high": -0.05,
                "net_value_adjusted_low": -9.0,
                "net_value_adjusted_high": -1.0,
            },
            "more",
            "less open",
        ),
        (unclear, "open", "less more"),
    ):
        text = page(one)
        assert text.count(f'class="mark {kind}"') == text.count(f'class="{kind}"') == 2
        assert not any(f'mark {other}"' in text for other in others.split())


def test_pictures_stay_inside_and_what_is_not_known_is_not_drawn():
    wide = {**row("decile", "1", 0.1), "difference_adjusted_high": 1e6}
    unknown = row("decile", "2", math.nan)
    text = page(row(value=0.1), wide, unknown)
    assert text.count("<svg") == 6
    assert text.count('mark less"') == 4
    shapes = re.findall(r'<path class="(?:less|mark less)" d="([^"]*)"', text)
    places = [int(x) for shape in shapes for x in re.findall(r"[MH](-?\d+)", shape)]
    # What leaves the scale ends a little outside of it.
    assert min(places) >= 0
    assert max(places) == 1015
    assert "nan" not in text.lower().replace("nant", "")


def test_without_a_control_group_there_is_no_picture():
    text = page(row(value=math.nan, control=0), keep_rates={})
    assert "<svg" not in text
    assert "cannot be known" in text
    assert "For the next campaign" not in text

"""Results of a campaign in words: numbers, what is not known, and offers to paste."""

from __future__ import annotations

import math

import pandas as pd
import pytest
import yaml
from rich.console import Console

from churn_torch.report.campaign_results import (
    group_name,
    interval,
    offer_yaml,
    results_sentences,
    results_table,
)

ESTIMATES = ("difference_adjusted", "kept_adjusted", "net_value_adjusted")
OFFER = {"contact_cost": 10.0, "keep_rate": 0.3, "capacity": None, "where": "plan = 'no'"}
RATE = {"alpha": 6.0, "beta": 14.0, "mean": 0.3, "low": 0.12, "high": 0.51, "measured_high": 0.5}


def row(by: str = "all", name: str = "all", value: float = 100.0, control: int = 100) -> dict:
    estimates = {
        f"{estimate}{end}": value * factor
        for estimate in ESTIMATES
        for end, factor in (("", 1), ("_low", 0.5), ("_high", 1.5))
    }
    return {
        "by": by,
        "name": name,
        "treated": 900,
        "control": control,
        "churned_treated": 90,
        "churned_control": 20,
        "churn_rate_treated": 0.1,
        "churn_rate_control": 0.2 if control else math.nan,
        "expected_net_value": 12_345.6,
        **estimates,
    }


def results(**changed: object) -> dict:
    return {
        "effects": [row()],
        "counts": {"treated": 900, "control": 100, "missing_treated": 0, "missing_control": 0},
        "size": {"power": 0.8, "effect_seen": 0.08},
        "warnings": [],
        "keep_rates": {"call": RATE},
        "conf_offer": "call:\n",
        "net_value_from": "value",
        **changed,
    }


def said(content: dict) -> str:
    return "\n".join(results_sentences(content))


def test_the_table_shows_each_group_and_what_is_not_known():
    frame = pd.DataFrame([row(), row("offer", "[b]call"), row("decile", "1", math.nan, control=0)])
    console = Console(width=110)
    with console.capture() as capture:
        console.print(results_table(frame))
    text = capture.get()
    assert "offer [b]call" in text
    assert "12,346" in text
    assert "50..150" in text
    last = next(line for line in text.splitlines() if "decile 1" in line)
    assert last.count(" - ") == 3


def test_groups_and_intervals_in_words():
    assert [group_name(row()), group_name(row("decile", "3"))] == ["all", "decile 3"]
    assert interval(row(value=2.0), "kept_adjusted", "{:.1f}") == "2.0 (1.0 to 3.0)"
    assert interval(row(value=2.0), "kept_adjusted", "{:+.0f}", 100, in_cell=True) == (
        "+200\n+100..+300"
    )
    assert interval(row(value=math.nan), "kept_adjusted", "{:.1f}") == "-"
    endless = {**row(value=2.0), "kept_adjusted_high": math.inf}
    assert interval(endless, "kept_adjusted", "{:.1f}") == "2.0"


def test_what_was_kept_and_earned():
    text = said(results())
    assert text.startswith("Kept 100 (50 to 150) of 900 treated customers; net value 100")
    assert "from the value of each customer" in text
    assert "from revenue" in said(results(net_value_from="revenue"))
    assert "holds 0" not in text


def test_an_effect_that_may_be_none_comes_with_what_could_be_seen():
    unclear = {**row(), "difference_adjusted_low": -0.1, "difference_adjusted_high": 0.1}
    text = said(results(effects=[unclear]))
    assert "lower by 8.0 points or more in 80% of cases" in text
    size = {"power": 0.8, "effect_seen": None}
    assert "sees no effect, however large" in said(results(effects=[unclear], size=size))


def test_warnings_come_first_and_missing_outcomes_are_counted():
    counts = {"treated": 900, "control": 100, "missing_treated": 7, "missing_control": 1}
    sentences = results_sentences(results(warnings=["The groups differed."], counts=counts))
    assert sentences[0] == "Not to be trusted: The groups differed."
    assert "keep those that were assumed" in sentences[-1]
    assert "Offers for the next campaign" in said(results())
    assert sentences[1].startswith("8 customers of the lists have no outcome (7 treated, 1 of")


@pytest.mark.parametrize(
    ("counts", "whole", "start"),
    [
        ({"control": 0}, {"control": 0}, "The campaign has no control group"),
        ({}, {"control": 0}, "No outcome of the control group is there"),
        ({}, {"treated": 0}, "No outcome of the treated is there"),
    ],
)
def test_without_a_group_nothing_is_claimed(counts, whole, start):
    given = results()
    text = said(results(counts={**given["counts"], **counts}, effects=[{**row(), **whole}]))
    assert text.startswith(start)
    assert "Kept" not in text


def test_an_offer_to_paste_is_yaml_with_the_measured_rate():
    text = offer_yaml({"call": OFFER, "no": {"incentive_paid": "always"}}, {"call": RATE})
    assert "keep_rate: {alpha: 6.0, beta: 14.0}   # 30%, 95 %: 12% to 51%" in text
    assert yaml.safe_load(text) == {
        "call": {**OFFER, "keep_rate": {"alpha": 6.0, "beta": 14.0}},
        "no": {"incentive_paid": "always"},
    }
    unmeasured = yaml.safe_load(offer_yaml({"call": OFFER}, {}))
    assert unmeasured["call"] == OFFER

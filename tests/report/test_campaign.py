from __future__ import annotations

from dataclasses import replace

import pytest
from rich.console import Console

from churn_torch.report.campaign import (
    CampaignFigures,
    Interval,
    OfferFigures,
    campaign_sentences,
    campaign_table,
)

CALL = OfferFigures(name="call", n_contacted=900, n_control=100, spend=9e3, net=5e4, kept=120.5)
FIGURES = CampaignFigures(
    source="customers.csv",
    run="outputs/latest",
    date="2026-11-29",
    ranked_by="probability",
    budget=9_000.0,
    share_control=0.1,
    n_customers=7_000,
    n_left=1_500,
    n_not_eligible=0,
    n_not_worth=2_000,
    n_not_chosen=2_500,
    offers=[CALL],
    net=5e4,
    interval=None,
    gap=0.0,
    limited_by=["budget"],
    churn=0.4,
    effect=0.12,
    n_needed=1_200.4,
    curve=[],
    spending=[],
    deciles=[],
    reasons=[],
    sensitivity=[],
)


def shown(figures):
    console = Console(width=120)
    with console.capture() as capture:
        console.print(campaign_table(figures))
    return capture.get()


def test_the_table_says_who_was_left_out_and_why():
    text = shown(FIGURES)
    for line in ("have left already", "1,500", "beyond the budget", "2,500", "contacted: call"):
        assert line in text
    assert "may get no offer" not in text
    two = replace(
        FIGURES, offers=[CALL, replace(CALL, name="letter")], limited_by=["budget", "call"]
    )
    assert "beyond the budget and the capacity of call" in shown(two)
    assert "1,800" in shown(two)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "The test needs 1,201 customers to see 40.0% churn fall to 28.0% with 80 % power, and "
             "the list has 1,000: this campaign is too small to be measured."),
        ({"n_needed": 1_000.0}, "with 80 % power; the list has 1,000."),
        ({"n_needed": None}, "too small for a control group"),
        ({"n_needed": float("inf")}, "No effect is expected"),
        ({"share_control": 0.0, "n_needed": None}, "Without a control group"),
        ({"interval": Interval(1e4, 9e4)}, "between 10,000.00 and 90,000.00 (95 % interval"),
        ({"interval": Interval(5e4, 5e4)}, "Expected net value 50,000.00."),
        ({"gap": 0.01}, "at most 1.00% (505.05) more (the optimum of the relaxation)"),
        ({}, "No other choice brings more."),
        ({}, "The budget of 9,000.00 pays for contacts and expected incentives: 9,000.00."),
    ],
)  # fmt: skip
def test_what_is_said_beside_the_table(changed, said):
    assert said in " ".join(campaign_sentences(replace(FIGURES, **changed)))

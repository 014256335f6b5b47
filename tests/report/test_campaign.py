from __future__ import annotations

from dataclasses import replace

from rich.console import Console

from churn_torch.report.campaign import campaign_table
from tests.report.made_campaign import CALL, FIGURES


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

from __future__ import annotations

from io import StringIO

from rich.console import Console

from churn_torch.report.profit import profit_table

CALL = {
    "n": 1056, "keep_rate": 0.3, "mpc": 65.7, "best_share": 0.75, "best_threshold": None,
    "profit": 65.0, "share": 0.726, "threshold": 0.05,
    "curve": [{"share": 0.05, "profit": 11.6}, {"share": 1.0, "profit": -3.25}],
    "intervals": {"mpc": [58.0, 73.0], "best_share": [0.7, 0.8], "best_threshold": [0.03, 1.0],
                  "profit": [57.5, 73.5], "share": [0.7, 0.75], "empc": [60.0, 75.0]},
    "method": "a bootstrap",
}  # fmt: skip


def rendered(figures: dict) -> str:
    console = Console(file=StringIO(), width=110)
    console.print(profit_table(figures))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_a_column_an_offer_with_intervals_and_totals():
    text = rendered({"call": CALL, "[letter]": CALL | {"empc": 66.0}})
    assert "[letter] (keeps 30.0%)" in text
    assert "65.00 [57.50 to 73.50]" in text
    assert "68,640 [60,720 to 77,616]" in text  # in total
    assert "72.6% [70.0% to 75.0%]" in text
    assert "nobody" in text
    assert text.count("66.00 [60.00 to 75.00]") == 1
    assert "-3.25" in text
    assert "a bootstrap" in " ".join(text.split())


def test_without_a_threshold_there_is_no_profit_at_it():
    rest = {key: value for key, value in CALL.items() if key not in ("profit", "share")}
    assert "at the threshold" not in rendered({"call": rest})

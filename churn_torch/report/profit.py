"""The profit of offers as a terminal table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from churn_torch.report.formats import percent, score


def profit_table(figures: Mapping[str, Mapping[str, Any]]) -> Table:
    """Lay out what offers bring on measured rows, one column for each offer.

    Args:
        figures: By the offer's name, what `churn_torch.decisions.offer_profit.OfferProfit.figures`
            returns.
    """
    first = next(iter(figures.values()))
    warned = f". {first['sentence']}." if "sentence" in first else ""
    table = Table(
        title="Profit",
        caption=f"of {first['n']:,} customers, at the expected keep rate; in brackets: interval of "
        f"95 % ({first['method']}){warned}",
    )
    table.add_column("offer", no_wrap=True)
    for name, one in figures.items():
        table.add_column(Text(f"{name} (keeps {one['keep_rate']:.1%})"), justify="right")
    each = figures.values()
    if all("profit" in one for one in each):
        table.add_row("profit a customer at the threshold", *(_amount(o, "profit") for o in each))
        table.add_row("in total", *(_amount(o, "profit", o["n"]) for o in each))
        table.add_row("share contacted", *(_number(o, "share", percent) for o in each))
    table.add_row("maximum profit a customer (MPC)", *(_amount(o, "mpc") for o in each))
    table.add_row("in total", *(_amount(o, "mpc", o["n"]) for o in each))
    table.add_row("contacting the share", *(_number(o, "best_share", percent) for o in each))
    table.add_row("from the probability", *(_number(o, "best_threshold", score) for o in each))
    if any("empc" in one for one in each):
        cells = (_amount(o, "empc") if "empc" in o else "-" for o in each)
        table.add_row("expected maximum profit (EMPC)", *cells)
    for position, point in enumerate(first["curve"]):
        profits = (f"{one['curve'][position]['profit']:,.2f}" for one in each)
        table.add_row(f"profit with {point['share']:.0%} contacted", *profits)
    return table


def _amount(figures: Mapping[str, Any], name: str, times: int = 1) -> str:
    low, high = figures["intervals"][name]
    form = "{:,.2f}" if times == 1 else "{:,.0f}"
    value, low, high = (form.format(times * amount) for amount in (figures[name], low, high))
    return f"{value} [{low} to {high}]"


def _number(figures: Mapping[str, Any], name: str, write: Any) -> str:
    if figures[name] is None:
        return "nobody"
    low, high = figures["intervals"][name]
    return f"{write(figures[name])} [{write(low)} to {write(high)}]"

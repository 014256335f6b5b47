"""Uplift for the terminal: its metrics, and predicted beside observed uplift by decile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from churn_torch.report.formats import count

if TYPE_CHECKING:
    from churn_torch.decisions.uplift_profit import UpliftProfit
    from churn_torch.evaluation.uplift_metrics import UpliftGroup, UpliftMetrics


def points(value: float) -> str:
    """Write a difference of rates in percentage points."""
    return f"{100 * value:+z.1f}"


def coefficient(value: float) -> str:
    """Write a Qini coefficient."""
    return f"{value:+z.4f}"


def small_points(value: float) -> str:
    """Write a mean gain over all shares in percentage points."""
    return f"{100 * value:+z.2f}"


# Key, label and format of each line.
LINES: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("average_effect", "average effect, points", points),
    ("qini", "Qini coefficient", coefficient),
    ("qini_area", "gain over a random order, points", small_points),
    ("auuc", "area under the uplift curve, points", small_points),
    *((f"uplift_at_{share}", f"uplift in top {share}%, points", points) for share in (10, 20, 30)),
)


def uplift_table(metrics: UpliftMetrics) -> Table:
    """Lay out the metrics of predicted uplift.

    Args:
        metrics: `churn_torch.evaluation.uplift_metrics.UpliftMetrics`.
    """
    caption = (
        f"{count(metrics.numbers['n'] or 0)} customers, {count(metrics.numbers['n_treated'] or 0)} "
        "of them contacted; points: percentage points, positive where a contact is good; in "
        "brackets: interval of 95 % over the customers, for this model and not another training of "
        "it; a random order has a Qini coefficient of 0"
    )
    table = Table(caption=caption)
    table.add_column("uplift", no_wrap=True)
    table.add_column("value", justify="right")
    for key, label, write in LINES:
        value = metrics.numbers[key]
        if value is None:
            table.add_row(label, "-")
            continue
        low, high = metrics.intervals[key]
        table.add_row(label, Text(f"{write(value)} [{write(low)} to {write(high)}]"))
    return table


def deciles_table(deciles: Sequence[UpliftGroup]) -> Table:
    """Lay out predicted beside observed uplift, customers with the largest predictions first.

    Args:
        deciles: `churn_torch.evaluation.uplift_metrics.UpliftGroup` of each group.
    """
    table = Table(caption="in percentage points; in brackets: interval of 95 %")
    for name in ("group", "customers", "contacted", "predicted", "observed"):
        table.add_column(name, justify="right")
    for place, group in enumerate(deciles, 1):
        table.add_row(
            str(place), count(group.n), count(group.n_treated), points(group.predicted),
            Text(observed(group)),
        )  # fmt: skip
    return table


def uplift_profit_table(profit: Mapping[str, UpliftProfit]) -> Table:
    """Lay out what contacting customers by their predicted net value is worth.

    Args:
        profit: By the offer's name, `churn_torch.decisions.uplift_profit.UpliftProfit`.
    """
    table = Table(
        caption="observed on contacted and not contacted customers, best predictions first; in "
        "brackets: interval of 95 %, which takes off that the best share looks better than it is"
    )
    for name in ("offer", "maximum profit a customer (MPU)", "contacting the share"):
        table.add_column(name, justify="left" if name == "offer" else "right")
    for name, one in profit.items():
        low, high = one.share_interval
        table.add_row(
            Text(name),
            Text(f"{one.profit:,.2f} [{one.interval[0]:,.2f} to {one.interval[1]:,.2f}]"),
            Text(f"{one.share:.1%} [{low:.1%} to {high:.1%}]"),
        )
    return table


def observed(group: UpliftGroup) -> str:
    """Write the observed uplift of a group with its interval."""
    if group.observed is None or group.interval is None:
        return "-"
    low, high = group.interval
    return f"{points(group.observed)} [{points(low)} to {points(high)}]"

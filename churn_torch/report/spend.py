"""Expected spend for the terminal: its total, and expected beside observed spend by decile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from churn_torch.report.formats import count


def spend_table(metrics: Mapping[str, Any]) -> Table:
    """Lay out expected beside observed spend of customers who stay, largest expected spend first.

    Args:
        metrics: The content of a `churn_torch.evaluation.spend_metrics.SpendMetrics`.
    """
    table = Table(caption="mean spend of customers who stay; in brackets: interval of 95 %")
    for name in ("group", "customers", "expected", "observed"):
        table.add_column(name, justify="right")
    for place, group in enumerate(metrics["deciles"], 1):
        low, high = group["interval"]
        table.add_row(
            str(place), count(group["n"]), f"{group['expected']:,.2f}",
            Text(f"{group['observed']:,.2f} [{low:,.2f} to {high:,.2f}]"),
        )  # fmt: skip
    return table


def spend_sentences(metrics: Mapping[str, Any]) -> list[str]:
    """Say whether the totals hold, and warn where the total is off by more than chance.

    Args:
        metrics: As for `spend_table`.
    """
    low, high = metrics["ratio_interval"]
    sentences = [
        f"Spend: the {metrics['n']:,} test customers who stay spent {metrics['spent']:,.0f}, and "
        f"{metrics['expected']:,.0f} were expected ({metrics['ratio']:.2f} times [{low:.2f} to "
        f"{high:.2f}]); all {metrics['n_all']:,} spent {metrics['spent_all']:,.0f}, and "
        f"{metrics['expected_all']:,.0f} were expected."
    ]
    if not low <= 1 <= high:
        sentences.append(
            "The expected spend is off by more than chance on these rows: multiply it by "
            f"{metrics['ratio']:.2f}, or train on newer rows, before money depends on it."
        )
    return sentences

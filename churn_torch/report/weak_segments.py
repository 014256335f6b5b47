"""The segments where a model is weak, as a table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from churn_torch.evaluation.groups.weak_segments import WeakSegment

METHOD = (
    "found on one half of the rows, measured on the other; 95 % intervals that hold for all tested "
    "segments; excess: log-loss beyond what the probabilities lead one to expect"
)
HEADINGS = ("rows", "predicted\nleave", "difference", "excess\nlog-loss", "AUROC")


def weak_segments_table(found: Sequence[WeakSegment]) -> Table:
    """Lay out weak segments, one line each."""
    table = Table(title="Segments where the model is weak", title_justify="left", caption=METHOD)
    table.add_column("segment", overflow="fold", min_width=18)
    for heading in HEADINGS:
        table.add_column(heading, justify="right", overflow="fold")
    for one in found:
        conditions = Group(*(Text(condition.in_words()) for condition in one.conditions))
        table.add_row(conditions, *cells(one))
    return table


def cells(one: WeakSegment) -> tuple[str, ...]:
    """Return the numbers of a segment as text, by `HEADINGS`."""
    return (
        f"{one.n:,}\n{100 * one.share:.0f} %",
        f"{100 * one.mean_probability:.1f} %\n{100 * one.churn_rate:.1f} %",
        f"{100 * one.gap:+.1f}\n{100 * one.gap_low:+.1f}..{100 * one.gap_high:+.1f}",
        f"{one.excess_log_loss:+.3f}\n{one.excess_low:+.2f}..{one.excess_high:+.2f}",
        "-" if one.auroc is None else f"{one.auroc:.3f}",
    )

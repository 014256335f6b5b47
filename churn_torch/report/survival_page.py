"""Time to churn as an HTML page: how many stay, by risk, and how far the horizon holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from churn_torch.report.page_style import page_start, whole_page
from churn_torch.report.page_text import unbroken
from churn_torch.report.report_sections.survival import HOW_OBSERVED, lifetimes
from churn_torch.report.survival import caption

if TYPE_CHECKING:
    from churn_torch.evaluation.survival_metrics import SurvivalMetrics

_STYLE = """
.scroll table { width: 100% } tbody tr + tr > * { border-top: 1px solid var(--axis) }
"""


def survival_page(metrics: SurvivalMetrics, title: str = "Time to churn") -> str:
    """Return the measured lifetimes as an HTML page that needs no other file.

    Args:
        metrics: `churn_torch.evaluation.survival_metrics.SurvivalMetrics`.
        title: Heading of the page.
    """
    return whole_page(_page(metrics, title))


def _page(metrics: SurvivalMetrics, title: str) -> Iterator[str]:
    yield f"{page_start(title, _STYLE)}<p>"
    yield f"Test rows: {unbroken(caption(metrics))}. {HOW_OBSERVED}</p>"
    yield from lifetimes(metrics)

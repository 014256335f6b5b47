"""Groups of customers: segments where the model is weak, and fairness between groups."""

from __future__ import annotations

import html
from collections.abc import Iterator

from churn_torch.report.charts.bar_charts import Bar, bar_chart
from churn_torch.report.fairness import (
    GAP_HEADINGS,
    GAPS_CAPTION,
    GROUP_HEADINGS,
    GROUPS_CAPTION,
    gap_rows,
    group_rows,
)
from churn_torch.report.formats import percent
from churn_torch.report.pages.html_table import html_table
from churn_torch.report.pages.model_report import ModelReport
from churn_torch.report.pages.page_text import paragraphs
from churn_torch.report.weak_segments import HEADINGS, METHOD, cells


def weak_segments(report: ModelReport) -> Iterator[str]:
    """Write the segments where the model is weak."""
    yield "<section id=segments><h2>Where the model is weak</h2>"
    found = report.weak_segments
    if report.not_searched:
        yield from paragraphs([f"Not searched: {report.not_searched}."])
    elif not found:
        yield "<p>No segment of customers was found where the model is wrong beyond chance.</p>"
    else:
        yield from paragraphs([one.sentence for one in found], "note")
        yield html_table(
            "Segments where the model is weak",
            ("segment", *HEADINGS),
            [
                (" and ".join(condition.in_words() for condition in one.conditions), *cells(one))
                for one in found
            ],
        )
    if not report.not_searched:
        yield from paragraphs([f"{METHOD[0].upper()}{METHOD[1:]}."], "quiet")
    yield "</section>"


def fairness(report: ModelReport) -> Iterator[str]:
    """Write the fairness of the columns that were named, or how to name them."""
    yield "<section id=fairness><h2>Fairness</h2>"
    measured = report.run.metrics.get("fairness", ())
    if not measured:
        yield "<p>Not measured: no column was named (fairness.by=[COLUMN,...]).</p>"
    for found in measured:
        yield f"<h3>{html.escape(found['column'])}</h3>"
        yield from paragraphs(found["sentences"])
        rates = [(group["group"], group["n"], group["selection_rate"]) for group in found["groups"]]
        yield bar_chart(
            f"Flagged by {found['column']}",
            f"Share of the customers of each group of {found['column']} whose probability is at or "
            "above the threshold, with intervals of 95 %.",
            found["column"],
            [
                Bar(name, rate["value"], rate["low"], rate["high"], f"{n:,} customers")
                for name, n, rate in rates
            ],
            percent,
        )
        yield html_table(f"Groups of {found['column']}", GROUP_HEADINGS, group_rows(found))
        yield from paragraphs([f"{GROUPS_CAPTION}."], "quiet")
        if found["gaps"]:
            yield html_table(
                f"Largest differences between groups of {found['column']}",
                GAP_HEADINGS,
                gap_rows(found),
                text_columns=(1, 2),
            )
            yield from paragraphs([f"{GAPS_CAPTION}."], "quiet")
    yield "</section>"

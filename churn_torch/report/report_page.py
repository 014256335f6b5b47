"""The report of a run, or of several side by side, as an HTML page that needs no other file."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import chain

from churn_torch.report.comparison import comparison_sentences
from churn_torch.report.html_table import html_table
from churn_torch.report.model_report import ExplainedRun, ModelReport, RunsReport, SurvivalReport
from churn_torch.report.page_style import CAMPAIGN_STYLE, page_start, whole_page
from churn_torch.report.page_text import paragraphs
from churn_torch.report.report_sections import curves, factors, groups, training
from churn_torch.report.report_sections.customer import customer
from churn_torch.report.report_sections.data import data
from churn_torch.report.report_sections.limits import limits
from churn_torch.report.report_sections.metrics import metrics, metrics_side_by_side
from churn_torch.report.report_sections.survival import HOW_OBSERVED, lifetimes
from churn_torch.report.report_sections.survival_verdict import survival_limits, survival_verdict
from churn_torch.report.report_sections.verdict import headline, verdict, warnings

_STYLE = """
body { max-width: 72em } h2 { font-size: 1.35em; border-top: 1px solid var(--axis);
  padding-top: .8em } h3 { font-size: 1em; margin: 1.5em 0 .3em } p, ul { max-width: 60em }
nav { display: flex; flex-wrap: wrap; gap: .2em 1.2em } nav a { color: var(--less) }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26em), 1fr));
  gap: 0 3em } pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85em }
tbody tr > * { border-top: 1px solid var(--axis) } .scroll .n { white-space: nowrap }
.scroll td:not(.n) { min-width: 8em } .rows table:has(.first) tr:not(.first) > * { border-top: 0 }
@media (max-width: 30em) { .scroll td:not(.n):last-child { min-width: 16em } }
"""
_HEADING = re.compile(r"<section id=(\w+)><h2>(.*?)</h2>")


def report_page(report: ModelReport) -> str:
    """Return the report of one run as a page."""
    runs = [report.run]
    sections = chain(
        verdict(report),
        data(report),
        metrics(report),
        curves.ranking(runs),
        curves.profit(runs),
        curves.calibration(runs),
        curves.distribution(runs),
        factors.factors(report),
        customer(report),
        groups.weak_segments(report),
        groups.fairness(report),
        limits(report),
        training.training(report),
        training.configuration(report),
    )
    return _page(f"Churn model: {report.run.name}", _origin(report), sections)


def survival_report_page(report: SurvivalReport) -> str:
    """Return the report of a run of time to churn as a page."""
    sections = chain(
        survival_verdict(report),
        data(report),
        lifetimes(report.survival),
        paragraphs([HOW_OBSERVED], "quiet"),
        factors.factors(report),
        customer(report),
        survival_limits(report),
        training.training(report),
        training.configuration(report),
    )
    return _page(f"Time to churn: {report.run.name}", _origin(report), sections)


def _origin(report: ExplainedRun) -> str:
    date = report.run.metrics["data"]["date"]
    return f"{date}: {report.source}; run folder {report.run.folder}"


def runs_page(report: RunsReport) -> str:
    """Return the report of several runs side by side as a page."""
    names = [run.name for run in report.runs]
    sections = chain(
        _compared(report),
        _side_by_side(report),
        curves.ranking(report.runs),
        curves.profit(report.runs),
        curves.calibration(report.runs),
        curves.distribution(report.runs),
        factors.factors_side_by_side(report),
        _choices(report),
    )
    origin = "; ".join(f"{run.name}: {run.folder}" for run in report.runs)
    return _page(f"Churn models: {', '.join(names)}", origin, sections)


def _page(title: str, origin: str, sections: Iterator[str]) -> str:
    body = "\n".join(sections)
    links = "".join(f"<a href='#{id}'>{name}</a> " for id, name in _HEADING.findall(body))
    return whole_page(
        (
            page_start(title, CAMPAIGN_STYLE, _STYLE),
            f"<p class=quiet>{html.escape(origin)}</p><nav aria-label='Sections'>{links}</nav>",
            body,
        )
    )


def _compared(report: RunsReport) -> Iterator[str]:
    yield "<section id=verdict><h2>Verdict</h2>"
    yield from paragraphs(list(comparison_sentences(report.comparison)))
    for run in report.runs:
        yield f"<h3>{html.escape(run.name)}</h3>"
        yield from headline(run)
        yield from paragraphs(warnings(run.metrics), "note")
    yield "</section>"


def _side_by_side(report: RunsReport) -> Iterator[str]:
    yield "<section id=metrics><h2>Metrics</h2>"
    yield from metrics_side_by_side(report.runs)
    yield "</section>"


def _choices(report: RunsReport) -> Iterator[str]:
    yield "<section id=configuration><h2>Choices that differ</h2>"
    yield html_table(
        "Choices that differ",
        ("key", *(run.name for run in report.runs)),
        [(key, *map(str, values)) for key, values in report.differing.items()],
        text_columns=range(1, len(report.runs) + 1),
    )
    yield "</section>"

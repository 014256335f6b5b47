"""The data: what the table is, what each column is taken for, and what looks wrong about it."""

from __future__ import annotations

import html
from collections.abc import Iterator

from churn_torch.report.formats import count, percent
from churn_torch.report.pages.html_table import html_table
from churn_torch.report.pages.model_report import ExplainedRun
from churn_torch.report.pages.page_text import bullets


def data(report: ExplainedRun) -> Iterator[str]:
    """Write what is known of the data."""
    metrics = report.run.metrics
    facts = metrics["data"]
    yield "<section id=data><h2>Data</h2>"
    dropped = f" {facts['n_dropped']:,} rows have no label and are left out." * bool(
        facts["n_dropped"]
    )
    times = ""
    if facts["first_time"] is not None:
        times = f" The training rows are of {facts['first_time']} to {facts['last_time']}."
    split = report.run.choices["data"]["split"]["by"]
    split = split if isinstance(split, str) else " and ".join(split)
    if n_reaching := facts.get("n_reaching_later"):
        dropped += f" {n_reaching:,} rows, whose label reaches into a later part, are in none."
    if n_of_two := facts.get("n_of_two_parts"):
        dropped += f" {n_of_two:,} rows are of the time of one part and the group of another."
    left = f", of whom {facts['base_rate']:.1%} of the training rows left"
    if "survival" in metrics:
        test = metrics["survival"]
        left = f"; of {test['n']:,.0f} test customers {test['n_left']:,.0f} left while observed"
    yield (
        f"<p>{html.escape(report.source)}: {facts['n_rows']:,} customers{left}. "
        f"Split {html.escape(str(split))}: "
        f"{facts['n_train']:,} to learn from, {facts['n_validation']:,} to choose by, "
        f"{facts['n_test']:,} to measure once.{dropped}{html.escape(times)} "
        f"Fingerprint {html.escape(str(facts['fingerprint']))}.</p>"
    )
    suspicions = [one["sentence"] for one in metrics.get("suspicions", ())]
    yield "<h3>What looks wrong</h3>"
    if suspicions:
        yield from bullets(suspicions)
    elif report.run.choices.get("leakage") == "ignore":
        yield "<p>Not looked for (leakage=ignore).</p>"
    else:
        yield "<p>Nothing: no sign of leakage was found.</p>"
    yield "<h3>Columns</h3>"
    rows = [
        (
            column.name,
            str(column.kind),
            percent(column.missing_share) if column.missing_share else "",
            count(column.n_distinct),
            column.note,
        )
        for column in report.columns
    ]
    headings = ("column", "kind", "missing", "distinct", "note")
    yield html_table("Columns of the table", headings, rows, text_columns=(1, 4))
    yield "</section>"

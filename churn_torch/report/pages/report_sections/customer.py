"""One customer of the test rows explained, as an example of what the file says of each."""

from __future__ import annotations

import html
from collections.abc import Iterator

from churn_torch.report.customer import probability_sentence
from churn_torch.report.formats import factor_in_words
from churn_torch.report.pages.html_table import html_table
from churn_torch.report.pages.model_report import ExplainedRun
from churn_torch.report.pages.page_text import paragraphs


def customer(report: ExplainedRun) -> Iterator[str]:
    """Write the example; nothing where no customer could be explained."""
    explained = report.customer
    if explained is None:
        return
    yield "<section id=customer><h2>One customer</h2>"
    yield from paragraphs([probability_sentence(explained)])
    yield "<p class=quiet>A customer of the test rows, in the middle of those who are flagged, or "
    yield "the one of the highest probability where none is. Of any other: churn-torch explain "
    yield "source=CUSTOMERS id=ID.</p>"
    reasons = [
        (direction, reason.column, reason.cell, factor_in_words(reason.odds_factor))
        for direction, those in (("raises", explained.raises), ("lowers", explained.lowers))
        for reason in those
    ]
    if reasons:
        yield html_table(
            "What moves the odds, against the mean customer of the training",
            ("", "input", "this customer", "odds of leaving"),
            reasons,
            text_columns=(1, 2),
        )
    if explained.untrusted:
        yield f"<p>Not to be trusted: {html.escape('; '.join(explained.untrusted))}.</p>"
    yield from paragraphs(explained.caveats, "quiet")
    if explained.changes:
        yield "<h3>What would have to change</h3>"
        yield html_table(
            "Changes that bring the customer below the threshold",
            ("change", "probability"),
            [
                (
                    ", ".join(f"{column}: {cell}" for column, cell in change.cells.items()),
                    f"{change.probability:.1%}",
                )
                for change in explained.changes
            ],
        )
    else:
        yield from paragraphs([explained.note])
    yield "</section>"

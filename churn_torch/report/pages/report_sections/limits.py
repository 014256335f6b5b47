"""When not to use the model: what was measured, turned into limits."""

from __future__ import annotations

from collections.abc import Iterator

from churn_torch.report.formats import listed
from churn_torch.report.metrics import FEW
from churn_torch.report.pages.model_report import ExplainedRun, ModelReport
from churn_torch.report.pages.page_text import bullets
from churn_torch.report.pages.report_sections.metrics import worse_than_chance

# With fewer churners among the test rows intervals are too wide to tell models apart.
ENOUGH = 100


def limits(report: ModelReport) -> Iterator[str]:
    """Write when the model should not be used."""
    yield "<section id=limits><h2>When not to use this model</h2>"
    yield from bullets(list(limit_sentences(report)))
    yield "</section>"


def limit_sentences(report: ModelReport) -> Iterator[str]:
    """Yield the limits, those that were measured first."""
    metrics = report.run.metrics
    test = metrics["test"]
    yield from unanswered(report)
    if test["intervals"]["auroc"][0] <= 0.5:
        yield "Not to rank customers: on the test rows it is not surely better than chance."
    if said := worse_than_chance(test):
        yield f"Not as a probability: {said[:1].lower()}{said[1:]}"
    elif sentence := test.get("calibration", {}).get("sentence"):
        yield f"Not to multiply probabilities by money before it is calibrated again: {sentence}."
    few = min(test["n_positive"], test["n"] - test["n_positive"])
    if few < FEW:
        yield f"Not to promise anything: only {few} test customers are of the smaller class."
    elif few < ENOUGH:
        yield (
            f"Not to choose between models that are close: with {few} test customers of the "
            "smaller class the intervals are wide."
        )
    for segment in report.weak_segments:
        yield f"Not without care for one segment: {segment.sentence}"
    apart = [
        one["column"]
        for one in metrics.get("fairness", ())
        if any(gap["differs"] and gap["name"] != "base_rate" for gap in one["gaps"])
    ]
    if apart:
        yield (
            f"Not for groups of {listed(apart)} before their differences are looked at "
            "(section Fairness): they are beyond chance."
        )
    yield from lasting(report)


def unanswered(report: ExplainedRun) -> Iterator[str]:
    """Yield the limit of signs of leakage."""
    metrics = report.run.metrics
    if metrics.get("suspicions"):
        columns = [name for one in metrics["suspicions"] for name in one["columns"]]
        named = f" ({listed(list(dict.fromkeys(columns))[:6])})" if columns else ""
        yield (
            f"Not before the suspicions{named} are answered: where a column is only known after a "
            "customer has left, none of these numbers holds for customers of today."
        )


def lasting(report: ExplainedRun) -> Iterator[str]:
    """Yield the limits of every model."""
    metrics = report.run.metrics
    facts = metrics["data"]
    if facts["first_time"] is None:
        yield (
            "Not long after today without a new measurement: the test customers are of the same "
            "time as those it learned from (data.split.by=time measures later ones)."
        )
    else:
        yield (
            f"Not long after {facts['last_time']}, the last time of the training rows, without a "
            "new measurement."
        )
    yield (
        "Not for customers who are unlike those of the table: the file's output quality names "
        "inputs that are missing, unseen or outside the training range."
    )
    if metrics.get("correlated_columns"):
        groups = [listed(group["columns"]) for group in metrics["correlated_columns"]]
        yield (
            f"Not to say which of several columns is the reason where they move together: "
            f"{'; '.join(groups)}."
        )
    if "uplift" not in metrics:
        yield (
            "Not to say whom a contact keeps: it says who leaves. A campaign with a control group "
            "shows what contacts do, and model=uplift learns from it."
        )
    yield "Not as a cause: a column that raises the odds may stand for another that does."

"""What a model of time to churn is worth in words, what to do next, and when not to use it."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import TYPE_CHECKING

from churn_torch.report.formats import percent
from churn_torch.report.metrics import FEW
from churn_torch.report.pages.model_report import SurvivalReport
from churn_torch.report.pages.page_text import bullets, paragraphs
from churn_torch.report.pages.report_sections.limits import ENOUGH, lasting, unanswered
from churn_torch.report.pages.report_sections.verdict import auroc_word
from churn_torch.report.survival import in_periods

if TYPE_CHECKING:
    from churn_torch.evaluation.survival.survival_metrics import SurvivalMetrics


def survival_verdict(report: SurvivalReport) -> Iterator[str]:
    """Write the verdict."""
    measured = report.survival
    yield "<section id=verdict><h2>Verdict</h2><dl>"
    for word, number, said in _headline(measured):
        yield f"<div><dt>{html.escape(word)}<dd>{number}<small>{html.escape(said)}</small></div>"
    yield "</dl>"
    yield from paragraphs([_horizon(measured), *_highest(measured), _how_sure(measured)])
    notes = [one["sentence"] for one in report.run.metrics.get("suspicions", ())]
    yield from paragraphs([*notes, *_wrong(measured)], "note")
    yield "<h3>What to do next</h3>"
    yield from bullets(list(_next_steps(report)))
    yield "</section>"


def survival_limits(report: SurvivalReport) -> Iterator[str]:
    """Write when the model should not be used."""
    yield "<section id=limits><h2>When not to use this model</h2>"
    yield from bullets([*unanswered(report), *_measured_limits(report.survival), *lasting(report)])
    yield "</section>"


def _headline(measured: SurvivalMetrics) -> Iterator[tuple[str, str, str]]:
    numbers, within = measured.numbers, f"within {in_periods(measured.horizon)}"
    for key, word, form in (
        ("c_index", "C-index", "{:.3f}"),
        ("auroc", f"AUROC {within}", "{:.3f}"),
    ):
        value, ends = numbers[key], measured.intervals.get(key)
        if value is not None and ends is not None:
            low, high = map(form.format, ends)
            yield word, form.format(value), f"95 %: {low} to {high}"
    yield (
        f"predicted to leave {within}",
        percent(numbers["predicted_within_horizon"] or 0.0),
        _observed(measured),
    )
    n, n_left = _counts(measured)
    yield "test customers", f"{n:,}", f"{n_left:,} of them left while observed"


def _observed(measured: SurvivalMetrics) -> str:
    """Say what share left within the horizon."""
    observed = measured.numbers["observed_within_horizon"]
    if observed is None:
        return "what share did is not known"
    low, high = map(percent, measured.intervals["observed_within_horizon"])
    return f"{percent(observed)} did (95 %: {low} to {high})"


def _counts(measured: SurvivalMetrics) -> tuple[int, int]:
    return int(measured.numbers["n"] or 0), int(measured.numbers["n_left"] or 0)


def _horizon(measured: SurvivalMetrics) -> str:
    predicted, horizon = measured.numbers["predicted_within_horizon"] or 0.0, measured.horizon
    said = (
        f"{percent(predicted)} of the customers are predicted to leave within {in_periods(horizon)}"
    )
    if measured.numbers["observed_within_horizon"] is None:
        return (
            f"{said}. Whether that holds is not known: too few test customers were observed for "
            "so long."
        )
    return f"{said}, and {_observed(measured)}."


def _highest(measured: SurvivalMetrics) -> Iterator[str]:
    """Say what became of the customers with the highest chances."""
    group, observed = measured.groups[-1], measured.numbers["observed_within_horizon"]
    if group.observed is None or observed is None or group.interval is None:
        return
    low, high = map(percent, group.interval)
    times = f", {group.observed / observed:.1f} times as often as all" if observed else ""
    yield (
        f"Of the tenth with the highest chance {percent(group.predicted)} are predicted to leave "
        f"by then, and {percent(group.observed)} did (95 %: {low} to {high}){times}."
    )


def _how_sure(measured: SurvivalMetrics) -> str:
    n, n_left = _counts(measured)
    sure = (
        f"These numbers come from {n:,} customers, {n_left:,} of whom left while observed, that "
        "the model has not learned from. "
    )
    value, ends = measured.numbers["c_index"], measured.intervals.get("c_index")
    if min(n_left, n - n_left) < FEW:
        return f"{sure}That is too few to be sure of anything."
    if value is None or ends is None:
        return f"{sure}No two of them tell whether the order of the risks is right."
    low, high = ends
    if low <= 0.5:
        ends_said = f"C-index {low:.2f} to {high:.2f}"
        return f"{sure}By them the order may be no better than chance ({ends_said})."
    return (
        f"{sure}Of two customers, the one with the higher risk left first in {value:.0%} of the "
        f"cases ({low:.0%} to {high:.0%}), which is {auroc_word(value)}."
    )


def _wrong(measured: SurvivalMetrics) -> Iterator[str]:
    """Say where the predicted chances do not hold."""
    predicted = measured.numbers["predicted_within_horizon"] or 0.0
    ends = measured.intervals.get("observed_within_horizon")
    if ends is not None and not ends[0] <= predicted <= ends[1]:
        yield (
            f"Miscalibrated: {percent(predicted)} are predicted to leave within "
            f"{in_periods(measured.horizon)}, but {_observed(measured)}."
        )
    with_columns, without = (
        measured.numbers[f"integrated_brier{end}"] for end in ("", "_without_features")
    )
    if with_columns is not None and without is not None and with_columns >= without:
        yield "By the Brier score the chances are worse than one curve for all customers."


def _next_steps(report: SurvivalReport) -> Iterator[str]:
    folder = report.run.folder
    if report.run.metrics.get("suspicions"):
        yield "Answer the suspicions above first: they can make every number here too good."
    yield (f"Score current customers: churn-torch score run={folder} source=CUSTOMERS.")
    yield (
        "Measure the model again when more is known: churn-torch evaluate "
        f"run={folder} data=table data.source=NEW_CUSTOMERS."
    )


def _measured_limits(measured: SurvivalMetrics) -> Iterator[str]:
    ends = measured.intervals.get("c_index")
    if ends is None or ends[0] <= 0.5:
        yield "Not to rank customers: on the test rows it is not surely better than chance."
    for sentence in _wrong(measured):
        yield f"Not to multiply chances by money: {sentence[:1].lower()}{sentence[1:]}"
    if measured.numbers["observed_within_horizon"] is None:
        yield (
            f"Not as a chance to leave within {in_periods(measured.horizon)}: too few test "
            "customers were observed for so long."
        )
    n_known, n_periods = len(measured.auroc), len(measured.predicted)
    if n_known < n_periods:
        yield (
            f"Not for more than {in_periods(n_known)} without care: hardly a test customer was "
            "observed for longer."
        )
    n, n_left = _counts(measured)
    few = min(n_left, n - n_left)
    did = "left" if few == n_left else "stayed"
    if few < FEW:
        yield f"Not to promise anything: only {few} test customers {did}."
    elif few < ENOUGH:
        yield (
            f"Not to choose between models that are close: with {few} test customers who {did} "
            "the intervals are wide."
        )

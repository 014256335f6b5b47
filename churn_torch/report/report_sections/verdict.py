"""The verdict: what the model is worth in words that need no statistics, and what to do next."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from typing import Any

from churn_torch.report.metrics import FEW
from churn_torch.report.model_report import MeasuredRun, ModelReport
from churn_torch.report.page_text import bullets, paragraphs

# What an AUROC from each number on is called (Hosmer, Lemeshow & Sturdivant 2013, "Applied
# logistic regression", 5.2.4).
_WORDS = ((0.9, "excellent"), (0.8, "good"), (0.7, "fair"), (0.5, "weak"))


def verdict(report: ModelReport) -> Iterator[str]:
    """Write the verdict."""
    run = report.run
    yield "<section id=verdict><h2>Verdict</h2>"
    yield from headline(run)
    yield from paragraphs([*_said(run), how_sure(run.metrics["test"])])
    yield from paragraphs(warnings(run.metrics), "note")
    yield "<h3>What to do next</h3>"
    yield from bullets(list(_next_steps(report)))
    yield "</section>"


def headline(run: MeasuredRun) -> Iterator[str]:
    """Write the few numbers that matter most."""
    test = run.metrics["test"]
    numbers = [
        ("churners in the top 10 %", *_with_ends(test, "captured_at_10", "{:.0%}")),
        ("times as many as chance", *_with_ends(test, "lift_at_10", "{:.1f}")),
        ("AUROC", *_with_ends(test, "auroc", "{:.3f}")),
        ("test customers", f"{test['n']:,}", f"{test['n_positive']:,} of them left"),
    ]
    for name, one in test.get("profit", {}).items():
        low, high = one["intervals"]["mpc"]
        numbers.insert(
            0,
            (
                f"most profit a customer, offer {name}",
                f"{one['mpc']:,.2f}",
                f"95 %: {low:,.2f} to {high:,.2f}",
            ),
        )
    yield "<dl>"
    for word, number, said in numbers:
        yield f"<div><dt>{html.escape(word)}<dd>{number}<small>{html.escape(said)}</small></div>"
    yield "</dl>"


def _with_ends(test: Mapping[str, Any], key: str, form: str) -> tuple[str, str]:
    low, high = test["intervals"][key]
    return form.format(test[key]), f"95 %: {form.format(low)} to {form.format(high)}"


def warnings(metrics: Mapping[str, Any]) -> list[str]:
    """Return what must not be missed: suspicions, wrong probabilities, uncertain profits."""
    said = [one["sentence"] for one in metrics.get("suspicions", ())]
    if sentence := metrics["test"].get("calibration", {}).get("sentence"):
        said.append(f"Miscalibrated: {sentence}.")
    offers = metrics["test"].get("profit", {}).values()
    # The same of every offer.
    said += [f"{one['sentence']}." for one in offers if "sentence" in one][:1]
    return said


def _said(run: MeasuredRun) -> Iterator[str]:
    test = run.metrics["test"]
    lift = test["lift_at_10"]
    yield (
        f"Of all customers who left, {test['captured_at_10']:.0%} are among the 10 % with the "
        f"highest probability: {lift:.1f} times as many as in a list by chance."
    )
    profit = test.get("profit", {})
    for name, one in profit.items():
        yield _worth(name, one)
    if not profit:
        yield (
            "What that is worth in money is not known: no offer was named (offer=call) and not "
            "what a customer is worth (data.value)."
        )


def _worth(name: str, one: Mapping[str, Any]) -> str:
    low, high = one["intervals"]["mpc"]
    if not one["best_share"]:
        return f"With the offer {name}, no customer is worth contacting."
    everybody = one["curve"][-1]["profit"]
    against = (
        f"contacting everybody brings {everybody:,.2f}"
        if everybody >= 0
        else f"contacting everybody loses {-everybody:,.2f}"
    )
    return (
        f"With the offer {name}, which keeps {one['keep_rate']:.0%} of the leavers it reaches, it "
        f"pays most to contact the {one['best_share']:.0%} with a probability from "
        f"{one['best_threshold']:.2f} on: {one['mpc']:,.2f} [{low:,.2f} to {high:,.2f}] for each "
        f"customer of the base, while {against}."
    )


def how_sure(test: Mapping[str, Any]) -> str:
    """Say how sure the numbers are."""
    low, high = test["intervals"]["auroc"]
    n, n_churners = test["n"], test["n_positive"]
    sure = (
        f"These numbers come from {n:,} customers, {n_churners:,} of whom left, that the model has "
        "not learned from. "
    )
    if min(n_churners, n - n_churners) < FEW:
        return f"{sure}That is too few of a class to be sure of anything."
    if low <= 0.5:
        return (
            f"{sure}By them the model may be no better than chance (AUROC {low:.2f} to {high:.2f})."
        )
    return (
        f"{sure}Of two customers of whom one left, the model gives that one the higher probability "
        f"in {test['auroc']:.0%} of the cases ({low:.0%} to {high:.0%}), which is "
        f"{auroc_word(test['auroc'])}."
    )


def auroc_word(value: float) -> str:
    """Return what an AUROC is called."""
    return next((word for start, word in _WORDS if value >= start), "worse than chance")


def _next_steps(report: ModelReport) -> Iterator[str]:
    run = report.run
    if run.metrics.get("suspicions"):
        yield "Answer the suspicions above first: they can make every number here too good."
    if run.metrics["test"].get("calibration", {}).get("sentence"):
        yield (
            "Calibrate again before a probability is multiplied by money: "
            "calibration=platt, or more validation rows (data.split.validation)."
        )
    if "uplift" in run.metrics:
        yield "Plan a campaign with a control group, ranked by the uplift: churn-torch campaign."
    elif profit := run.metrics["test"].get("profit"):
        offers = ",".join(profit)
        yield (
            f"Plan a campaign with a control group: churn-torch campaign run={run.folder} "
            f"offer={offers if len(profit) == 1 else f'[{offers}]'} source=CUSTOMERS."
        )
    else:
        yield (
            "Say what an offer costs and keeps and what a customer is worth, and train again: "
            "offer=call data.value=EXPRESSION. The report then shows the profit."
        )
    yield (
        "Measure the model again when new outcomes are known: churn-torch evaluate "
        f"run={run.folder} data=table data.source=NEW_CUSTOMERS."
    )

from __future__ import annotations

from dataclasses import replace
from io import StringIO

from rich.console import Console

from churn_torch.explanation.one_customer import Change, CustomerExplanation, Reason
from churn_torch.report.customer import customer_report, probability_sentence
from churn_torch.report.formats import factor_in_words

EXPLAINED = CustomerExplanation(
    id="C-17",
    probability=0.62,
    average=0.25,
    threshold=0.5,
    contacted=True,
    raises=(Reason("contract [type]", "Month-to-month", 2.31),),
    lowers=(Reason("tenure", "45", 0.47), Reason("tv", "[red]No", 0.9)),
    untrusted=("fee: missing", "plan: unseen category (trial)"),
    changes=(Change({"contract": "Two year"}, 0.31), Change({"fee": "9", "tv": "No"}, 0.4999)),
    note="",
    caveats=("Read tenure and fee as one.",),
)


def shown(explained: CustomerExplanation) -> list[str]:
    console = Console(width=100, file=StringIO(), color_system=None)
    for part in customer_report(explained):
        console.print(part)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return [" ".join(line.replace("│", " ").split()) for line in text.splitlines()]


def test_a_customer_is_told_in_the_order_to_read():
    lines = shown(EXPLAINED)
    assert " ".join(lines[:2]) == (
        "Customer C-17 leaves with a probability of 62.0%, 2.5 times the average (25.0%). "
        "Decision: contact, because it is at or above the threshold of 50.0%."
    )
    order = [
        "raises contract [type] Month-to-month x 2.3",
        "lowers tenure 45 x 0.47",
        "tv [red]No x 0.90",  # no markup
        "Not to be trusted: fee: missing; plan: unseen category (trial).",
        "Read tenure and fee as one.",
        "1 contract: Two year 31.0%",
        "2 fee: 9, tv: No just below 50.0%",
    ]
    assert "only a campaign with a control group shows." in " ".join(lines)
    places = [lines.index(line) for line in order]
    assert places == sorted(places)


def test_what_is_not_there_is_not_shown():
    plain = replace(
        EXPLAINED, raises=(), lowers=(), untrusted=(), changes=(), caveats=(), note="Why not."
    )
    assert shown(plain)[2:] == ["Why not."]


def test_the_probability_is_set_against_the_average():
    def said(probability: float, average: float = 0.2) -> str:
        one = replace(EXPLAINED, id=None, probability=probability, average=average, contacted=False)
        return probability_sentence(one)

    assert said(0.2).startswith(
        "The customer leaves with a probability of 20.0%, about the average"
    )
    assert "0.50 times the average" in said(0.1)
    dated = probability_sentence(replace(EXPLAINED, within="in the next period of 30"))
    assert dated.startswith("Customer C-17 leaves in the next period of 30 with a probability of")
    assert "less than a tenth of the average" in said(0.01)
    assert "do not contact, because it is below the threshold" in said(0.1)


def test_factors_have_the_digits_that_count():
    told = [factor_in_words(factor) for factor in (1234.4, 12.34, 1.05, 0.62, 0.098)]
    assert told == ["x 1,234", "x 12.3", "x 1.1", "x 0.62", "x 0.10"]

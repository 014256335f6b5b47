"""One customer explained, in plain words for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from churn_torch.report.formats import factor_in_words

if TYPE_CHECKING:
    from churn_torch.explanation.one_customer import Change, CustomerExplanation, Reason


def customer_report(explained: CustomerExplanation) -> list[RenderableType]:
    """Lay out the explanation of a customer: sentences and tables, in the order to read them.

    Args:
        explained: The explanation.
    """
    parts: list[RenderableType] = [Text(probability_sentence(explained))]
    if explained.raises or explained.lowers:
        parts.append(reasons_table(explained.raises, explained.lowers))
    if explained.untrusted:
        parts.append(Text(f"Not to be trusted: {'; '.join(explained.untrusted)}."))
    parts += map(Text, explained.caveats)
    if explained.changes:
        parts.append(changes_table(explained.changes, explained.threshold))
        parts.append(
            Text(
                "This is what the model says of other inputs. Whether such a change keeps a "
                "customer, only a campaign with a control group shows."
            )
        )
    else:
        parts.append(Text(explained.note))
    return parts


def probability_sentence(explained: CustomerExplanation) -> str:
    """Say how likely the customer is to leave, beside the average, and what is decided."""
    who = "The customer" if explained.id is None else f"Customer {explained.id}"
    decision = "contact" if explained.contacted else "do not contact"
    side = "at or above" if explained.contacted else "below"
    within = f" {explained.within}" if explained.within else ""
    return (
        f"{who} leaves{within} with a probability of {explained.probability:.1%}, "
        f"{_against_average(explained.probability, explained.average)} "
        f"({explained.average:.1%}). Decision: {decision}, because it is {side} the threshold of "
        f"{explained.threshold:.1%}."
    )


def reasons_table(raises: Sequence[Reason], lowers: Sequence[Reason]) -> Table:
    """Lay out reasons: what multiplies the odds of leaving, against the mean training row.

    Args:
        raises: Those that raise the odds, the strongest first.
        lowers: Those that lower them.
    """
    table = Table(title="Against the mean customer of the training", title_justify="left")
    table.add_column("")
    table.add_column("input", overflow="fold")
    table.add_column("this customer", overflow="fold")
    table.add_column("odds of leaving", justify="right")
    for heading, reasons in (("raises", raises), ("lowers", lowers)):
        for number, reason in enumerate(reasons):
            first = "" if number else heading
            factor = factor_in_words(reason.odds_factor)
            table.add_row(first, Text(reason.column), Text(reason.cell), factor)
    return table


def changes_table(changes: Sequence[Change], threshold: float) -> Table:
    """Lay out what would have to change, one line for each alternative.

    Args:
        changes: The alternatives.
        threshold: The probability that they bring the customer below.
    """
    table = Table(title=f"Below {threshold:.1%} it would be with", title_justify="left")
    table.add_column("one of", justify="right")
    table.add_column("change", overflow="fold")
    table.add_column("probability", justify="right")
    for number, change in enumerate(changes, start=1):
        told = ", ".join(f"{column}: {cell}" for column, cell in change.cells.items())
        probability = f"{change.probability:.1%}"
        if probability == f"{threshold:.1%}":
            probability = f"just below {probability}"
        table.add_row(str(number), Text(told), probability)
    return table


def _against_average(probability: float, average: float) -> str:
    ratio = probability / average if average else 0.0
    if 0.95 <= ratio <= 1.05:
        return "about the average"
    if ratio < 0.1:
        return "less than a tenth of the average"
    return f"{ratio:.1f} times the average" if ratio >= 1 else f"{ratio:.2f} times the average"

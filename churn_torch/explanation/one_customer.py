"""One customer explained: the probability, what moves it, and what would have to change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churn_torch.evaluation.correlated_columns import joint_reasons
from churn_torch.explanation.counterfactual import MOST_COLUMNS, Counterfactual, counterfactuals
from churn_torch.explanation.existing_cells import ExistingCells
from churn_torch.explanation.explained_model import ExplainedModel, Floats
from churn_torch.serving.outputs import UPLIFT
from churn_torch.serving.reason_words import SMALLEST_ODDS, CellWords, cell_in_words, doubts
from churn_torch.tables.schema import Schema

# Reasons for each direction.
MOST_REASONS = 5


@dataclass(frozen=True)
class Reason:
    """What one input does to the odds of churn of a customer.

    Attributes:
        column: The input.
        cell: The customer's cell as people write it.
        odds_factor: By how much it multiplies the odds, against the mean training row.
    """

    column: str
    cell: str
    odds_factor: float


@dataclass(frozen=True)
class Change:
    """Cells with which the probability of a customer would fall below the threshold.

    Attributes:
        cells: The new cells by column, as people write them; all others stay as they are.
        probability: The probability of churn with them.
    """

    cells: dict[str, str]
    probability: float


@dataclass(frozen=True)
class CustomerExplanation:
    """Why a customer has the probability that the model gives.

    Attributes:
        id: The customer; None where nothing names it.
        probability: The probability of churn.
        average: The churn rate of the training rows.
        threshold: The probability at and above which the decision is to contact.
        contacted: The decision.
        raises: The inputs that raise the odds most, the strongest first.
        lowers: The inputs that lower the odds most, the strongest first.
        untrusted: What cannot be trusted about the inputs, one text for each such input.
        changes: What would have to change, the fewest columns first.
        note: Why there is no change; ``""`` where there is one.
        caveats: Sentences on how the reasons are to be read.
        within: What the probability looks ahead, such as ``within the next 12 periods``; ``""``
            where the file does not say.
    """

    id: str | None
    probability: float
    average: float
    threshold: float
    contacted: bool
    raises: tuple[Reason, ...]
    lowers: tuple[Reason, ...]
    untrusted: tuple[str, ...]
    changes: tuple[Change, ...]
    note: str
    caveats: tuple[str, ...]
    within: str = ""


def explain_customers(
    model: ExplainedModel,
    raw: pd.DataFrame,
    parsed: pd.DataFrame,
    *,
    ids: Sequence[str | None],
    actionable: Sequence[str] = (),
    among: pd.DataFrame | None = None,
) -> list[CustomerExplanation]:
    """Explain customers one by one.

    Args:
        model: The model.
        raw: N rows as they came, for their words.
        parsed: The same, parsed.
        ids: ``[N]`` what names each.
        actionable: Columns that may change, checked by
            `churn_torch.explanation.counterfactual.check_actionable`.
        among: Parsed rows: a change may only bring together cells that occur in them. None for
            ``parsed``.
    """
    stored = model.metadata
    words = CellWords(raw, model.schema, model.names)
    probabilities = model.probability(parsed)
    has_reasons, has_quality = (stored.get(name) is not None for name in ("reasons", "quality"))
    reasons = model.reasons(parsed) if has_reasons else np.zeros((len(parsed), 0))
    told: list[list[str]] = [[] for _ in ids]
    if has_quality:
        meaning = {int(flag): word for flag, word in stored["quality"].items()}
        told = doubts(model.quality(parsed), words, meaning)
    rows = np.arange(len(parsed))
    cells = [words.of(number, rows) for number in range(reasons.shape[1])]
    existing = None
    if actionable:
        existing = ExistingCells(parsed if among is None else among, model.schema, actionable)
    explained = []
    for row, (name, probability) in enumerate(zip(ids, probabilities.tolist(), strict=True)):
        raises, lowers = _reasons(reasons[row], model.names, [of_input[row] for of_input in cells])
        contacted = bool(np.float32(probability) >= np.float32(model.threshold))
        changes: tuple[Counterfactual, ...] = ()
        if contacted and existing is not None:
            changes = counterfactuals(model, parsed.iloc[[row]], existing, actionable)
        explained.append(
            CustomerExplanation(
                id=name,
                probability=probability,
                average=float(stored["base_rate"]),
                threshold=model.threshold,
                contacted=contacted,
                raises=raises,
                lowers=lowers,
                untrusted=tuple(told[row]),
                changes=tuple(_change(found, model.schema) for found in changes),
                note="" if changes else _why_no_change(actionable, contacted=contacted),
                caveats=tuple(_caveats(model, dict(zip(model.names, reasons[row], strict=False)))),
                within=_within(stored.get("survival")),
            )
        )
    return explained


def _within(survival: Mapping[str, Any] | None) -> str:
    """Say how far the probability of a model of time to churn looks ahead."""
    if survival is None:
        return ""
    n_periods, period = survival["horizon"], survival["period"]
    unit = "" if period == 1 else f" of {period:g}"
    return (
        f"within the next {n_periods} periods{unit}"
        if n_periods > 1
        else f"in the next period{unit}"
    )


def _reasons(
    reasons: Floats, names: Sequence[str], cells: Sequence[str]
) -> tuple[tuple[Reason, ...], tuple[Reason, ...]]:
    """Return the reasons that raise the odds and those that lower them, the strongest first."""
    order = np.argsort(-np.abs(reasons), kind="stable")
    odds = np.exp(reasons)
    raising = [number for number in order.tolist() if odds[number] >= SMALLEST_ODDS]
    lowering = [number for number in order.tolist() if odds[number] <= 1 / SMALLEST_ODDS]

    def told(numbers: list[int]) -> tuple[Reason, ...]:
        return tuple(Reason(names[n], cells[n], float(odds[n])) for n in numbers[:MOST_REASONS])

    return told(raising), told(lowering)


def _change(found: Counterfactual, schema: Schema) -> Change:
    cells = {name: cell_in_words(cell, schema[name]) for name, cell in found.cells.items()}
    return Change(cells, found.probability)


def _why_no_change(actionable: Sequence[str], *, contacted: bool) -> str:
    if not contacted:
        return "The probability is below the threshold already."
    if not actionable:
        return (
            "Which columns can be changed is not known, so no change is proposed: name them with "
            "explain.actionable=[COLUMN,...]."
        )
    some = f"up to {MOST_COLUMNS} of " if len(actionable) > MOST_COLUMNS else ""
    return (
        f"No change of {some}{', '.join(actionable)} to cells that occur together was found that "
        "brings the probability below the threshold."
    )


def _caveats(model: ExplainedModel, reasons: Mapping[str, float]) -> Iterable[str]:
    """Yield what must be known to read the reasons."""
    if UPLIFT in (model.metadata.get("uplift") or {}):
        yield "The probability is that of a customer who is not contacted."
    if model.metadata.get("reasons") is None:
        yield "The file has no reasons (export.outputs), so none are told."
    for group, joint in joint_reasons(reasons, model.metadata.get("correlated_columns", ())):
        yield f"{group['sentence']}: together odds x {np.exp(joint):.2g}."

"""What customers spend: learned beside churn, measured on the test rows, and said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import RenderableType

from churn_torch.errors import InputError
from churn_torch.evaluation.spend_metrics import spend_metrics
from churn_torch.report.spend import spend_sentences, spend_table
from churn_torch.tables.customer_value import PREDICTED_VALUE
from churn_torch.tables.labelled.rows import PARTS, LabelledTable
from churn_torch.training.inference import Scored
from churn_torch.workflows.configuration.options import TrainOptions

Floats = npt.NDArray[np.float64]


def check_spend(options: TrainOptions) -> None:
    """Refuse choices that expected spend does not go along with.

    Raises:
        InputError: Naming the key.
    """
    if options.data.value == PREDICTED_VALUE and options.data.spend is None:
        raise InputError(
            "data.value",
            expected=f"data.spend beside {PREDICTED_VALUE}, the column that it is learned from",
            got="nothing",
            fix="name the column, or say what a customer is worth",
        )
    if options.data.spend is not None and options.cv.folds:
        raise InputError(
            "data.spend",
            expected="one training, whose file tells the expected spend",
            got=f"cv.folds={options.cv.folds}",
            fix="leave one of the two out",
        )


def amounts_spent(table: LabelledTable) -> dict[str, Floats]:
    """Return what the customers of each part spent, ``[n]`` in the order of the rows.

    It reads the rows of a streamed table once more.

    Raises:
        InputError: A customer who stays has no spend, or a negative one.
    """
    column = table.schema.spend
    assert column is not None
    spend: dict[str, list[Floats]] = {part: [] for part in PARTS}
    for rows in table.chunks():
        for part in PARTS:
            chosen = rows.of(part)
            if column in chosen.carried:
                spend[part].append(_amounts(chosen.carried, column, chosen.label))
    return {part: np.concatenate(found) for part, found in spend.items() if found}


def _amounts(carried: pd.DataFrame, column: str, label: npt.NDArray[Any]) -> Floats:
    """Return what each row spent; nothing where one who has left has no number."""
    amounts = pd.to_numeric(carried[column], errors="coerce").to_numpy(np.float64, copy=True)
    missing = np.isnan(amounts)
    amounts[missing & (label == 1)] = 0.0
    bad = ~(np.isfinite(amounts) & (amounts >= 0))
    if bad.any():
        first = int(bad.argmax())
        shown = "no number" if missing[first] else f"{amounts[first]:g}"
        raise InputError(
            "data.spend",
            expected=f"an amount of 0 or more in {column!r} of every customer who stays",
            got=f"{shown} in the row with {carried.columns[0]} {carried.iloc[first, 0]!s} "
            f"({int(bad.sum()):,} such rows)",
            fix="correct the cells, or leave those rows out",
        )
    return amounts


class SpendRows:
    """The test rows of a model that has learned what customers spend, kept until measured.

    Args:
        column: The carried column with what each spent.
    """

    def __init__(self, column: str) -> None:
        self.column = column
        self.kept: list[tuple[Floats, ...]] = []

    def add(self, rows: Scored, carried: pd.DataFrame) -> None:
        """Take scored rows and their carried columns; rows of unknown spend are left out."""
        assert rows.spend is not None
        if self.column not in carried:  # of a test source without it nothing is known
            return
        label = rows.label.numpy()
        amounts = _amounts(carried, self.column, label)
        self.kept.append((rows.spend.numpy(), rows.probability.numpy(), amounts, label))

    def measured(self) -> dict[str, Any]:
        """Return the entry ``spend`` of the metrics; nothing where no spend is known."""
        if not self.kept:
            return {}
        return {"spend": asdict(spend_metrics(*map(np.concatenate, zip(*self.kept, strict=True))))}


def show_spend(metrics: dict[str, Any], say: Callable[[RenderableType], None]) -> None:
    """Say how well the expected spend of the test rows holds."""
    if "spend" in metrics:
        say(spend_table(metrics["spend"]))
        for sentence in spend_sentences(metrics["spend"]):
            say(sentence)

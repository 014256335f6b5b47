"""Columns that are known only when it is known who has left: by their dates, or by their names."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.evaluation.leakage.column_leakage import Labels
from churn_torch.tables.schema import Kind, Schema
from churn_torch.tables.values.churn_words import speaks_of_the_end

# Shares of churners and of the others with a later date differ by so much, and so many standard
# errors.
_DIFFERENCE, _STANDARD_ERRORS = 0.1, 5.0
# A name alone says nothing: the column's AUROC reaches this, and so many standard errors.
_AUROC = 0.6


@dataclass(frozen=True)
class LaterDate:
    """A date that lies after the time of its row, for one class more than for the other.

    Attributes:
        column: Its name.
        churners: The share of churners whose date is later.
        others: The share of the others.
    """

    column: str
    churners: float
    others: float


def later_dates(
    parsed: pd.DataFrame, label: Labels, schema: Schema, time: npt.NDArray[np.float64]
) -> list[LaterDate]:
    """Return the date columns that lie after the time of their row, and tell churn by it.

    Args:
        parsed: N training rows of features.
        label: ``[N]`` of 1 and 0.
        schema: Their columns.
        time: ``[N]``, the time of each row in days, as in ``parsed``. The time of day does not
            count.
    """
    is_churner = label == 1
    n = np.array([is_churner.sum(), (~is_churner).sum()])
    if not n.all():
        return []
    found = []
    for column in schema.features:
        if column.kind is not Kind.DATETIME:
            continue
        later = np.floor(parsed[column.name].to_numpy(np.float64)) > np.floor(time)
        churners, others = float(later[is_churner].mean()), float(later[~is_churner].mean())
        pooled = float(later.mean())
        error = math.sqrt(pooled * (1 - pooled) * float((1 / n).sum()))
        if abs(churners - others) > max(_DIFFERENCE, _STANDARD_ERRORS * error):
            found.append(LaterDate(column.name, churners, others))
    return found


def named_for_the_end(
    scores: Mapping[str, float], label: Labels, found: Collection[str]
) -> dict[str, float]:
    """Return the columns whose names speak of the end, with their AUROC, where they tell churn.

    Args:
        scores: The AUROC of each column, from
            `churn_torch.evaluation.leakage.column_leakage.column_aurocs`.
        label: ``[N]``, the labels of the rows that it is of.
        found: Columns that are left out.
    """
    n_positive = float(label.sum())
    n_negative = len(label) - n_positive
    if not n_positive or not n_negative:
        return {}
    # The standard deviation of the AUROC of a column without any relation (Mann & Whitney 1947).
    error = math.sqrt((len(label) + 1) / (12 * n_positive * n_negative))
    lowest = max(_AUROC, 0.5 + _STANDARD_ERRORS * error)
    return {
        name: score
        for name, score in scores.items()
        if score >= lowest and name not in found and speaks_of_the_end(name)
    }

"""Leakage: columns that alone tell churn, such as one that is filled when a customer has left."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.tables.schema import Schema

# A column whose AUROC is above this is suspicious.
SUSPICIOUS = 0.98
# Numbers with more values are compared by quantile bins, and in their order.
_LEVELS = 64
_ROWS_A_LEVEL = 10

Labels = npt.NDArray[np.float32]


@dataclass(frozen=True)
class LoneTeller:
    """A column that alone tells churn.

    Attributes:
        column: Its name.
        auroc: The AUROC of its values, or of their being missing.
        missing: Which class its missing cells stand for, where these tell it: 1 for churn, 0 for
            none; else None.
    """

    column: str
    auroc: float
    missing: int | None = None


def lone_tellers(parsed: pd.DataFrame, label: Labels, schema: Schema) -> list[LoneTeller]:
    """Return the columns that alone tell churn, on training rows.

    A category is scored by the churn rate of its other rows, so that categories of few rows gain
    nothing from their own labels.

    Args:
        parsed: N rows of features (`churn_torch.tables.encode.parse`).
        label: ``[N]``, 1 for churn and 0 for none.
        schema: The columns.
    """
    n, n_positive = len(label), int(label.sum())
    # The chance that a column without any relation to churn tells so few rows apart.
    log_chance = sum(map(math.lgamma, (n_positive + 1, n - n_positive + 1))) - math.lgamma(n + 1)
    if log_chance > -math.log(10 * len(schema.features)):
        return []
    found = []
    for column in schema.features:
        cells = parsed[column.name]
        missing = ((cells == "") if Schema.is_text(column) else cells.isna()).to_numpy()
        of_missing = auroc(missing.astype(np.float64), label)
        if max(of_missing, 1 - of_missing) > SUSPICIOUS:
            told = LoneTeller(column.name, max(of_missing, 1 - of_missing), int(of_missing > 0.5))
            found.append(told)
            continue
        if Schema.is_text(column):
            best = auroc(_others_rate(pd.factorize(cells)[0], label), label)
        else:
            best = _of_numbers(cells.to_numpy(dtype=np.float64), label)
        if best > SUSPICIOUS:
            found.append(LoneTeller(column.name, best))
    return found


def _of_numbers(numbers: npt.NDArray[np.float64], label: Labels) -> float:
    """Return the best AUROC of numbers: in their order, either way round, or by bins."""
    in_order, missing = [], np.isnan(numbers)
    for place in (-np.inf, np.inf) if missing.any() else (0.0,):
        area = auroc(np.where(missing, place, numbers), label)
        in_order += [area, 1 - area]
    return max(*in_order, auroc(_others_rate(_bins(numbers), label), label))


def _bins(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return the bin of each number: of its value where there are few, else between quantiles."""
    present = numbers[~np.isnan(numbers)]
    edges = np.unique(present)
    if len(edges) > _LEVELS:
        n_bins = max(1, min(_LEVELS, len(present) // _ROWS_A_LEVEL))
        edges = np.unique(np.quantile(present, np.arange(1, n_bins) / n_bins))
    bins = np.searchsorted(edges, numbers, side="right")
    return np.where(np.isnan(numbers), len(edges) + 1, bins)


def _others_rate(level: npt.NDArray[np.int64], label: Labels) -> npt.NDArray[np.float64]:
    """Return the churn rate among the other rows of each row's level, shrunk to the mean."""
    n_rows = np.bincount(level)
    n_positive = np.bincount(level, weights=label)
    return np.asarray((n_positive[level] - label + label.mean()) / n_rows[level])


def auroc(score: npt.NDArray[np.float64], label: Labels) -> float:
    """Return the area under the ROC curve of a score; equal scores count as half."""
    _, level, counts = np.unique(score, return_inverse=True, return_counts=True)
    positives = np.bincount(level, weights=label, minlength=len(counts))
    negatives = counts - positives
    below = np.cumsum(negatives) - negatives
    pairs = float(positives.sum() * negatives.sum())
    return float(positives @ (below + negatives / 2)) / pairs if pairs else 0.5

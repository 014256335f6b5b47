"""Whether the place of a row tells churn: its position in the table, or the file it comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.evaluation.leakage.column_leakage import Labels, auroc, held_out_auroc
from churn_torch.evaluation.leakage.column_scores import counts_of, pearson_chi2
from churn_torch.tables.schema import Schema

# The order is cut into so many blocks.
_BLOCKS = 20
_ROWS_A_BLOCK = 30
# A place says something from this AUROC on, and this many standard deviations of chi-square.
LARGE = 0.75
_DEVIATIONS = 10.0
# A column follows the order from this rank correlation on.
_FOLLOWS = 0.98


@dataclass(frozen=True)
class RowOrder:
    """The position of a row tells churn.

    Attributes:
        auroc: Of the position.
        columns: Number columns that follow the order of the rows.
    """

    auroc: float
    columns: tuple[str, ...]


def order_tells(
    position: npt.NDArray[np.int64], parsed: pd.DataFrame, label: Labels, schema: Schema
) -> RowOrder | None:
    """Tell whether churners stand together in the table.

    Args:
        position: ``[N]`` positions of training rows in the table.
        parsed: Their features.
        label: ``[N]`` of 1 and 0.
        schema: The columns.
    """
    n_blocks = min(_BLOCKS, len(label) // _ROWS_A_BLOCK)
    if n_blocks < 2:
        return None
    rank = np.argsort(np.argsort(position, kind="stable"), kind="stable")
    block = rank * n_blocks // len(rank)
    area = held_out_auroc(block, label)
    if area < LARGE or not _beyond_chance(block, label):
        return None
    following = []
    for column in schema.numbers:
        numbers = parsed[column.name]
        if numbers.nunique() > n_blocks:
            correlation = numbers.rank().corr(pd.Series(rank))
            following += [column.name] if abs(correlation) > _FOLLOWS else []
    return RowOrder(area, tuple(following))


def file_tells(file: npt.NDArray[np.int64], label: Labels) -> float | None:
    """Return the AUROC of the file that a row comes from, where it tells churn.

    Args:
        file: ``[N]``, the file of each row.
        label: ``[N]`` of 1 and 0.
    """
    if len(np.unique(file)) < 2 or not _beyond_chance(file, label):
        return None
    rate = np.bincount(file, weights=label) / np.maximum(np.bincount(file), 1)
    area = auroc(rate[file], label)
    return area if area >= LARGE else None


def _beyond_chance(level: npt.NDArray[np.int64], label: Labels) -> bool:
    """Tell whether Pearson's chi-square is far beyond its mean by chance."""
    statistic, freedom = pearson_chi2(counts_of(level, label))
    return freedom > 0 and statistic > freedom + _DEVIATIONS * math.sqrt(2 * freedom)

"""Sample weights: how much each row counts in the training loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.errors import InputError
from churn_torch.tables.values import cells
from churn_torch.tables.values.cells import Storage
from churn_torch.tables.values.number_formats import NumberFormat, read_numbers

Weights = npt.NDArray[np.float64]

_LARGEST = float(np.finfo(np.float32).max)


def read_weights(
    series: pd.Series,
    labelled: npt.NDArray[np.bool_],
    *,
    first_row: int = 0,
    number_format: NumberFormat | None = None,
) -> Weights:
    """Read the weights of rows; those of rows without a label may be anything.

    Args:
        series: The column as any source gives it.
        labelled: ``[N]``, which rows have a label.
        first_row: How many rows stand before these in the source.
        number_format: How the numbers are written, where they are text.

    Returns:
        ``[N]`` weights.

    Raises:
        InputError: The weight of a labelled row is missing, negative, infinite or no number.
    """
    storage, values = cells.plain(series)
    if storage is Storage.TEXT:
        weight = read_numbers(values, number_format)[0].to_numpy()
    elif storage is Storage.NUMBER:
        weight = values.to_numpy()
    else:
        weight = np.full(len(series), np.nan)
    bad = labelled & ~((weight >= 0) & (weight <= _LARGEST))
    if bad.any():
        row, count = int(bad.argmax()), int(bad.sum())
        cell = series.iloc[row]
        missing = values.isna().iloc[row]
        raise InputError(
            "data.weight",
            expected=f"a finite number of 0 or more in every row of column {series.name!r}",
            got=f"{'a missing cell' if missing else repr(str(cell)[:80])} in row "
            f"{first_row + row + 1:,} ({count:,} such rows)",
            fix="correct the values (0 leaves a row out), or set data.weight=null",
        )
    return weight


def weight_by_class(
    part: npt.NDArray[np.int8], label: npt.NDArray[Any], weight: Weights | None, *, n_parts: int
) -> Weights:
    """Add up the weights of the customers who stay and of the churners, by part.

    Returns:
        ``[n_parts, 2]``; without weights each row counts as 1.
    """
    cell = 2 * part + (label == 1)
    sums = np.bincount(cell, weights=weight, minlength=2 * n_parts).reshape(n_parts, 2)
    return sums.astype(np.float64)


def check_weights(name: str, sums: Mapping[str, Weights]) -> None:
    """Refuse weights that leave the training or the validation rows without a class.

    Args:
        name: The column.
        sums: By part, the weights of the customers who stay and of the churners, added up.

    Raises:
        InputError: All training or all validation rows of a class have the weight 0.
    """
    for part in ("train", "validation"):
        for who, total in zip(("customers who stay", "churners"), sums[part], strict=True):
            if not total > 0:
                raise InputError(
                    "data.weight",
                    expected=f"{part} rows of both classes with a weight above 0 in column "
                    f"{name!r}",
                    got=f"the weight 0 for all {who}",
                    fix="correct the values, or set data.weight=null",
                )

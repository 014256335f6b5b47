"""Collinearity: columns of a design that others determine nearly."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from churn_torch.explanation.logistic_inference import (
    RANK_TOLERANCE,
    Floats,
    weighted_products,
)

# Limits above which collinearity is named (Fox & Monette 1992; Belsley et al. 1980).
_INFLATED = 10.0
_ILL_CONDITIONED = 30.0
# The features of one column are collinear in directions of less variance, relative to the most.
_BLOCK_TOLERANCE = 1e-12


def inflation(design: Floats, of_column: npt.NDArray[np.int64], n_columns: int) -> Floats:
    """Return the variance inflation factor of each column, ``[n_columns]``; 1 is none.

    Of a column with several features it is the generalised one, to the power of 1 over their
    number, so that the same limits hold (Fox & Monette 1992, "Generalized collinearity
    diagnostics"). Columns that others determine exactly have about 1e9.

    Args:
        design: ``[N, k]`` features.
        of_column: ``[k]`` the column that each is made of.
        n_columns: How many columns there are.
    """
    n = len(design)
    products = weighted_products(design, np.ones(n), design.mean(0))
    size = np.sqrt(np.diag(products))
    varies = size > 0
    size[~varies] = 1.0
    products /= np.outer(size, size)
    # Each block of features as uncorrelated ones.
    blocks, ends = [], [0]
    for column in range(n_columns):
        own = np.flatnonzero((of_column == column) & varies)
        values, vectors = np.linalg.eigh(products[np.ix_(own, own)])
        kept = values > _BLOCK_TOLERANCE * values.max(initial=0.0)
        block = np.zeros((len(products), int(kept.sum())))
        block[own] = vectors[:, kept] / np.sqrt(values[kept])
        blocks.append(block)
        ends.append(ends[-1] + block.shape[1])
    whole = np.hstack(blocks)
    values, vectors = np.linalg.eigh(whole.T @ products @ whole)
    inverse = (vectors / values.clip(1e-9)) @ vectors.T
    factors = np.ones(n_columns)
    for column, (start, end) in enumerate(itertools.pairwise(ends)):
        if end > start:
            determinant = np.linalg.slogdet(inverse[start:end, start:end])[1]
            factors[column] = np.exp(max(determinant, 0.0) / (end - start))
    return factors


def condition_number(design: Floats) -> float:
    """Return the condition number of features and a constant, each scaled to length 1.

    Above 30 some coefficients are hard to tell apart. Directions of exact collinearity do not
    count. Source: Belsley, Kuh & Welsch 1980, "Regression diagnostics".

    Args:
        design: ``[N, k]`` features.
    """
    products = np.empty((design.shape[1] + 1,) * 2)
    products[0, 0], products[0, 1:] = len(design), design.sum(0)
    products[1:, 0], products[1:, 1:] = (
        products[0, 1:],
        weighted_products(design, np.ones(len(design))),
    )
    size = np.sqrt(np.diag(products))
    there = size > 0
    values = np.linalg.eigvalsh((products / np.outer(size, size).clip(1e-300))[there][:, there])
    kept = values[values > RANK_TOLERANCE * values[-1]]
    return float(np.sqrt(kept[-1] / kept[0]))


def collinearity_said(factors: Mapping[str, float], condition: float) -> list[str]:
    """Name collinear columns in sentences.

    Args:
        factors: `inflation` by column.
        condition: `condition_number`.
    """
    said = []
    inflated = sorted((f for f in factors.items() if f[1] > _INFLATED), key=lambda f: -f[1])
    if inflated:
        named = [
            f"{name} (exactly)" if factor > 1e4 else f"{name} ({factor:.0f})"
            for name, factor in inflated
        ]
        said.append(
            "Other columns nearly determine these, which makes their intervals wide (variance "
            f"inflation in brackets): {first_names(named)}"
        )
    if condition > _ILL_CONDITIONED:
        said.append(
            f"The condition number is {condition:.0f}; above 30 columns are nearly collinear"
        )
    return said


def first_names(names: Sequence[str], most: int = 12) -> str:
    """Write out the first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"

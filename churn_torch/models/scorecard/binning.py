"""Bins of columns, as a scorecard has them: where they are cut, and smooth functions over them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from churn_torch.errors import InputError
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.tables.encode import FIRST_CATEGORY
from churn_torch.tables.schema import Column, Schema

Array = np.ndarray[Any, np.dtype[np.float64]]
Codes = np.ndarray[Any, np.dtype[np.int64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]

# A number keeps its fine bins in a pair with a column of so few levels.
FEW_LEVELS = 4


@dataclass(frozen=True, kw_only=True)
class ScorecardOptions:
    """How fine a scorecard is.

    Attributes:
        bins: Most bins of a number; fewer where it has fewer different values.
        pair_bins: The same for a column of a pair; of a text column the most frequent categories
            are kept and the others are one.
        pairs: Most pairs of columns; 0 for none.
    """

    bins: int = 32
    pair_bins: int = 12
    pairs: int = 40

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        if not 2 <= self.pair_bins <= self.bins or self.pairs < 0:
            raise InputError(
                "model: expected 2 <= pair_bins <= bins and pairs >= 0, got "
                f"pair_bins={self.pair_bins}, bins={self.bins} and pairs={self.pairs}."
            )


@dataclass(frozen=True)
class Axis:
    """The levels of a column, and functions over them that any other is a sum of.

    Attributes:
        basis: ``[n_codes, n_functions]``, each with a mean square of 1 over the levels that
            training rows showed, and a mean of 0; zeros for the others.
        roughness: ``[n_functions]``, 1 for the smoothest.
        ordered: Whether neighbouring levels are alike.
        n_levels: Levels that training rows showed.
    """

    basis: Array
    roughness: Array
    ordered: bool
    n_levels: int


def axis_of(column: Column, *, fine: bool) -> Axis:
    """Return the axis of a column with its fine bins, or with those for pairs.

    The functions over n neighbouring bins are cosines, whose penalty by roughness is the one on
    squared differences of neighbours (a random walk as the prior: Rue & Held 2005, "Gaussian
    Markov random fields", section 3.3). Levels without an order are shrunk to their mean alike.
    """
    if Schema.is_text(column):
        words = len(column.vocabulary or ())
        kept = words if fine else column.pair_bins
        others = column.has_rare or kept < words
        evident = np.array([column.has_missing, others, *[True] * kept])
        contrasts = _contrasts(int(evident.sum()))
        basis = np.zeros((len(evident), contrasts.shape[1]))
        basis[evident] = contrasts
        return Axis(basis, np.ones(basis.shape[1]), False, int(evident.sum()))
    n = column.bins if fine else column.pair_bins
    cosines, roughness = _cosines(n)
    basis = np.zeros((1 + n, cosines.shape[1] + column.has_missing))
    basis[1:, : cosines.shape[1]] = cosines
    if column.has_missing and basis.shape[1]:
        basis[0, -1] = 1
        roughness = np.append(roughness, 1.0)
    return Axis(basis, roughness, True, n + column.has_missing)


def _cosines(n: int) -> tuple[Array, Array]:
    """Return the eigenvectors of squared differences of n neighbours, and their eigenvalues."""
    k = np.arange(1, n)
    vectors = np.sqrt(2) * np.cos(np.pi * np.outer(np.arange(n) + 0.5, k) / max(n, 1))
    values = 1 - np.cos(np.pi * k / max(n, 1))
    return vectors, values / values[:1]


def _contrasts(n: int) -> Array:
    """Return n - 1 orthogonal functions of n levels, each the next against all before it."""
    found = np.zeros((n, max(n - 1, 0)))
    for j in range(n - 1):
        found[: j + 1, j] = -1
        found[j + 1, j] = j + 1
        found[:, j] *= np.sqrt(n / ((j + 1) * (j + 2)))
    return found


def fit_cuts(values: Array, most: int) -> Array:
    """Return the edges of at most ``most`` bins with about the same number of rows in each.

    An edge lies halfway between two values that rows have, so none lies on it.

    Args:
        values: A column without its missing values.
        most: Most bins.
    """
    distinct = np.unique(values)
    if len(distinct) > most:
        ends = np.quantile(values, np.arange(1, most) / most, method="inverted_cdf")
        left = np.unique(np.searchsorted(distinct, ends))
        left = left[left < len(distinct) - 1]
    else:
        left = np.arange(len(distinct) - 1)
    low, high = distinct[left], distinct[left + 1]
    return low + (high - low) / 2


def merged(counts: Array, most: int) -> Codes:
    """Return which of at most ``most`` wider bins each of some neighbouring bins belongs to.

    Args:
        counts: Rows in each bin.
        most: Most wider bins.
    """
    n = len(counts)
    if n <= most:
        return np.arange(n)
    middle = (np.cumsum(counts) - counts / 2) / max(counts.sum(), 1)
    found: Codes = np.unique(
        np.minimum((middle * most).astype(int), most - 1), return_inverse=True
    )[1]
    return found


def fine_codes(columns: Columns, float32_cuts: Tensor, float64_cuts: Tensor) -> Tensor:
    """Return the level of each cell, ``[N, F]`` int64, in the order of `Columns`.

    Numbers: 0 is missing, then the bins. Text: its codes. A comparison is exact in every runtime.

    Args:
        columns: Of N rows; a group without columns is not looked at.
        float32_cuts: ``[n_float32, K]`` float32 edges in rising order, infinity where there are
            fewer.
        float64_cuts: The same in float64.
    """
    found = []
    for x, cuts in ((columns.float32, float32_cuts), (columns.float64, float64_cuts)):
        if len(cuts):
            above = (x.unsqueeze(2) > cuts).sum(2) + 1
            found.append(torch.where((x - x) == 0, above, 0))
    if columns.codes.ndim == 2 and columns.codes.shape[1]:
        found.append(columns.codes)
    return torch.cat(found, dim=1) if len(found) > 1 else found[0]


def fit_bins(
    columns: Columns, schema: Schema, options: ScorecardOptions
) -> tuple[Schema, list[Array], list[Codes]]:
    """Cut every column of training rows into bins, fine ones and fewer for pairs.

    Returns:
        The schema with the numbers of bins, the edges of each number column, and for each column,
        in the order of `Columns`, the level in pairs of each fine level.
    """
    facts: dict[str, Column] = {}
    cuts, coarse = [], []
    numbers = torch.cat([columns.float32.double(), columns.float64], dim=1).numpy()
    for column, values in zip(schema.numbers, numbers.T, strict=True):
        present = values[np.isfinite(values)]
        edges = fit_cuts(present, options.bins)
        if not Schema.is_float64(column):
            edges = edges.astype(np.float32).astype(np.float64)
        n = len(edges) + 1 if len(present) else 0
        counts = np.bincount(np.searchsorted(edges, present), minlength=n).astype(float)
        wider = merged(counts, options.pair_bins)
        facts[column.name] = replace(column, bins=n, pair_bins=int(wider.max(initial=-1)) + 1)
        cuts.append(edges)
        coarse.append(np.concatenate([[0], wider + 1]))
    for i, column in enumerate(schema.text):
        n = len(column.vocabulary or ())
        counts = np.bincount(columns.codes[:, i].numpy(), minlength=n + FIRST_CATEGORY)
        # Ties go by the word, so that the order of rows decides nothing.
        ranked = np.argsort(-counts[FIRST_CATEGORY:], kind="stable")
        kept = np.sort(ranked[: n if n <= options.pair_bins else options.pair_bins - 1])
        of_word = np.ones(n, dtype=np.int64)
        of_word[kept] = FIRST_CATEGORY + np.arange(len(kept))
        facts[column.name] = replace(column, pair_bins=len(kept))
        coarse.append(np.concatenate([[0, 1], of_word]))
    return schema.with_columns(facts), cuts, coarse

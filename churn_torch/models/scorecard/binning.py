"""Bins of the columns of a scorecard: their edges, and smooth functions over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from churn_torch.errors import InputError
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.models.scorecard.layout import ScorecardLayout
from churn_torch.tables.encode import FIRST_CATEGORY
from churn_torch.tables.schema import Column, Schema

Array = np.ndarray[Any, np.dtype[np.float64]]
Codes = np.ndarray[Any, np.dtype[np.int64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]

# A number keeps its fine bins in a pair with a column of at most this many levels.
FEW_LEVELS = 4


@dataclass(frozen=True, kw_only=True)
class ScorecardOptions:
    """How fine a scorecard is.

    Attributes:
        bins: Most bins of a number; a number with fewer distinct values has fewer bins.
        pair_bins: Most bins of a column in a pair. A text column keeps its most frequent
            categories; all others share a bin.
        pairs: Most pairs of columns; 0 for none.
    """

    bins: int = 32
    pair_bins: int = 12
    pairs: int = 40

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        if not 2 <= self.pair_bins <= self.bins or self.pairs < 0:
            raise InputError(
                "model",
                expected="2 <= pair_bins <= bins and pairs >= 0",
                got=f"pair_bins={self.pair_bins}, bins={self.bins} and pairs={self.pairs}",
            )


@dataclass(frozen=True)
class Axis:
    """The levels of a column, and basis functions over them.

    Attributes:
        basis: ``[n_codes, n_functions]``. Over the levels that occur in the training rows, each
            function has mean 0 and mean square 1; other levels have zeros.
        roughness: ``[n_functions]``, 1 for the smoothest.
        ordered: Whether neighbouring levels should have similar effects.
        n_levels: Number of levels that occur in the training rows.
    """

    basis: Array
    roughness: Array
    ordered: bool
    n_levels: int


def axis_of(column: Column, n_bins: int) -> Axis:
    """Return the axis of a column.

    The functions over n neighbouring bins are cosines. Penalising them by roughness equals
    penalising squared differences of neighbouring bins (a random walk as the prior: Rue & Held
    2005, "Gaussian Markov random fields", section 3.3). Levels without an order are all shrunk
    alike to their mean.

    Args:
        column: A column of a completed schema.
        n_bins: Bins of a number, kept categories of text.
    """
    if Schema.is_text(column):
        has_others = column.has_rare or n_bins < len(column.vocabulary or ())
        observed = np.array([column.has_missing, has_others, *[True] * n_bins])
        contrasts = _contrasts(int(observed.sum()))
        basis = np.zeros((len(observed), contrasts.shape[1]))
        basis[observed] = contrasts
        return Axis(basis, np.ones(basis.shape[1]), False, int(observed.sum()))
    cosines, roughness = _cosines(n_bins)
    basis = np.zeros((1 + n_bins, cosines.shape[1] + column.has_missing))
    basis[1:, : cosines.shape[1]] = cosines
    if column.has_missing and basis.shape[1]:
        basis[0, -1] = 1
        roughness = np.append(roughness, 1.0)
    return Axis(basis, roughness, True, n_bins + column.has_missing)


def _cosines(n: int) -> tuple[Array, Array]:
    """Return the eigenvectors of squared differences of n neighbours, and their eigenvalues."""
    k = np.arange(1, n)
    vectors = np.sqrt(2) * np.cos(np.pi * np.outer(np.arange(n) + 0.5, k) / max(n, 1))
    values = 1 - np.cos(np.pi * k / max(n, 1))
    return vectors, values / values[:1]


def _contrasts(n: int) -> Array:
    """Return n - 1 orthogonal functions of n levels: each compares a level to all before it."""
    functions = np.zeros((n, max(n - 1, 0)))
    for j in range(n - 1):
        functions[: j + 1, j] = -1
        functions[j + 1, j] = j + 1
        functions[:, j] *= np.sqrt(n / ((j + 1) * (j + 2)))
    return functions


def fit_cuts(values: Array, most: int) -> Array:
    """Return the edges of at most ``most`` bins with about the same number of rows in each.

    An edge lies halfway between two values of the column, so no value lies on an edge.

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


def merge_bins(counts: Array, most: int) -> Codes:
    """Merge neighbouring bins into at most ``most`` wider ones; return the wider bin of each.

    Args:
        counts: Rows in each bin.
        most: Most wider bins.
    """
    n = len(counts)
    if n <= most:
        return np.arange(n)
    middle = (np.cumsum(counts) - counts / 2) / max(counts.sum(), 1)
    wider: Codes = np.unique(
        np.minimum((middle * most).astype(int), most - 1), return_inverse=True
    )[1]
    return wider


def fine_codes(columns: Columns, float32_cuts: Tensor, float64_cuts: Tensor) -> Tensor:
    """Return the fine level of each cell, ``[N, F]`` int64, in the order of `Columns`.

    The levels of a number are 0 for missing, then its bins; those of text are its codes. Only
    comparisons are used, because they are exact in every runtime.

    Args:
        columns: N rows; a group without columns is ignored.
        float32_cuts: ``[n_float32, K]`` float32 edges in rising order, infinity where there are
            fewer.
        float64_cuts: The same in float64.
    """
    levels = []
    for x, cuts in ((columns.float32, float32_cuts), (columns.float64, float64_cuts)):
        if len(cuts):
            above = (x.unsqueeze(2) > cuts).sum(2) + 1
            levels.append(torch.where((x - x) == 0, above, 0))
    if columns.codes.ndim == 2 and columns.codes.shape[1]:
        levels.append(columns.codes)
    return torch.cat(levels, dim=1) if len(levels) > 1 else levels[0]


def fit_bins(
    columns: Columns, schema: Schema, options: ScorecardOptions
) -> tuple[ScorecardLayout, list[Array], list[Codes]]:
    """Cut every column of training rows into fine bins, and into fewer, coarse bins for pairs.

    Returns:
        The layout, still without pairs; the edges of each number column; and for each column, in
        the order of `Columns`, the coarse level of each fine level.
    """
    bins: dict[str, int] = {}
    pair_bins: dict[str, int] = {}
    cuts, coarse = [], []
    numbers = torch.cat([columns.float32.double(), columns.float64], dim=1).numpy()
    for column, values in zip(schema.numbers, numbers.T, strict=True):
        present = values[np.isfinite(values)]
        edges = fit_cuts(present, options.bins)
        if not Schema.is_float64(column):
            edges = edges.astype(np.float32).astype(np.float64)
        n = len(edges) + 1 if len(present) else 0
        counts = np.bincount(np.searchsorted(edges, present), minlength=n).astype(float)
        wider = merge_bins(counts, options.pair_bins)
        bins[column.name], pair_bins[column.name] = n, int(wider.max(initial=-1)) + 1
        cuts.append(edges)
        coarse.append(np.concatenate([[0], wider + 1]))
    for i, column in enumerate(schema.text):
        n = len(column.vocabulary or ())
        counts = np.bincount(columns.codes[:, i].numpy(), minlength=n + FIRST_CATEGORY)
        # Ties are broken by the word, so the order of the rows does not matter.
        ranked = np.argsort(-counts[FIRST_CATEGORY:], kind="stable")
        kept = np.sort(ranked[: n if n <= options.pair_bins else options.pair_bins - 1])
        of_word = np.ones(n, dtype=np.int64)
        of_word[kept] = FIRST_CATEGORY + np.arange(len(kept))
        bins[column.name], pair_bins[column.name] = n, len(kept)
        coarse.append(np.concatenate([[0, 1], of_word]))
    return ScorecardLayout(bins, pair_bins), cuts, coarse

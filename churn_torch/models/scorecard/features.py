"""What a scorecard adds up: a table of each column, and one of each chosen pair of columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import embedding

from churn_torch.models.preprocessing.preprocess import Columns, Compact, Preprocess
from churn_torch.models.preprocessing.statistics import PreprocessOptions, Statistics
from churn_torch.models.scorecard.binning import FEW_LEVELS, Array, Axis, Codes, axis_of, fine_codes
from churn_torch.tables.schema import Schema

# Functions a pair has at least, the smoothest ones, where it has so many.
PAIR_FUNCTIONS = 40


@dataclass(frozen=True)
class Term:
    """A column, or a pair of them, whose cells get points.

    Attributes:
        columns: Positions in the order of `Columns`, one or two.
        axes: Their levels here.
        fine: Whether they keep their fine bins here.
    """

    columns: tuple[int, ...]
    axes: tuple[Axis, ...]
    fine: tuple[bool, ...]

    @property
    def n_codes(self) -> int:
        """Number of cells."""
        return int(np.prod([len(axis.basis) for axis in self.axes]))

    @cached_property
    def table(self) -> Array:
        """Smooth functions over the cells, ``[n_codes, n_functions]``, smaller when rougher.

        One weight each with a plain L2 penalty is the penalty on differences of neighbours. In a
        pair the functions are products: what the two columns add alone is no part of it.
        """
        if len(self.axes) == 1:
            (axis,) = self.axes
            return axis.basis / np.sqrt(axis.roughness)
        a, b = self.axes
        rough = (a.roughness[:, None] + b.roughness[None, :]) / 2
        flat = np.sort(rough, axis=None)
        # Functions as rough as the last one are taken too: none of them comes first.
        limit = flat[min(PAIR_FUNCTIONS, len(flat)) - 1] * (1 + 1e-9) if len(flat) else 0.0
        k, m = np.nonzero(rough <= limit)
        table = a.basis[:, None, k] * b.basis[None, :, m] / np.sqrt(rough[k, m])
        return table.reshape(self.n_codes, len(k))


def main_terms(schema: Schema) -> list[Term]:
    """Return the term of each column that has more than one level."""
    axes = [axis_of(c, fine=True) for c in schema.inputs]
    return [Term((i,), (axis,), (True,)) for i, axis in enumerate(axes) if axis.n_levels > 1]


def pair_term(schema: Schema, i: int, j: int) -> Term:
    """Return the term of two columns; a number beside few levels keeps its fine bins."""
    ordered = schema.inputs
    coarse = [axis_of(ordered[c], fine=False) for c in (i, j)]
    fine = tuple(
        axis.ordered and other.n_levels <= FEW_LEVELS
        for axis, other in zip(coarse, reversed(coarse), strict=True)
    )
    axes = tuple(
        axis_of(ordered[c], fine=True) if f else axis
        for c, f, axis in zip((i, j), fine, coarse, strict=True)
    )
    return Term((i, j), axes, fine)


def terms_of(schema: Schema) -> list[Term]:
    """Return all terms that a completed schema stands for."""
    position = {c.name: i for i, c in enumerate(schema.inputs)}
    pairs = [pair_term(schema, position[a], position[b]) for a, b in schema.pairs]
    return [*main_terms(schema), *pairs]


def term_codes(terms: Sequence[Term], fine: Tensor, coarse: Tensor) -> Tensor:
    """Return the cell of each row in each term, ``[N, T]`` int64.

    Args:
        terms: T of them.
        fine: ``[N, F]``, the fine level of each column.
        coarse: ``[N, F]``, the level for pairs.
    """
    levels = torch.cat([fine, coarse], dim=1)
    n_columns = fine.shape[1]
    at = [[c + n_columns * (not f) for c, f in zip(t.columns, t.fine, strict=True)] for t in terms]
    first = torch.tensor([columns[0] for columns in at], device=fine.device)
    second = torch.tensor([columns[-1] for columns in at], device=fine.device)
    width = [len(t.axes[1].basis) if len(t.axes) == 2 else 1 for t in terms]
    paired = [int(len(t.axes) == 2) for t in terms]
    return levels.index_select(1, first) * torch.tensor(
        width, device=fine.device
    ) + levels.index_select(1, second) * torch.tensor(paired, device=fine.device)


@dataclass(frozen=True)
class ScorecardStatistics(Statistics):
    """What `ScorecardFeatures` needs to know of the training rows besides.

    Attributes:
        cuts: Edges of the bins of each number column.
        coarse: The level in pairs of each fine level of each column.
        tables: Of each term, ``[n_codes, n_functions]``: the functions as far as they were found
            to matter, zero on the average training row.
        points: Of each term, ``[n_codes, 1]``: the log-odds that each cell was found to add, and
            an equal share of the base, so that the sum over the terms is the scorecard's answer.
    """

    cuts: list[Array]
    coarse: list[Codes]
    tables: list[Array]
    points: list[Array]


class ScorecardFeatures(Preprocess):
    """Typed columns to the features of a scorecard: smooth functions over bins and pairs of bins.

    A row is one cell in each term, and a cell has one row of numbers in the term's table, so a
    linear layer on the features gives every cell its points. All features are centred on the
    training rows; a level that no training row showed gives zeros.

    Args:
        schema: A schema completed by `churn_torch.models.scorecard.fit.fit_scorecard`; it alone decides
            the shapes.
        options: As for `Preprocess`.
        added_up: One feature a term, the log-odds that its cells were found to add, in place of
            functions whose weights are to be fitted.
    """

    def __init__(
        self, schema: Schema, options: PreprocessOptions, *, added_up: bool = False
    ) -> None:
        super().__init__(schema, options)
        self.added_up = added_up
        self.terms = terms_of(schema)
        named = schema.inputs
        n_cuts = [max(column.bins - 1, 0) for column in named]
        most = max([1, *n_cuts])
        n_float64 = len(schema.float64)
        for group, size, dtype in (
            ("float32", self.n_float32, torch.float32),
            ("float64", n_float64, torch.float64),
        ):
            self.register_buffer(f"{group}_cuts_", torch.full((size, most), np.inf, dtype=dtype))
        sizes = [len(axis_of(column, fine=True).basis) for column in named]
        starts = np.cumsum([0, *sizes])
        self.register_buffer("coarse_", torch.zeros(int(starts[-1]), 1, dtype=torch.int64))
        self.register_buffer("level_start_", torch.from_numpy(starts[:-1]), persistent=False)
        self.widths = [1 if added_up else term.table.shape[1] for term in self.terms]
        for i, (term, width) in enumerate(zip(self.terms, self.widths, strict=True)):
            self.register_buffer(f"card_{i}_", torch.zeros(term.n_codes, width))
        cells = np.cumsum([0, *(term.n_codes for term in self.terms)])
        self.cell_starts = tuple(int(start) for start in cells)
        self.register_buffer("cell_start_", torch.from_numpy(cells[:-1]), persistent=False)
        names: list[str] = []
        for term, width in zip(self.terms, self.widths, strict=True):
            what = " x ".join(named[c].name for c in term.columns)
            names += [f"{what}, function {k + 1}" for k in range(width)]
        self.feature_names = tuple(names)

    @property
    def code_starts(self) -> tuple[int, ...]:
        """Where the cells of each term start, and where they end."""
        return self.cell_starts

    @property
    def n_dense(self) -> int:
        """None of the features is a plain number."""
        return 0

    def of_column(self) -> Tensor:
        """Return the share of each feature that each column has, ``[n_features, F]``.

        What a pair adds is halved between its columns.
        """
        parts = []
        for term, width in zip(self.terms, self.widths, strict=True):
            share = torch.zeros(width, len(self.columns))
            share[:, list(term.columns)] = 1 / len(term.columns)
            parts.append(share)
        return torch.cat(parts)

    def code_tables(self) -> list[Tensor]:
        """Return the features of each cell of each term."""
        return [self.get_buffer(f"card_{i}_") for i in range(len(self.terms))]

    def cuts(self, place: int) -> Array:
        """Return the edges of the bins of a number column, by its position."""
        group, row = ("float32", place)
        if place >= self.n_float32:
            group, row = "float64", place - self.n_float32
        edges = self.get_buffer(f"{group}_cuts_")[row].double()
        found: Array = edges[edges.isfinite()].numpy()
        return found

    def coarse_levels(self, place: int) -> Codes:
        """Return the level in pairs of each fine level of a column, by its position."""
        starts = [*self.get_buffer("level_start_").tolist(), None]
        found: Codes = self.get_buffer("coarse_")[starts[place] : starts[place + 1], 0].numpy()
        return found

    def load_statistics(self, statistics: Statistics) -> None:
        """Copy the training numbers into the buffers."""
        super().load_statistics(statistics)
        assert isinstance(statistics, ScorecardStatistics)
        for i, cuts in enumerate(statistics.cuts):
            group, row = ("float32", i) if i < self.n_float32 else ("float64", i - self.n_float32)
            self.get_buffer(f"{group}_cuts_")[row, : len(cuts)] = torch.from_numpy(cuts)
        self.get_buffer("coarse_").copy_(
            torch.from_numpy(np.concatenate(statistics.coarse)).unsqueeze(1)
        )
        tables = statistics.points if self.added_up else statistics.tables
        for buffer, table in zip(self.code_tables(), tables, strict=True):
            buffer.copy_(torch.from_numpy(table))

    def cells(self, columns: Columns) -> Tensor:
        """Return the cell of each row in each term, counted on from term to term, ``[N, T]``."""
        fine = fine_codes(
            columns, self.get_buffer("float32_cuts_"), self.get_buffer("float64_cuts_")
        )
        at = fine + self.get_buffer("level_start_")
        coarse = embedding(at, self.get_buffer("coarse_")).squeeze(2)
        return term_codes(self.terms, fine, coarse) + self.get_buffer("cell_start_")

    def forward(self, float32: Tensor, float64: Tensor, codes: Tensor) -> Tensor:
        """Return model-space rows; a group without columns is not looked at."""
        cells = self.cells(Columns(float32, float64, codes)) - self.get_buffer("cell_start_")
        parts = [embedding(cells[:, i], table) for i, table in enumerate(self.code_tables())]
        return torch.cat(parts, dim=1)

    def compact(self, float32: Tensor, float64: Tensor, codes: Tensor) -> Compact:
        """Return the cells of each row, which its features are looked up by."""
        cells = self.cells(Columns(float32, float64, codes))
        return Compact(torch.empty(len(cells), 0, device=cells.device), cells.to(torch.int32))

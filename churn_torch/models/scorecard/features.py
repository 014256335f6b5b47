"""Features of a scorecard: smooth functions over bins of columns and of pairs of columns."""

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
from churn_torch.models.scorecard.layout import ScorecardLayout
from churn_torch.tables.schema import Schema

# A pair has at least this many functions, the smoothest ones, or all if there are fewer.
PAIR_FUNCTIONS = 40


@dataclass(frozen=True)
class Term:
    """A column, or a pair of columns, with an effect for each of its cells.

    Attributes:
        columns: One or two positions in the order of `Columns`.
        axes: The axis of each of these columns.
        fine: Whether each column has its fine bins here.
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
        """Functions over the cells, ``[n_codes, n_functions]``, scaled down by their roughness.

        With this scale, a plain L2 penalty on the weights penalises differences of neighbouring
        cells. The functions of a pair are products, so they exclude the effects that each of the
        two columns has alone.
        """
        if len(self.axes) == 1:
            (axis,) = self.axes
            return axis.basis / np.sqrt(axis.roughness)
        a, b = self.axes
        rough = (a.roughness[:, None] + b.roughness[None, :]) / 2
        flat = np.sort(rough, axis=None)
        # Functions tied with the last one in roughness are all taken.
        limit = flat[min(PAIR_FUNCTIONS, len(flat)) - 1] * (1 + 1e-9) if len(flat) else 0.0
        k, m = np.nonzero(rough <= limit)
        table = a.basis[:, None, k] * b.basis[None, :, m] / np.sqrt(rough[k, m])
        return table.reshape(self.n_codes, len(k))


def main_terms(schema: Schema, layout: ScorecardLayout) -> list[Term]:
    """Return the term of each column that has more than one level."""
    axes = [axis_of(c, layout.n_bins(c.name, fine=True)) for c in schema.inputs]
    return [Term((i,), (axis,), (True,)) for i, axis in enumerate(axes) if axis.n_levels > 1]


def pair_term(schema: Schema, layout: ScorecardLayout, i: int, j: int) -> Term:
    """Return the term of two columns; a number paired with few levels keeps its fine bins."""

    def axis(c: int, *, fine: bool) -> Axis:
        column = schema.inputs[c]
        return axis_of(column, layout.n_bins(column.name, fine=fine))

    coarse = [axis(c, fine=False) for c in (i, j)]
    fine = tuple(
        own.ordered and other.n_levels <= FEW_LEVELS
        for own, other in zip(coarse, reversed(coarse), strict=True)
    )
    axes = tuple(
        axis(c, fine=True) if keeps_fine else own
        for c, keeps_fine, own in zip((i, j), fine, coarse, strict=True)
    )
    return Term((i, j), axes, fine)


def terms_of(schema: Schema) -> list[Term]:
    """Return all terms of the scorecard layout that a schema carries."""
    layout = ScorecardLayout.of(schema)
    position = {c.name: i for i, c in enumerate(schema.inputs)}
    pairs = [pair_term(schema, layout, position[a], position[b]) for a, b in layout.pairs]
    return [*main_terms(schema, layout), *pairs]


def term_codes(terms: Sequence[Term], fine: Tensor, coarse: Tensor) -> Tensor:
    """Return the cell of each row in each term, ``[N, T]`` int64.

    Args:
        terms: T of them.
        fine: ``[N, F]``, the fine level of each column.
        coarse: ``[N, F]``, the coarse level of each column.
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
    """Statistics of the training rows for `ScorecardFeatures`.

    Attributes:
        cuts: Edges of the bins of each number column.
        coarse: The coarse level of each fine level of each column.
        tables: Of each term, ``[n_codes, n_functions]``: its functions, scaled by the term's
            fitted prior and zero on the average training row.
        effects: Of each term, ``[n_codes, 1]``: the fitted log-odds of each cell plus an equal
            share of the base, so that the sum over the terms is the scorecard's logit.
    """

    cuts: list[Array]
    coarse: list[Codes]
    tables: list[Array]
    effects: list[Array]


class ScorecardFeatures(Preprocess):
    """Typed columns to the features of a scorecard: smooth functions over bins and pairs of bins.

    Each row falls into one cell of each term. The features of a cell are a row of the term's
    table, so a linear layer on them adds a number for each cell. All features are centred on the
    training rows; a level that no training row had gives zeros.

    Args:
        schema: A schema completed by `churn_torch.models.scorecard.fit.fit_scorecard`; it alone
            decides the shapes.
        options: As for `Preprocess`.
        summed: Give one feature for each term, the fitted log-odds of its cells, in place of
            functions whose weights are still to be fitted.
    """

    def __init__(self, schema: Schema, options: PreprocessOptions, *, summed: bool = False) -> None:
        super().__init__(schema, options)
        self.summed = summed
        self.terms = terms_of(schema)
        layout = ScorecardLayout.of(schema)
        named = schema.inputs
        most = max([1, *(layout.n_bins(c.name, fine=True) - 1 for c in schema.numbers)])
        n_float64 = len(schema.float64)
        for group, size, dtype in (
            ("float32", self.n_float32, torch.float32),
            ("float64", n_float64, torch.float64),
        ):
            self.register_buffer(f"{group}_cuts_", torch.full((size, most), np.inf, dtype=dtype))
        sizes = [len(axis_of(c, layout.n_bins(c.name, fine=True)).basis) for c in named]
        starts = np.cumsum([0, *sizes])
        self.register_buffer("coarse_", torch.zeros(int(starts[-1]), 1, dtype=torch.int64))
        self.register_buffer("level_start_", torch.from_numpy(starts[:-1]), persistent=False)
        self.widths = [1 if summed else term.table.shape[1] for term in self.terms]
        for i, (term, width) in enumerate(zip(self.terms, self.widths, strict=True)):
            self.register_buffer(f"term_{i}_", torch.zeros(term.n_codes, width))
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
        """Return to what share each feature belongs to each column, ``[n_features, F]``.

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
        return [self.get_buffer(f"term_{i}_") for i in range(len(self.terms))]

    def cuts(self, place: int) -> Array:
        """Return the edges of the bins of a number column, by its position."""
        group, row = ("float32", place)
        if place >= self.n_float32:
            group, row = "float64", place - self.n_float32
        edges = self.get_buffer(f"{group}_cuts_")[row].double()
        finite: Array = edges[edges.isfinite()].numpy()
        return finite

    def coarse_levels(self, place: int) -> Codes:
        """Return the coarse level of each fine level of a column, by its position."""
        starts = [*self.get_buffer("level_start_").tolist(), None]
        coarse: Codes = self.get_buffer("coarse_")[starts[place] : starts[place + 1], 0].numpy()
        return coarse

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
        tables = statistics.effects if self.summed else statistics.tables
        for buffer, table in zip(self.code_tables(), tables, strict=True):
            buffer.copy_(torch.from_numpy(table))

    def cells(self, columns: Columns) -> Tensor:
        """Return the cell of each row in each term, numbered through all terms, ``[N, T]``."""
        fine = fine_codes(
            columns, self.get_buffer("float32_cuts_"), self.get_buffer("float64_cuts_")
        )
        at = fine + self.get_buffer("level_start_")
        coarse = embedding(at, self.get_buffer("coarse_")).squeeze(2)
        return term_codes(self.terms, fine, coarse) + self.get_buffer("cell_start_")

    def forward(
        self, float32: Tensor, float64: Tensor, codes: Tensor, sequences: Tensor | None = None
    ) -> Tensor:
        """Return model-space rows; a group without columns is ignored."""
        cells = self.cells(Columns(float32, float64, codes)) - self.get_buffer("cell_start_")
        parts = [embedding(cells[:, i], table) for i, table in enumerate(self.code_tables())]
        return torch.cat(parts, dim=1)

    def compact(
        self, float32: Tensor, float64: Tensor, codes: Tensor, sequences: Tensor | None = None
    ) -> Compact:
        """Return the cells of each row; its features are looked up by them."""
        cells = self.cells(Columns(float32, float64, codes))
        return Compact(torch.empty(len(cells), 0, device=cells.device), cells.to(torch.int32))

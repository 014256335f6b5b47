"""Learning a scorecard from training rows: its bins, its pairs of columns, their penalties."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from churn_torch.errors import InputError
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.models.preprocessing.statistics import Statistics
from churn_torch.models.scorecard.binning import (
    Array,
    Codes,
    ScorecardOptions,
    fine_codes,
    fit_bins,
)
from churn_torch.models.scorecard.features import (
    ScorecardStatistics,
    Term,
    main_terms,
    pair_term,
    term_codes,
)
from churn_torch.models.scorecard.layout import ScorecardLayout
from churn_torch.models.scorecard.marginal_likelihood import (
    DesignBlock,
    fit_marginal_likelihood,
    marginal_likelihood_gain,
)
from churn_torch.tables.schema import Schema

# Pairs are searched among this many columns, those with the largest effects of their own.
PAIRED_COLUMNS = 64
# Bins of all numbers together, at most about this many: a step inverts a matrix of that size.
MAIN_BINS = 1_000
# Log marginal likelihood that a pair must add, and effective parameters that it must keep.
MIN_GAIN, MIN_PARAMETERS = 0.5, 0.2
# Columns whose bins agree in more than this share of the rows are copies: only the first may pair.
COPY_SHARE = 0.98
# The penalty.l2 for which the features are scaled: the default of conf/train.yaml.
L2 = 1e-4
_FIRST_VARIANCES = {1: 0.1, 2: 0.03}


def fit_scorecard(
    columns: Columns,
    label: Tensor,
    weight: Tensor | None,
    schema: Schema,
    statistics: Statistics,
    options: ScorecardOptions,
    *,
    n_train: int,
    positive_weight: float = 1.0,
) -> tuple[Schema, ScorecardStatistics]:
    """Learn the features of a scorecard from training rows only.

    Bins are quantiles. First all columns are fitted, then half of the pairs, those that would add
    most, then the other half given the first. Each term has a penalty of its own
    (`churn_torch.models.scorecard.marginal_likelihood`), and pairs without an effect are dropped.
    The penalties become the scale of the features, so that a single ``penalty.l2=0.0001`` on the
    linear layer stands for all of them.

    Args:
        columns: Training rows, or a sample of them.
        label: ``[N]``.
        weight: ``[N]``, averaging 1 over all training rows; None gives all rows the same weight.
        schema: Completed by `churn_torch.models.preprocessing.statistics.fit_statistics`.
        statistics: Of all training rows.
        options: How fine the scorecard is.
        n_train: Training rows in all.
        positive_weight: Weight of a positive row in the fit that follows, which multiplies the
            odds that the effects give; the search itself counts every row once.

    Returns:
        The schema with a `ScorecardLayout`, and the statistics of the features.

    Raises:
        InputError: No column has two values.
    """
    layout, cuts, coarse = fit_bins(columns, schema, _bounded(options, schema))
    if not main_terms(schema, layout):
        raise InputError(
            "model",
            expected="a column with two values or more among the training rows",
            got="none",
            fix="choose other columns, or model=logreg",
        )
    search = PairSearch(columns, label, weight, schema, layout, cuts, coarse)
    search.run(options.pairs)
    tables, effects = search.tables(l2=L2, n_train=n_train, positive_weight=positive_weight)
    facts: dict[str, object] = dict(vars(statistics))
    learned = ScorecardStatistics(
        **facts,  # type: ignore[arg-type]
        cuts=cuts,
        coarse=coarse,
        tables=tables,
        effects=effects,
    )
    return replace(layout, pairs=search.pairs).attach(schema), learned


def _bounded(options: ScorecardOptions, schema: Schema) -> ScorecardOptions:
    """Return the options with fewer bins for a table of very many numbers."""
    bins = max(2, MAIN_BINS // max(1, len(schema.numbers)))
    if bins >= options.bins:
        return options
    return replace(options, bins=bins, pair_bins=min(options.pair_bins, bins))


class PairSearch:
    """The terms chosen so far and their fit, to which pairs of columns are added.

    Args:
        columns: Training rows, or a sample of them.
        label: ``[N]``.
        weight: ``[N]``; None gives all rows the same weight.
        schema: The completed schema.
        layout: The bins of the columns.
        cuts: Edges of the bins of each number column.
        coarse: The coarse level of each fine level of each column.
    """

    def __init__(
        self,
        columns: Columns,
        label: Tensor,
        weight: Tensor | None,
        schema: Schema,
        layout: ScorecardLayout,
        cuts: list[Array],
        coarse: list[Codes],
    ) -> None:
        self.schema, self.layout = schema, layout
        self.fine = fine_codes(columns, *_padded(cuts, n_float32=len(schema.float32)))
        self.coarse = torch.stack(
            [torch.from_numpy(c)[self.fine[:, i]] for i, c in enumerate(coarse)], dim=1
        )
        self.label = label.double()
        self.weight = torch.ones_like(self.label) if weight is None else weight.double()
        self.terms: list[Term] = []
        self.blocks: list[DesignBlock] = []
        self.variance = torch.zeros(0, dtype=torch.float64)
        self.weights: list[Tensor] = []
        self.logit: Tensor | None = None
        self.candidates: list[int] = []
        self._add(main_terms(schema, layout))

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The names of the columns of each pair chosen so far."""
        names = [column.name for column in self.schema.inputs]
        return tuple(
            (names[t.columns[0]], names[t.columns[1]]) for t in self.terms if len(t.columns) == 2
        )

    def run(self, most: int) -> None:
        """Fit the columns, then add at most ``most`` pairs in two rounds, and fit them all."""
        self._fit(max_steps=8)
        self.candidates = self._strongest_columns()
        first = (most + 1) // 2
        for n_pairs in (first, most - first):
            if not self._add_best_pairs(n_pairs):
                break
            self._fit(max_steps=12)
        if self.pairs:
            self._fit(max_steps=20)

    def tables(
        self, *, l2: float, n_train: int, positive_weight: float
    ) -> tuple[list[Array], list[Array]]:
        """Return the ``tables`` and ``effects`` of `ScorecardStatistics`.

        Args:
            l2: The penalty that is to stand for the fitted ones.
            n_train: Training rows in all.
            positive_weight: Weight of a positive row in the fit that follows.
        """
        assert self.logit is not None
        base = float(self.logit.mean()) + math.log(positive_weight)
        tables, effects = [], []
        for block, variance, weights in zip(
            self.blocks, self.variance.tolist(), self.weights, strict=True
        ):
            counts = np.bincount(block.cells.numpy(), minlength=len(block.table))
            table = block.table.numpy()
            observed = table.any(axis=1, keepdims=True)
            centred = np.where(observed, table - counts / len(self.label) @ table, 0.0)
            tables.append(centred * np.sqrt(variance * l2 * n_train))
            effects.append(centred @ weights.numpy()[:, None] + base / len(self.terms))
        return tables, effects

    def _fit(self, *, max_steps: int) -> None:
        """Fit all terms, and drop pairs without an effect."""
        start = None if self.logit is None else (self.weights, self.logit)
        fit = fit_marginal_likelihood(
            self.blocks, self.label, self.weight, self.variance, max_steps=max_steps, start=start
        )
        self.logit = fit.logit
        kept = []
        for i, term in enumerate(self.terms):
            if len(term.columns) == 1 or fit.n_parameters[i] > MIN_PARAMETERS:
                kept.append(i)
            else:
                self.logit = self.logit - self.blocks[i].predict(fit.weights[i])
        self.weights = [fit.weights[i] for i in kept]
        self.terms = [self.terms[i] for i in kept]
        self.blocks = [self.blocks[i] for i in kept]
        self.variance = fit.variance[kept]

    def _add_best_pairs(self, most: int) -> int:
        """Add the pairs that would add most to the fit; return how many."""
        assert self.logit is not None
        probability = torch.sigmoid(self.logit)
        slope = (self.label - probability) * self.weight
        curvature = probability * (1 - probability) * self.weight
        chosen = {term.columns for term in self.terms}
        gains = []
        for i, j in itertools.combinations(self.candidates, 2):
            if (i, j) in chosen:
                continue
            term = pair_term(self.schema, self.layout, i, j)
            if term.table.shape[1]:
                gain = marginal_likelihood_gain(self._block(term), slope, curvature)
                if gain > MIN_GAIN:
                    gains.append((gain, term))
        gains.sort(key=lambda entry: -entry[0])
        best = [term for _, term in gains[:most]]
        self._add(best)
        return len(best)

    def _add(self, terms: list[Term]) -> None:
        blocks = [self._block(term) for term in terms]
        self.terms += terms
        self.blocks += blocks
        self.weights += [torch.zeros(b.table.shape[1], dtype=torch.float64) for b in blocks]
        first = [_FIRST_VARIANCES[len(term.columns)] for term in terms]
        self.variance = torch.cat(
            [self.variance.clamp(min=1e-3), torch.tensor(first, dtype=torch.float64)]
        )

    def _block(self, term: Term) -> DesignBlock:
        cells = term_codes([term], self.fine, self.coarse)[:, 0]
        return DesignBlock(cells, torch.from_numpy(term.table))

    def _strongest_columns(self) -> list[int]:
        """Return the columns to search pairs among: those with the largest effects, no copies."""
        effect = {
            term.columns[0]: float(block.predict(weights).var(correction=0))
            for term, block, weights in zip(self.terms, self.blocks, self.weights, strict=True)
        }
        ranked = sorted(self._without_copies(), key=lambda column: -effect[column])
        return sorted(ranked[:PAIRED_COLUMNS])

    def _without_copies(self) -> list[int]:
        """Return the columns without numbers that repeat an earlier number."""
        originals: list[int] = []
        n_numbers = len(self.schema.numbers)
        for (column,) in (term.columns for term in self.terms):
            cells = self.fine[:, column]
            is_copy = column < n_numbers and any(
                float((cells == self.fine[:, other]).double().mean()) > COPY_SHARE
                for other in originals
                if other < n_numbers
            )
            if not is_copy:
                originals.append(column)
        return originals


def _padded(cuts: list[Array], *, n_float32: int) -> tuple[Tensor, Tensor]:
    """Return the edges as the two tensors that `fine_codes` takes."""
    most = max([1, *(len(edges) for edges in cuts)])
    padded = [np.pad(e, (0, most - len(e)), constant_values=np.inf) for e in cuts]
    float32, float64 = (
        torch.from_numpy(np.array(part).reshape(-1, most))
        for part in (padded[:n_float32], padded[n_float32:])
    )
    return float32.float(), float64

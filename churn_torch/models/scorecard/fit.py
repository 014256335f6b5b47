"""What the training rows teach a scorecard: its bins, its pairs of columns, how smooth they are."""

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
from churn_torch.models.scorecard.marginal_likelihood import (
    CodedTerm,
    MarginalFit,
    fit_marginal_likelihood,
    gain,
)
from churn_torch.tables.schema import Schema

# Pairs are sought among so many columns: those whose own effect is largest.
PAIRED_COLUMNS = 64
# Bins of all numbers together, at most about this many: a step inverts a matrix of that size.
MAIN_BINS = 1_000
# Log-evidence that a pair must add, and effective parameters that it must keep.
LEAST_GAIN, LEAST_FREEDOM = 0.5, 0.2
# Columns whose bins are the same in this share of the rows are copies: the first one may pair.
COPY_SHARE = 0.98
# The l2 that stands for the strengths found here: the default of conf/train.yaml.
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
    """Learn the features of a scorecard from training rows, and from nothing else.

    Bins are quantiles. All columns are fitted first, then the half of the pairs that would add
    most, then as many again on what is left to explain; each term is shrunk by its own strength
    (`churn_torch.models.scorecard.marginal_likelihood`), and pairs that come to nothing are dropped. The strengths go
    into the scale of the features, so that ``penalty.l2=0.0001`` on the linear layer stands for
    all of them.

    Args:
        columns: Training rows, or a sample of them.
        label: ``[N]``.
        weight: ``[N]``, averaging 1 over all training rows; None where all count the same.
        schema: Completed by `churn_torch.models.preprocessing.statistics.fit_statistics`.
        statistics: Of all training rows.
        options: How fine.
        n_train: Training rows in all.
        positive_weight: Weight of a positive row in the fit that is to come, which multiplies the
            odds that the points give; the search itself counts every row once.

    Returns:
        The schema with bins and pairs filled in, and what the features are made of.

    Raises:
        InputError: No column has two values.
    """
    bins = max(2, MAIN_BINS // max(1, len(schema.float32) + len(schema.float64)))
    if bins < options.bins:
        options = replace(options, bins=bins, pair_bins=min(options.pair_bins, bins))
    schema, cuts, coarse = fit_bins(columns, schema, options)
    if not main_terms(schema):
        raise InputError(
            "model: expected a column with two values or more among the training rows, "
            "got none; choose other columns, or model=logreg."
        )
    search = _Search(columns, label, weight, schema, cuts, coarse)
    search.rank_columns(search.fit(rounds=8))
    first = (options.pairs + 1) // 2
    for most in (first, options.pairs - first):
        if not search.add(most):
            break
        search.fit(rounds=12)
    if search.n_pairs:
        search.fit(rounds=20)
    named = schema.inputs
    pairs = [tuple(named[c].name for c in t.columns) for t in search.terms if len(t.columns) > 1]
    assert search.logit is not None
    base = float(search.logit.mean()) + math.log(positive_weight)
    tables, points = [], []
    for coded, variance, weights in zip(
        search.coded, search.variance.tolist(), search.weights, strict=True
    ):
        share = np.bincount(coded.cells.numpy(), minlength=len(coded.table)) / len(label)
        table = coded.table.numpy()
        evident = table.any(axis=1, keepdims=True)
        centred = np.where(evident, table - share @ table, 0.0)
        tables.append(centred * np.sqrt(variance * L2 * n_train))
        points.append(centred @ weights.numpy()[:, None] + base / len(search.terms))
    facts: dict[str, object] = dict(vars(statistics))
    learned = ScorecardStatistics(
        **facts,  # type: ignore[arg-type]
        cuts=cuts,
        coarse=coarse,
        tables=tables,
        points=points,
    )
    return schema.with_pairs([(a, b) for a, b in pairs]), learned


class _Search:
    """The terms chosen so far, and the fit of them."""

    def __init__(
        self,
        columns: Columns,
        label: Tensor,
        weight: Tensor | None,
        schema: Schema,
        cuts: list[Array],
        coarse: list[Codes],
    ) -> None:
        self.schema = schema
        n_float32 = len(schema.float32)
        most = max([1, *(len(edges) for edges in cuts)])
        padded = [np.pad(e, (0, most - len(e)), constant_values=np.inf) for e in cuts]
        float32, float64 = (
            torch.from_numpy(np.array(part).reshape(-1, most))
            for part in (padded[:n_float32], padded[n_float32:])
        )
        self.fine = fine_codes(columns, float32.float(), float64)
        self.coarse = torch.stack(
            [torch.from_numpy(c)[self.fine[:, i]] for i, c in enumerate(coarse)], dim=1
        )
        self.label = label.double()
        self.weight = torch.ones_like(self.label) if weight is None else weight.double()
        self.terms: list[Term] = []
        self.coded: list[CodedTerm] = []
        self.variance = torch.zeros(0, dtype=torch.float64)
        self.weights: list[Tensor] = []
        self.logit: Tensor | None = None
        self._take(main_terms(schema))
        self.free_columns = self._without_copies()

    @property
    def n_pairs(self) -> int:
        return sum(len(term.columns) > 1 for term in self.terms)

    def fit(self, *, rounds: int) -> MarginalFit:
        """Fit all terms, drop pairs that come to nothing, and return what was found."""
        start = None if self.logit is None else (self.weights, self.logit)
        found = fit_marginal_likelihood(
            self.coded, self.label, self.weight, self.variance, rounds=rounds, start=start
        )
        kept = [
            i
            for i, term in enumerate(self.terms)
            if len(term.columns) == 1 or found.freedom[i] > LEAST_FREEDOM
        ]
        self.logit = found.logit
        for i in sorted(set(range(len(self.terms))) - set(kept)):
            self.logit = self.logit - self.coded[i].of_rows(found.weights[i])
        self.weights = [found.weights[i] for i in kept]
        self.terms = [self.terms[i] for i in kept]
        self.coded = [self.coded[i] for i in kept]
        self.variance = found.variance[kept]
        return found

    def add(self, most: int) -> int:
        """Take the pairs that would add most; return how many."""
        assert self.logit is not None
        chance = torch.sigmoid(self.logit)
        slope = (self.label - chance) * self.weight
        bend = chance * (1 - chance) * self.weight
        taken = {term.columns for term in self.terms}
        candidates = []
        for i, j in itertools.combinations(self.paired, 2):
            if (i, j) in taken:
                continue
            term = pair_term(self.schema, i, j)
            if term.table.shape[1]:
                candidates.append((gain(self._coded(term), slope, bend), term))
        candidates = [entry for entry in candidates if entry[0] > LEAST_GAIN]
        candidates.sort(key=lambda entry: -entry[0])
        self._take([term for _, term in candidates[:most]])
        return len(candidates[:most])

    def _take(self, terms: list[Term]) -> None:
        self.terms += terms
        more = [self._coded(term) for term in terms]
        self.coded += more
        self.weights += [torch.zeros(c.table.shape[1], dtype=torch.float64) for c in more]
        first = [_FIRST_VARIANCES[len(term.columns)] for term in terms]
        self.variance = torch.cat(
            [self.variance.clamp(min=1e-3), torch.tensor(first, dtype=torch.float64)]
        )

    def _coded(self, term: Term) -> CodedTerm:
        cells = term_codes([term], self.fine, self.coarse)[:, 0]
        return CodedTerm(cells, torch.from_numpy(term.table))

    def _without_copies(self) -> list[int]:
        found: list[int] = []
        n_numbers = len(self.schema.float32) + len(self.schema.float64)
        for (column,) in (term.columns for term in self.terms):
            cells = self.fine[:, column]
            if column >= n_numbers or not any(
                float((cells == self.fine[:, other]).double().mean()) > COPY_SHARE
                for other in found
                if other < n_numbers
            ):
                found.append(column)
        return found

    def rank_columns(self, found: MarginalFit) -> None:
        """Choose the columns that pairs are sought among, by the fit of columns alone."""
        effect = {
            term.columns[0]: float(coded.of_rows(weights).var(correction=0))
            for term, coded, weights in zip(self.terms, self.coded, found.weights, strict=True)
        }
        ranked = sorted(self.free_columns, key=lambda column: -effect[column])
        self.paired = sorted(ranked[:PAIRED_COLUMNS])

"""How strongly each term of an additive logistic model is shrunk, by its marginal likelihood."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.linalg.lapack import dtrtri
from torch import Tensor

# Prior variances that a candidate is tried with.
TRIED_VARIANCES = (0.003, 0.03, 0.3)
# Below this variance a term has no effect; above it a Gaussian prior does not restrain it.
MIN_VARIANCE, MAX_VARIANCE = 1e-6, 1e3
# A term with fewer effective parameters than this is dropped.
MIN_PARAMETERS = 0.05
# The Hessian is summed again when the rows' second derivatives have changed by this share.
CURVATURE_CHANGE = 0.05
# Longest step of a row's log-odds at a time.
LONGEST_STEP = 4.0
# The fit has converged when no log-variance of a term in use changes by more than this.
VARIANCE_CHANGE = 0.1


class DesignBlock(NamedTuple):
    """The columns of the design matrix that belong to one term: row i is ``table[cells[i]]``.

    Attributes:
        cells: ``[N]`` int64, the cell of each row.
        table: ``[n_codes, n_functions]`` float64, the features of each cell.
    """

    cells: Tensor
    table: Tensor

    def predict(self, weights: Tensor) -> Tensor:
        """Return what the term adds to the logit of each row, ``[N]``."""
        return (self.table @ weights)[self.cells]

    def sum_by_cell(self, values: Tensor) -> Tensor:
        """Return the sum of the rows' values in each cell, ``[n_codes]``."""
        return torch.bincount(self.cells, values, minlength=len(self.table))

    def feature_sums(self, values: Tensor) -> Tensor:
        """Return the sum over rows of features times values, ``[n_functions]``."""
        return self.table.T @ self.sum_by_cell(values)


class MarginalFit(NamedTuple):
    """The result of a fit of T terms.

    Attributes:
        weights: Of each term, one for each function.
        logit: ``[N]`` of the rows.
        variance: ``[T]``, prior variance of the weights.
        n_parameters: ``[T]``, effective number of parameters.
    """

    weights: list[Tensor]
    logit: Tensor
    variance: Tensor
    n_parameters: Tensor


def fit_marginal_likelihood(
    terms: Sequence[DesignBlock],
    label: Tensor,
    weight: Tensor,
    variance: Tensor,
    *,
    max_steps: int,
    start: tuple[Sequence[Tensor], Tensor] | None = None,
) -> MarginalFit:
    """Fit all terms together, and the strength of the penalty of each.

    The prior of a weight is a Gaussian around 0 with the variance of its term. Newton steps on the
    weights alternate with steps on the variances, which increase the Laplace approximation of the
    marginal likelihood (MacKay 1992, "Bayesian interpolation"; for smooth terms Wood & Fasiolo
    2017, "A generalized Fellner-Schall method"). A term that the rows do not support is dropped:
    its weights become 0.

    Sums over rows are taken by cell. The Hessian is summed again only when it has changed: steps
    with an older one lead to the same point.

    Args:
        terms: T terms. They need not be centred, because an intercept is fitted with them.
        label: ``[N]`` float64.
        weight: ``[N]`` float64.
        variance: ``[T]`` float64, prior variances to start from.
        max_steps: Most steps.
        start: Weights of each term and the ``[N]`` logits that follow from them; None starts from
            weights of zero.
    """
    fit = _Fit(terms, label, weight, variance, start)
    # From weights of zero, the first variances say little.
    n_first = 3 if start is None else 1
    for step in range(max_steps):
        if not fit.active:
            break
        factor = fit.newton_step()
        change = fit.variance_step(factor, may_drop=step >= n_first)
        if step > n_first + 2 and change < VARIANCE_CHANGE:
            break
    return MarginalFit(fit.weights, fit.logit, fit.variance, fit.n_parameters)


class _Fit:
    """The state of `fit_marginal_likelihood`, and its two kinds of steps."""

    def __init__(
        self,
        terms: Sequence[DesignBlock],
        label: Tensor,
        weight: Tensor,
        variance: Tensor,
        start: tuple[Sequence[Tensor], Tensor] | None,
    ) -> None:
        self.terms, self.label, self.weight = terms, label, weight
        self.variance = variance.clone()
        self.n_parameters = torch.zeros(len(terms), dtype=torch.float64)
        self.sizes = [term.table.shape[1] for term in terms]
        if start is None:
            rate = (label * weight).sum() / weight.sum()
            self.weights = [torch.zeros(size, dtype=torch.float64) for size in self.sizes]
            self.logit = torch.logit(rate.clamp(1e-6, 1 - 1e-6)).expand(len(label)).clone()
        else:
            self.weights, self.logit = list(start[0]), start[1]
        # Positions of the terms still in use, and the term of each of their functions.
        self.active = [t for t, size in enumerate(self.sizes) if size]
        self.term_of = torch.tensor([t for t in self.active for _ in range(self.sizes[t])])
        # The second derivatives that were last summed over the rows; and with them as weights, the
        # Hessian of the centred features, the sums of the features, and the total.
        self.curvature: Tensor | None = None
        self.hessian = self.feature_sum = self.total = torch.zeros(0, dtype=torch.float64)

    def newton_step(self) -> Tensor:
        """Take a step on the weights and the intercept; return the Cholesky factor used."""
        probability = torch.sigmoid(self.logit)
        slope = (probability - self.label) * self.weight
        self._update_hessian((probability * (1 - probability)).clamp(min=1e-6) * self.weight)
        blocks = [self.terms[t] for t in self.active]
        weights = torch.cat([self.weights[t] for t in self.active])
        precision = 1 / self.variance[self.term_of]
        gradient = torch.cat([block.feature_sums(slope) for block in blocks])
        gradient += (
            weights / self.variance[self.term_of] - self.feature_sum * slope.sum() / self.total
        )
        factor: Tensor = torch.linalg.cholesky(self.hessian + torch.diag(precision))
        change = -torch.cholesky_solve(gradient[:, None], factor)[:, 0]
        parts = torch.split(change, [self.sizes[t] for t in self.active])
        moved = torch.stack([b.predict(p) for b, p in zip(blocks, parts, strict=True)]).sum(0)
        moved -= (slope.sum() + self.feature_sum @ change) / self.total
        share = min(1.0, LONGEST_STEP / float(moved.abs().max()))
        self.logit = self.logit + share * moved
        for t, part in zip(self.active, parts, strict=True):
            self.weights[t] = self.weights[t] + share * part
        return factor

    def variance_step(self, factor: Tensor, *, may_drop: bool) -> float:
        """Take a step on the variances.

        Args:
            factor: Cholesky factor of the penalised Hessian.
            may_drop: Drop terms of which next to nothing is left.

        Returns:
            The largest change of a log-variance, of terms with an effect.
        """
        spread = torch.zeros(len(self.terms), dtype=torch.float64)
        spread.index_add_(0, self.term_of, _inverse_diagonal(factor))
        largest = 0.0
        kept = []
        for t in self.active:
            n = max(self.sizes[t] - float(spread[t] / self.variance[t]), 1e-6)
            target = float(self.weights[t].square().sum()) / n
            target = min(max(target, MIN_VARIANCE), MAX_VARIANCE)
            growth = min(max(math.log(target / float(self.variance[t])), -3), 3)
            self.n_parameters[t] = n
            self.variance[t] = self.variance[t] * math.exp(growth)
            if may_drop and n < MIN_PARAMETERS and growth < 0:
                self._drop(t)
                continue
            kept.append(t)
            if n > 0.2:
                largest = max(largest, abs(growth))
        if len(kept) < len(self.active):
            self._keep(kept)
        return largest

    def _update_hessian(self, curvature: Tensor) -> None:
        """Sum the Hessian again if the rows' second derivatives have changed enough."""
        if self.curvature is not None:
            change = (curvature - self.curvature).abs().sum()
            if change <= CURVATURE_CHANGE * self.curvature.sum():
                return
        blocks = [self.terms[t] for t in self.active]
        self.hessian, self.feature_sum = hessian_sums(blocks, curvature)
        self.curvature, self.total = curvature, curvature.sum()
        self.hessian -= torch.outer(self.feature_sum, self.feature_sum) / self.total

    def _drop(self, t: int) -> None:
        """Set the weights of a term to 0."""
        self.logit = self.logit - self.terms[t].predict(self.weights[t])
        self.weights[t] = torch.zeros_like(self.weights[t])
        self.n_parameters[t] = 0

    def _keep(self, kept: list[int]) -> None:
        """Continue with these terms only."""
        functions = torch.isin(self.term_of, torch.tensor(kept, dtype=torch.int64))
        self.hessian = self.hessian[functions][:, functions]
        self.feature_sum = self.feature_sum[functions]
        self.term_of = self.term_of[functions]
        self.active = kept


def _inverse_diagonal(factor: Tensor) -> Tensor:
    """Return the diagonal of a matrix's inverse from its Cholesky factor."""
    # A third of the work of the whole inverse.
    inverse, _ = dtrtri(factor.numpy(), lower=1)
    return torch.from_numpy(np.square(inverse).sum(0))


def hessian_sums(terms: Sequence[DesignBlock], curvature: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sums over rows of ``curvature * x x'`` and of ``curvature * x``, features x."""
    feature_sums = torch.cat([term.feature_sums(curvature) for term in terms])
    n_codes = [len(term.table) for term in terms]
    code_starts = list(itertools.accumulate(n_codes, initial=0))
    starts = list(itertools.accumulate((t.table.shape[1] for t in terms), initial=0))
    # The cells of all terms, numbered from term to term, and the weights of the rows repeated.
    cells = torch.stack([t.cells + start for t, start in zip(terms, code_starts, strict=False)])
    weights = curvature.repeat(len(terms))
    hessian = torch.empty(starts[-1], starts[-1], dtype=torch.float64)
    for i, term in enumerate(terms):
        own = slice(starts[i], starts[i + 1])
        n_before = code_starts[i]
        if i:
            # The weight of each cell together with each cell of all terms before.
            joint = torch.bincount(
                (term.cells * n_before + cells[:i]).flatten(),
                weights[: i * len(curvature)],
                minlength=n_codes[i] * n_before,
            )
            joint = term.table.T @ joint.view(n_codes[i], n_before)
            blocks = torch.split(joint, n_codes[:i], dim=1)
            tables = [before.table for before in terms[:i]]
            row = torch.cat([b @ table for b, table in zip(blocks, tables, strict=True)], dim=1)
            hessian[own, : own.start] = row
            hessian[: own.start, own] = row.T
        hessian[own, own] = term.table.T @ (term.table * term.sum_by_cell(curvature)[:, None])
    return hessian, feature_sums


def marginal_likelihood_gain(term: DesignBlock, slope: Tensor, curvature: Tensor) -> float:
    """Return by how much a term would raise the log marginal likelihood of a fit.

    The loss is approximated as quadratic in the term's weights, with all other weights fixed. This
    is FAST of Lou et al. 2013 ("Accurate intelligible models with pairwise interactions") with a
    prior in place of its two cuts.

    Args:
        term: The candidate.
        slope: ``[N]``, first derivative of each row's loss by its logit.
        curvature: ``[N]``, second derivative.
    """
    gradient = term.feature_sums(slope)
    hessian = term.table.T @ (term.table * term.sum_by_cell(curvature)[:, None])
    best = float("-inf")
    for variance in TRIED_VARIANCES:
        whole = hessian * variance + torch.eye(len(gradient), dtype=torch.float64)
        factor = torch.linalg.cholesky(whole)
        solved = torch.cholesky_solve(gradient[:, None], factor)[:, 0]
        fits = variance / 2 * float(gradient @ solved)
        best = max(best, fits - float(factor.diagonal().log().sum()))
    return best

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
# Below this a term has no effect; above it a Gaussian prior is no restraint.
LEAST, MOST = 1e-6, 1e3
# A term with fewer effective parameters than this is left out of the rest of the search.
DEAD = 0.05
# The second derivative is summed anew when it has moved by this share.
MOVED = 0.05
# Longest step of a row's log-odds at a time.
LONGEST_STEP = 4.0


class CodedTerm(NamedTuple):
    """A term as rows have it: ``[N]`` int64 cells, and ``[n_codes, n_functions]`` float64."""

    cells: Tensor
    table: Tensor

    def of_rows(self, weights: Tensor) -> Tensor:
        """Return what the term adds to each row."""
        return (self.table @ weights)[self.cells]

    def sums(self, of_row: Tensor) -> Tensor:
        """Return the sums of a number of each row over the cells."""
        return torch.bincount(self.cells, of_row, minlength=len(self.table))


class MarginalFit(NamedTuple):
    """What a fit found of T terms.

    Attributes:
        weights: Of each term, one for each function.
        logit: ``[N]`` of the rows.
        variance: ``[T]``, prior variance of the weights.
        freedom: ``[T]``, effective number of parameters.
    """

    weights: list[Tensor]
    logit: Tensor
    variance: Tensor
    freedom: Tensor


def fit_marginal_likelihood(
    terms: Sequence[CodedTerm],
    label: Tensor,
    weight: Tensor,
    variance: Tensor,
    *,
    rounds: int,
    start: tuple[Sequence[Tensor], Tensor] | None = None,
) -> MarginalFit:
    """Fit all terms together, each shrunk as strongly as the rows ask for.

    A weight is Gaussian around 0 with the variance of its term; Newton steps on the weights take
    turns with steps on the variances, which climb the Laplace approximation of the marginal
    likelihood (MacKay 1992, "Bayesian interpolation"; for smooth terms Wood & Fasiolo 2017, "A
    generalized Fellner-Schall method"). A term without evidence dies. Sums over rows are taken by
    cell, and those of the second derivative only when it has moved: steps on an older one lead to
    the same point.

    Args:
        terms: T terms; they need not be centred, the intercept is fitted along.
        label: ``[N]`` float64.
        weight: ``[N]`` float64.
        variance: ``[T]`` float64 to begin with.
        rounds: Most steps.
        start: Weights of each term and the ``[N]`` logits they lead to; None begins with none.
    """
    n_terms = len(terms)
    sizes = [term.table.shape[1] for term in terms]
    rate = (label * weight).sum() / weight.sum()
    if start is None:
        weights = [torch.zeros(size, dtype=torch.float64) for size in sizes]
        logit = torch.logit(rate.clamp(1e-6, 1 - 1e-6)).expand(len(label)).clone()
    else:
        weights, logit = list(start[0]), start[1]
    # From nothing, the first variances say little.
    settled = 3 if start is None else 1
    variance, freedom = variance.clone(), torch.zeros(n_terms, dtype=torch.float64)
    alive = [t for t in range(n_terms) if sizes[t]]
    at = torch.tensor([t for t in alive for _ in range(sizes[t])])
    known_bend = None
    for step in range(rounds):
        if not alive:
            break
        chance = torch.sigmoid(logit)
        slope = (chance - label) * weight
        bend = (chance * (1 - chance)).clamp(min=1e-6) * weight
        here = [terms[t] for t in alive]
        if known_bend is None or (bend - known_bend).abs().sum() > MOVED * known_bend.sum():
            hessian, mean = hessian_of(here, bend)
            known_bend, total = bend, bend.sum()
            hessian -= torch.outer(mean, mean) / total
        beta = torch.cat([weights[t] for t in alive])
        gradient = torch.cat([term.table.T @ term.sums(slope) for term in here])
        gradient += beta / variance[at] - mean * slope.sum() / total
        factor = torch.linalg.cholesky(hessian + torch.diag(1 / variance[at]))
        change = -torch.cholesky_solve(gradient[:, None], factor)[:, 0]
        parts = torch.split(change, [sizes[t] for t in alive])
        moved = torch.stack([t.of_rows(p) for t, p in zip(here, parts, strict=True)]).sum(0)
        moved -= (slope.sum() + mean @ change) / total
        share = min(1.0, LONGEST_STEP / float(moved.abs().max()))
        logit = logit + share * moved
        for t, part in zip(alive, parts, strict=True):
            weights[t] = weights[t] + share * part
        # The variances.
        uncertain = torch.zeros(n_terms, dtype=torch.float64).index_add_(0, at, _spread(factor))
        worst = 0.0
        survivors = []
        for t in alive:
            free = max(sizes[t] - float(uncertain[t] / variance[t]), 1e-6)
            found = min(max(float(weights[t].square().sum()) / free, LEAST), MOST)
            growth = min(max(math.log(found / float(variance[t])), -3), 3)
            freedom[t], variance[t] = free, variance[t] * math.exp(growth)
            if step >= settled and free < DEAD and growth < 0:
                logit = logit - terms[t].of_rows(weights[t])
                weights[t], freedom[t] = torch.zeros_like(weights[t]), torch.zeros(())
                continue
            survivors.append(t)
            if free > 0.2:
                worst = max(worst, abs(growth))
        if len(survivors) < len(alive):
            kept = torch.isin(at, torch.tensor(survivors, dtype=torch.int64))
            hessian, mean, at = hessian[kept][:, kept], mean[kept], at[kept]
            alive = survivors
        if step > settled + 2 and worst < 0.1:
            break
    return MarginalFit(weights, logit, variance, freedom)


def _spread(factor: Tensor) -> Tensor:
    """Return the diagonal of a matrix's inverse from its Cholesky factor."""
    # A third of the work of the whole inverse.
    inverse, _ = dtrtri(factor.numpy(), lower=1)
    return torch.from_numpy(np.square(inverse).sum(0))


def hessian_of(terms: Sequence[CodedTerm], bend: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sums of ``bend * x x'`` and of ``bend * x`` over the rows' features x."""
    mean = [term.table.T @ term.sums(bend) for term in terms]
    sizes = [term.table.shape[1] for term in terms]
    ends = list(itertools.accumulate(sizes))
    n_codes = [len(term.table) for term in terms]
    first = list(itertools.accumulate(n_codes, initial=0))
    # A row's cells in all terms, counted on from term to term, and its weight, again and again.
    cells = torch.stack([t.cells + start for t, start in zip(terms, first, strict=False)])
    weights = bend.repeat(len(terms))
    found = torch.empty(ends[-1], ends[-1], dtype=torch.float64)
    for i, one in enumerate(terms):
        here = slice(ends[i] - sizes[i], ends[i])
        n_before = first[i]
        if i:
            # The weight of each cell together with each cell of all terms before.
            both = torch.bincount(
                (one.cells * n_before + cells[:i]).flatten(),
                weights[: i * len(bend)],
                minlength=n_codes[i] * n_before,
            )
            blocks = torch.split(one.table.T @ both.view(n_codes[i], n_before), n_codes[:i], dim=1)
            tables = [term.table for term in terms[:i]]
            row = torch.cat([b @ table for b, table in zip(blocks, tables, strict=True)], dim=1)
            found[here, : here.start] = row
            found[: here.start, here] = row.T
        found[here, here] = one.table.T @ (one.table * one.sums(bend)[:, None])
    return found, torch.cat(mean)


def gain(term: CodedTerm, slope: Tensor, bend: Tensor) -> float:
    """Return the log-evidence that a term would add to a fit, from one look at the rows.

    The loss is taken for quadratic in the term's weights, all others held. It is FAST of Lou et
    al. 2013 ("Accurate intelligible models with pairwise interactions") with a prior in place of
    its two cuts.

    Args:
        term: The candidate.
        slope: ``[N]``, first derivative of each row's loss by its logit.
        bend: ``[N]``, the second.
    """
    gradient = term.table.T @ term.sums(slope)
    hessian = term.table.T @ (term.table * term.sums(bend)[:, None])
    best = float("-inf")
    for variance in TRIED_VARIANCES:
        whole = hessian * variance + torch.eye(len(gradient), dtype=torch.float64)
        factor = torch.linalg.cholesky(whole)
        solved = torch.cholesky_solve(gradient[:, None], factor)[:, 0]
        fits = variance / 2 * float(gradient @ solved)
        best = max(best, fits - float(factor.diagonal().log().sum()))
    return best

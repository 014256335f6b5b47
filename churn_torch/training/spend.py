"""Fit the spend head: what customers who stay spend, learned from the training rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize
from torch import Tensor

from churn_torch.errors import InputError
from churn_torch.models.preprocessing.expansion import Expansion
from churn_torch.models.scorer import Scorer
from churn_torch.models.spend_head import SpendHead
from churn_torch.training.rows.batches import InOrder
from churn_torch.training.rows.materialize import Store
from churn_torch.training.rows.store import Part

Floats = npt.NDArray[np.float64]

# Penalties that are tried, strong to weak: each fit starts where the one before it ended.
PENALTIES = (1.0, 0.1, 0.01, 0.001, 0.0001)
# Most iterations of L-BFGS for one penalty.
MOST_ITERATIONS = 200
# Rows of a step: their features stay in a core's cache.
_CHUNK_ROWS = 8_192
# Rows of customers who stay that are picked out once, and kept for all passes.
_KEPT_ROWS = 200_000
# The smallest number of customers who stay from whom amounts can be learned.
FEWEST = 20


class SpendFit(NamedTuple):
    """How the spend head was fitted.

    Attributes:
        penalty: The L2 penalty with the smallest deviance on the validation rows.
        deviance: Mean Poisson deviance of the validation rows, and of the mean of the training rows
            in its place, both in units of the mean spend.
        n_rows: Training rows of customers who stay.
    """

    penalty: float
    deviance: tuple[float, float]
    n_rows: int


def fit_spend(scorer: Scorer, store: Store, spend: dict[str, Floats]) -> SpendFit:
    """Fit the scorer's spend head on the training rows of customers who stay.

    It is a regression with a log link and the likelihood of a Poisson distribution, which estimates
    the mean of amounts of any distribution without bias, and whose fitted total is the total of the
    rows (Gourieroux, Monfort & Trognon 1984, "Pseudo maximum likelihood methods: applications to
    Poisson models"). It is solved by L-BFGS in float64; the validation rows choose the penalty.

    Args:
        scorer: With a spend head; its other parts are not changed.
        store: The preprocessed rows of every part.
        spend: ``[n]`` of the training and validation rows, in their order; of customers who have
            left it is not looked at.

    Raises:
        InputError: Too few customers stay, or none of them spends anything.
    """
    head = scorer.spend
    assert isinstance(head, SpendHead)
    train, validation = (
        _Stayers(scorer, store.parts[part], spend[part]) for part in ("train", "validation")
    )
    for part, rows in (("training", train), ("validation", validation)):
        if rows.n < FEWEST or rows.total <= 0:
            raise InputError(
                "data.spend",
                expected=f"{FEWEST} or more {part} rows of customers who stay, some of whom spend",
                got=f"{rows.n} such rows with a total of {rows.total:g}",
                fix="check the column, or leave data.spend out",
            )
    scale = train.total / train.n
    best, parameters = np.inf, np.zeros(1 + train.n_features)
    chosen, ends, penalty = parameters, (0.0, 0.0), PENALTIES[0]
    for strength in PENALTIES:
        found = minimize(
            train.loss,
            parameters,
            args=(scale, strength),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": MOST_ITERATIONS},
        )
        parameters = found.x
        inside = train.log_range(parameters)
        deviance = validation.deviance(parameters, scale, inside)
        if deviance < best:
            best, chosen, ends, penalty = deviance, parameters, inside, strength
    low, high = ends
    with torch.no_grad():
        head.linear.bias.fill_(chosen[0] + np.log(scale))
        head.linear.weight.copy_(torch.from_numpy(chosen[1:]).float()[None])
        head.low.fill_(low + np.log(scale))
        head.high.fill_(high + np.log(scale))
    mean = validation.deviance(np.zeros_like(chosen), scale, (0.0, 0.0))
    return SpendFit(penalty, (best, mean), train.n)


class _Stayers:
    """The rows of customers who stay, with what they spent; many are read anew on every pass."""

    def __init__(self, scorer: Scorer, part: Part, spend: Floats) -> None:
        self._expansion = Expansion(scorer.preprocess)
        self.n_features = self._expansion.n_features
        self._part, self._spend = part, torch.from_numpy(spend)
        self.n, self.total = 0, 0.0
        for rows in InOrder(part):
            stays = rows.block.label == 0
            amounts = self._spend[rows.first_row :][: len(stays)][stays]
            self.n += len(amounts)
            self.total += float(amounts.sum())
        self._kept = [*self._read()] if self.n <= _KEPT_ROWS else None

    def _chunks(self) -> Iterable[tuple[Tensor, Tensor, Tensor]]:
        return self._read() if self._kept is None else self._kept

    def _read(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield dense numbers, codes and amounts."""
        for rows in InOrder(self._part):
            start = rows.first_row
            for block in rows.block.in_chunks(_CHUNK_ROWS):
                amounts = self._spend[start : start + len(block.label)]
                start += len(block.label)
                stays = block.label == 0
                if stays.any():
                    yield block.dense[stays], block.codes[stays], amounts[stays]

    def _logs(self, parameters: Floats) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        weight = torch.from_numpy(parameters[1:]).float()[:, None]
        for dense, codes, amounts in self._chunks():
            log = self._expansion.linear(dense, codes, weight)[:, 0].double() + parameters[0]
            yield dense, codes, amounts, log

    def loss(self, parameters: Floats, scale: float, penalty: float) -> tuple[float, Floats]:
        """Return the penalised mean of ``exp(log) - log * spend / scale`` and its gradient."""
        total, gradient = 0.0, np.zeros_like(parameters)
        for dense, codes, amounts, log in self._logs(parameters):
            expected, target = log.clamp(max=50).exp(), amounts / scale
            total += float((expected - log * target).sum())
            residual = expected - target
            gradient[0] += float(residual.sum())
            sums = self._expansion.sums(dense, codes, residual.float()[:, None])
            gradient[1:] += sums[:, 0].double().numpy()
        weights = parameters[1:]
        gradient = gradient / self.n
        gradient[1:] += penalty * weights
        return total / self.n + penalty / 2 * float(weights @ weights), gradient

    def log_range(self, parameters: Floats) -> tuple[float, float]:
        """Return the smallest and the largest logarithm of an expected amount."""
        low, high = np.inf, -np.inf
        for *_, log in self._logs(parameters):
            low, high = min(low, float(log.min())), max(high, float(log.max()))
        return low, high

    def deviance(self, parameters: Floats, scale: float, ends: tuple[float, float]) -> float:
        """Return the mean Poisson deviance, in units of ``scale``."""
        total = 0.0
        for *_, amounts, log in self._logs(parameters):
            log, target = log.clamp(*ends), amounts / scale
            term: Any = torch.special.xlogy(target, target) - target * log - target + log.exp()
            total += 2 * float(term.sum())
        return total / self.n

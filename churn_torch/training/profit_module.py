"""Gradient descent on expected profit: who is contacted, instead of who leaves, is learned."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from churn_torch.errors import InputError
from churn_torch.evaluation.log_loss import LogLoss
from churn_torch.models.scorer import Scorer
from churn_torch.training.module import ChurnModule
from churn_torch.training.rows.batches import InOrder, RowRange, rows_to_expand
from churn_torch.training.rows.store import Block, Part


class PayoffScale(NamedTuple):
    """What the payoffs of the training rows are measured by.

    Attributes:
        size: The mean absolute payoff, in money.
        break_even: Log-odds of churn at which a contact neither brings nor costs anything, if every
            contact that pays brought the same and every other one cost the same.
    """

    size: float
    break_even: float


class ProfitLoss(LogLoss):
    """Weighted mean of what the rows are expected to earn, negative; kept as `LogLoss` keeps it.

    Args:
        earned: Returns what each row earns, from its logit and its payoff.
    """

    def __init__(self, earned: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.earned = earned

    def update(self, logit: Tensor, payoff: Tensor, weight: Tensor | None = None) -> None:
        """Add a batch: logits, payoffs and weights, all of shape ``[N]``."""
        weight = torch.ones_like(payoff) if weight is None else weight
        self.n += weight.sum(dtype=torch.float64)
        loss = -self.earned(logit.detach(), payoff) * weight
        self.total += loss.sum(dtype=torch.float64)


class ProfitModule(ChurnModule):
    """Train a scorer's net to contact whom it pays to contact.

    The training loss is ``-mean(s * w * payoff) / size`` plus the penalties of `ChurnModule`, with
    the chance of being contacted ``w = sigmoid(logit - break_even)``, the sample weights s and the
    payoff of a contact: ``keep_rate * kept - leaver_cost`` of a customer who leaves and
    ``-stayer_cost`` of one who stays. Of a net with many members it is the mean of their losses.
    The validation loss is the same without penalties: the share of the mean absolute payoff that
    is earned, negative. The shift by the break-even starts a net whose logits are log-odds of churn
    at its most profitable threshold, and is no restriction, as nets have a bias.

    Source: Hoppner, Baesens, Verbeke & Verdonck 2022, "Instance-dependent cost-sensitive learning
    for detecting transfer fraud" (cslogit); for churn Stripling et al. 2018, "Profit maximizing
    logistic model for customer churn prediction using genetic algorithms" (ProfLogit).

    Args:
        scorer: As for `ChurnModule`.
        scale: Of the training rows (`payoff_scale`).
        keywords: As for `ChurnModule`.
    """

    monitor = "validation/profit_loss"

    def __init__(self, scorer: Scorer, *, scale: PayoffScale, **keywords: Any) -> None:
        super().__init__(scorer, positive_weight=1.0, **keywords)
        self.scale = scale
        self.validation_loss = ProfitLoss(self.earned)

    def earned(self, logit: Tensor, payoff: Tensor) -> Tensor:
        """Return what each row is expected to earn, ``[N]``, in mean absolute payoffs.

        Args:
            logit: ``[N]``, or ``[N, M]`` of an ensemble in training.
            payoff: ``[N]``.
        """
        contacted = torch.sigmoid(logit - self.scale.break_even)
        if logit.ndim == 2:
            contacted = contacted.mean(dim=1)
        return contacted * (payoff / self.scale.size)

    def summed_loss(self, logit: Tensor, rows: Block) -> Tensor:
        """Return the sum of the rows' losses."""
        assert rows.payoff is not None
        earned = self.earned(logit, rows.payoff)
        return -(earned if rows.weight is None else earned * rows.weight).sum()

    def validation_step(self, rows: RowRange, batch_idx: int) -> None:
        """Add one block to the validation loss."""
        chunk_rows = min(rows_to_expand(self.expansion.n_features), self.scorer.chunk_rows)
        for chunk in rows.block.in_chunks(chunk_rows):
            assert chunk.payoff is not None
            logit = self.kept_net(self.features(chunk))
            self.validation_loss.update(logit, chunk.payoff, chunk.weight)


def payoff_scale(train: Part) -> PayoffScale:
    """Return the scale of the payoffs of the training rows, by their weights.

    Raises:
        InputError: A contact pays for no row, or for every row, so that nothing can be learned.
    """
    sums, counts = torch.zeros(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    n_rows = 0.0
    for rows in InOrder(train):
        payoff = rows.block.payoff
        assert payoff is not None
        weight = torch.ones_like(payoff) if rows.block.weight is None else rows.block.weight
        weight, payoff = weight.double(), payoff.double()
        for i, those in enumerate((payoff > 0, payoff < 0)):
            sums[i] += (weight * payoff)[those].sum()
            counts[i] += weight[those].sum()
        n_rows += float(weight.sum())
    brought, cost = sums.abs().tolist()
    if not brought or not cost:
        raise InputError(
            "offer",
            expected="customers whom it pays to contact and others, for loss=profit",
            got=f"training rows of which it pays for {'none' if not brought else 'all'}",
            fix="check the offer's costs and data.value",
        )
    n_paying, n_costly = counts.tolist()
    break_even = math.log(cost / n_costly) - math.log(brought / n_paying)
    return PayoffScale((brought + cost) / n_rows, break_even)

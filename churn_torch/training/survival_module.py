"""Gradient descent on the likelihood of lifetimes: when customers leave, instead of whether."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from churn_torch.evaluation.log_loss import LogLoss
from churn_torch.models.nets.survival import Hazard, Survival
from churn_torch.models.scorer import CHUNK_ROWS, Scorer
from churn_torch.training.module import ChurnModule
from churn_torch.training.rows.batches import InOrder, RowRange, rows_to_expand
from churn_torch.training.rows.store import Block, Part


class LifetimeLoss(LogLoss):
    """Weighted mean of losses of rows, which is kept as `LogLoss` keeps its own."""

    def update(self, loss: Tensor, label: Tensor, weight: Tensor | None = None) -> None:
        """Add a batch: losses, labels (not looked at) and weights, all of shape ``[N]``."""
        weight = torch.ones_like(label) if weight is None else weight
        self.n += weight.sum(dtype=torch.float64)
        self.total += (loss.detach() * weight).sum(dtype=torch.float64)


class SurvivalModule(ChurnModule):
    """Train a net and its baseline hazards.

    The training loss is ``mean(s * L)`` plus the penalties of `ChurnModule`, with the sample
    weights s and the negative log-likelihood L of a customer: the cross-entropy of the
    person-periods in which the customer was observed, in sum. The baselines are not penalised. The
    validation loss is the same without penalties.

    Args:
        scorer: As for `ChurnModule`.
        keywords: As for `ChurnModule`.
    """

    def __init__(self, scorer: Scorer, **keywords: Any) -> None:
        super().__init__(scorer, positive_weight=1.0, **keywords)
        self.validation_loss = LifetimeLoss()

    def summed_loss(self, logit: Tensor, rows: Block) -> Tensor:
        """Return the sum of the rows' losses."""
        assert isinstance(self.learner, Survival)
        loss = row_losses(self.learner.hazard, logit, rows)
        return (loss if rows.weight is None else loss * rows.weight).sum()

    def validation_step(self, rows: RowRange, batch_idx: int) -> None:
        """Add one block to the validation loss."""
        assert isinstance(self.kept_net, Survival)
        add_losses(self, self.kept_net, rows)


def row_losses(hazard: Hazard, risk: Tensor, rows: Block) -> Tensor:
    """Return the negative log-likelihood of each row, ``[N]``."""
    assert rows.entry is not None
    assert rows.last is not None
    return hazard.loss(risk, rows.entry, rows.last, rows.label)


def add_losses(module: Any, net: Survival, rows: RowRange) -> None:
    """Add one block to a module's validation loss."""
    chunk_rows = min(rows_to_expand(module.expansion.n_features), CHUNK_ROWS)
    for chunk in rows.block.in_chunks(chunk_rows):
        loss = row_losses(net.hazard, net(module.features(chunk)), chunk)
        module.validation_loss.update(loss, chunk.label, chunk.weight)


@torch.no_grad()
def start_baseline(hazard: Hazard, train: Part) -> None:
    """Set the baselines to the hazards of all training rows together."""
    n_left = torch.zeros_like(hazard.baseline, dtype=torch.float64)
    n_seen = torch.zeros_like(n_left)
    for rows in InOrder(train):
        for block in rows.block.in_chunks(CHUNK_ROWS):
            assert block.entry is not None
            assert block.last is not None
            weight = block.label.new_ones(1) if block.weight is None else block.weight
            left = hazard.left_in(block.last, block.label) * weight.unsqueeze(1)
            seen = hazard.exposure(block.entry, block.last) * weight.unsqueeze(1)
            n_left += left.sum(0, dtype=torch.float64)
            n_seen += seen.sum(0, dtype=torch.float64)
    rate = (n_left / n_seen.clamp(min=1e-9)).clamp(1e-6, 1 - 1e-6)
    hazard.baseline.copy_(torch.logit(rate))

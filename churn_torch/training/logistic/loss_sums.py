"""Sums of the logistic loss over blocks of rows, for many linear models in one read."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from churn_torch.models.preprocessing.expansion import Expansion
from churn_torch.training.rows.store import Block


@dataclass
class LogisticSums:
    """Sums over rows for P linear models, in float64.

    A model learns from all rows but those of its own fold, which are held out.

    Attributes:
        loss: ``[P]``, weighted cross-entropy of the rows learned from, in nats.
        gradient: ``[n_features + 1, P]``, of that loss; the intercept is last.
        n_rows: ``[P]``, rows learned from, each counted by its sample weight.
        n_wrong: ``[P]``, rows learned from with a probability of 0.5 or less for their own class;
            rows without weight do not count.
        held_loss: ``[P]``, cross-entropy of the rows held out, by their sample weights alone.
        n_held: ``[P]``, rows held out, each counted by its sample weight.
    """

    loss: Tensor
    gradient: Tensor
    n_rows: Tensor
    n_wrong: Tensor
    held_loss: Tensor
    n_held: Tensor

    @classmethod
    def zeros(cls, n_features: int, n_models: int, device: torch.device) -> LogisticSums:
        """Return sums over no rows."""

        def zeros(*size: int) -> Tensor:
            return torch.zeros(*size, n_models, dtype=torch.float64, device=device)

        return cls(zeros(), zeros(n_features + 1), zeros(), zeros(), zeros(), zeros())

    def flat(self) -> Tensor:
        """Return all sums as one matrix of P columns, to be added up over processes."""
        rows = (self.loss, self.n_rows, self.n_wrong, self.held_loss, self.n_held)
        return torch.cat([torch.stack(rows), self.gradient])

    @classmethod
    def from_flat(cls, flat: Tensor) -> LogisticSums:
        """Return the sums from the matrix of `flat`."""
        loss, n_rows, n_wrong, held_loss, n_held = flat[:5]
        return cls(loss, flat[5:], n_rows, n_wrong, held_loss, n_held)

    def __iadd__(self, other: LogisticSums) -> LogisticSums:
        """Add the sums over other rows."""
        for name, value in vars(other).items():
            getattr(self, name).add_(value)
        return self

    def add(
        self,
        expansion: Expansion,
        rows: Block,
        weight: Tensor,
        *,
        positive_weight: float,
        held_out: Tensor | None = None,
    ) -> None:
        """Add the rows of a block.

        Args:
            expansion: From compact rows to features.
            rows: N compact rows.
            weight: ``[n_features + 1, P]`` float32, the intercept last.
            positive_weight: Weight of a positive row in the loss, besides its sample weight.
            held_out: ``[N, P]``, true where a model does not learn from a row; None for nowhere.
        """
        logit = expansion.linear(rows.dense, rows.codes, weight[:-1]) + weight[-1]
        sign = (1 - 2 * rows.label).unsqueeze(1)
        margin = sign * logit  # below zero where the model is right
        loss = softplus(margin)
        residual = torch.sigmoid(margin) * sign
        wrong = margin >= 0
        n_rows: Tensor | int = len(rows.label)
        if rows.weight is not None:
            row_weight = rows.weight.unsqueeze(1)
            loss, residual = loss * row_weight, residual * row_weight
            wrong = wrong & (row_weight > 0)
            n_rows = rows.weight.sum(dtype=torch.float64)
        if held_out is None:
            self.n_rows += n_rows
        else:
            self.held_loss += torch.where(held_out, loss, 0).sum(0, dtype=torch.float64)
            held = held_out if rows.weight is None else held_out * row_weight
            n_held = held.sum(0, dtype=torch.float64)
            self.n_held += n_held
            self.n_rows += n_rows - n_held
            learned = ~held_out
            loss, residual, wrong = loss * learned, residual * learned, wrong & learned
        if positive_weight != 1:
            row_weight = (1 + (positive_weight - 1) * rows.label).unsqueeze(1)
            loss, residual = loss * row_weight, residual * row_weight
        self.n_wrong += wrong.sum(0)
        self.loss += loss.sum(0, dtype=torch.float64)
        self.gradient[:-1] += expansion.sums(rows.dense, rows.codes, residual)
        self.gradient[-1] += residual.sum(0, dtype=torch.float64)


def hessian_sum(
    expansion: Expansion, rows: Block, weight: Tensor, *, positive_weight: float, chunk_rows: int
) -> Tensor:
    """Return the Hessian of the summed loss of one model, ``[n_features + 1] * 2`` float64.

    Args:
        expansion: From compact rows to features.
        rows: N compact rows.
        weight: ``[n_features + 1]`` float32, the intercept last.
        positive_weight: Weight of a positive row in the loss, besides its sample weight.
        chunk_rows: Rows expanded at once.
    """
    n = len(weight)
    total = torch.zeros(n, n, dtype=torch.float64, device=weight.device)
    for chunk in rows.in_chunks(chunk_rows):
        x = expansion(chunk.dense, chunk.codes)
        x = torch.cat([x, x.new_ones(len(x), 1)], dim=1)
        total += x.T @ (x * curvature(x @ weight, chunk, positive_weight).unsqueeze(1))
    return total


def curvature(logit: Tensor, rows: Block, positive_weight: float) -> Tensor:
    """Return the second derivative of each row's weighted loss by its logit, all ``[N]``."""
    probability = torch.sigmoid(logit)
    second = probability * (1 - probability) * (1 + (positive_weight - 1) * rows.label)
    return second if rows.weight is None else second * rows.weight

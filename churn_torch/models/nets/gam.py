"""Generalised additive model: one small net for each column, no interactions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from churn_torch.errors import InputError
from churn_torch.models.nets.mlp import ACTIVATIONS, choose


class GAM(nn.Module):
    """A sum of small nets, one for each column, so the effect of each column is known exactly.

    Each net has one hidden layer. All nets are computed at once: the matrix of the first layer has
    zeros between the features of a column and the units of the others.
    Source: Agarwal et al. 2021, "Neural additive models".

    Args:
        n_features: Width of the model-space row.
        columns: The positions of the features of each column; None makes each feature a column.
        width: Hidden units of a column.
        dropout: Share of units dropped in training, in [0, 1).
        activation: One of `churn_torch.models.nets.mlp.ACTIVATIONS`.

    Shape:
        ``[N, n_features]`` float32 to ``[N]`` float32 logits.

    Raises:
        InputError: A size is out of range, or a choice is unknown.
    """

    def __init__(
        self,
        *,
        n_features: int,
        columns: Sequence[Sequence[int]] | None = None,
        width: int = 32,
        dropout: float = 0.1,
        activation: str = "silu",
    ) -> None:
        super().__init__()
        if width < 1 or not 0 <= dropout < 1:
            raise InputError(
                "model",
                expected="width >= 1 and 0 <= dropout < 1",
                got=f"width={width}, dropout={dropout}",
            )
        choose("activation", activation, ACTIVATIONS)
        features = [[i] for i in range(n_features)] if columns is None else columns
        self.shape = (len(features), width)
        own = torch.zeros(n_features, *self.shape)
        for column, made_of in enumerate(features):
            own[list(made_of), column] = 1
        own = own.flatten(1)
        self.register_buffer("own", own, persistent=False)
        bound = 1 / own.sum(0).clamp(min=1).sqrt()
        self.weight = nn.Parameter((torch.rand(own.shape) * 2 - 1) * bound * own)
        self.bias = nn.Parameter((torch.rand(own.shape[1]) * 2 - 1) * bound)
        self.activation = ACTIVATIONS[activation]()
        self.dropout = nn.Dropout(dropout)
        self.head_weight = nn.Parameter((torch.rand(self.shape) * 2 - 1) / own.shape[1] ** 0.5)
        self.intercept = nn.Parameter(torch.zeros(1))

    def contributions(self, x: Tensor) -> Tensor:
        """Return what each column adds to the logit, ``[N, n_columns]``."""
        units = x @ (self.weight * self.get_buffer("own")) + self.bias
        units = self.dropout(self.activation(units)).unflatten(1, self.shape)
        added: Tensor = (units * self.head_weight).sum(2)
        return added

    def forward(self, x: Tensor) -> Tensor:
        """Return one logit a row."""
        logit: Tensor = self.contributions(x).sum(1) + self.intercept
        return logit

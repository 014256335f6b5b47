"""TabM: an ensemble of multilayer perceptrons that share their weight matrices."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from churn_torch.errors import InputError
from churn_torch.models.nets.embeddings import embedded
from churn_torch.models.nets.ensemble import log_odds_of_mean
from churn_torch.models.nets.mlp import ACTIVATIONS, choose


class SharedLinear(nn.Module):
    """A linear layer with one weight matrix for all members, and scales and biases for each.

    ``out_k = (x_k * in_scale_k) @ weight * out_scale_k + bias_k``.
    Source: Wen, Tran & Ba 2020, "BatchEnsemble".

    Args:
        n_members: Members.
        d_in: Inputs.
        d_out: Outputs.
        first: Initialise the input scales with random signs, so that members differ from the start.

    Shape:
        ``[K, N, d_in]``, or ``[N, d_in]`` for all members, to ``[K, N, d_out]``.
    """

    def __init__(self, *, n_members: int, d_in: int, d_out: int, first: bool) -> None:
        super().__init__()
        bound = 1 / math.sqrt(d_in)
        signs = torch.randint(0, 2, (n_members, 1, d_in)) * 2.0 - 1.0
        self.weight = nn.Parameter(torch.empty(d_in, d_out).uniform_(-bound, bound))
        self.in_scale = nn.Parameter(signs if first else torch.ones_like(signs))
        self.out_scale = nn.Parameter(torch.ones(n_members, 1, d_out))
        self.bias = nn.Parameter(torch.empty(n_members, 1, d_out).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs of each member."""
        return (x * self.in_scale) @ self.weight * self.out_scale + self.bias


class TabM(nn.Module):
    """An ensemble of multilayer perceptrons with little more weights than one of them.

    Members share each hidden layer's matrix and differ by scales, biases and their last layer.
    Each learns from every row with its own loss; the prediction is their mean probability.
    Source: Gorishniy, Kotelnikov & Babenko 2024, "TabM: advancing tabular deep learning with
    parameter-efficient ensembling".

    Args:
        n_features: Width of the model-space row.
        n_numbers: How many of its first features are numbers; None means all.
        n_members: Members of the ensemble.
        width: Units in each hidden layer.
        depth: Number of hidden layers; 0 is a linear model.
        dropout: Share of units dropped in training, in [0, 1).
        activation: One of `churn_torch.models.nets.mlp.ACTIVATIONS`.
        n_frequencies: Frequencies of the embedding of each number (`Periodic`); 0 for no embedding.
        frequency_scale: Standard deviation of the initial frequencies.

    Shape:
        ``[N, n_features]`` float32 to ``[N]`` float32 logits; in training to ``[N, n_members]``.

    Raises:
        InputError: A size is out of range, or a choice is unknown.
    """

    def __init__(
        self,
        *,
        n_features: int,
        n_numbers: int | None = None,
        n_members: int = 16,
        width: int = 128,
        depth: int = 2,
        dropout: float = 0.3,
        activation: str = "silu",
        n_frequencies: int = 16,
        frequency_scale: float = 0.1,
    ) -> None:
        super().__init__()
        if n_members < 1 or width < 1 or depth < 0 or not 0 <= dropout < 1:
            raise InputError(
                "model",
                expected="n_members >= 1, width >= 1, depth >= 0 and 0 <= dropout < 1",
                got=f"n_members={n_members}, width={width}, depth={depth}, dropout={dropout}",
            )
        choose("activation", activation, ACTIVATIONS)
        self.embed, n_features = embedded(n_features, n_numbers, n_frequencies, frequency_scale)
        sizes = [n_features, *[width] * depth]
        self.layers = nn.ModuleList(
            SharedLinear(n_members=n_members, d_in=sizes[i], d_out=sizes[i + 1], first=i == 0)
            for i in range(depth)
        )
        self.activation = ACTIVATIONS[activation]()
        self.dropout = nn.Dropout(dropout)
        bound = 1 / math.sqrt(sizes[-1])
        self.head = nn.Parameter(torch.empty(sizes[-1], n_members).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(n_members))

    def each(self, x: Tensor) -> Tensor:
        """Return the logits of each member, ``[N, n_members]``."""
        x = self.embed(x)
        for layer in self.layers:
            x = self.dropout(self.activation(layer(x)))
        if not len(self.layers):
            return x @ self.head + self.bias
        return (x @ self.head.mT.unsqueeze(2)).squeeze(2).mT + self.bias

    def forward(self, x: Tensor) -> Tensor:
        """Return one logit for each row; in training one for each member."""
        logits = self.each(x)
        return logits if self.training else log_odds_of_mean(logits)

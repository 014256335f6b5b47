"""Multilayer perceptrons on model-space features, plain and residual."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from churn_torch.errors import InputError, suggest
from churn_torch.models.nets.embeddings import embedded

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "selu": nn.SELU,
    "tanh": nn.Tanh,
}


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation that uses the running statistics for a batch of one row.

    One row has no variance of its own.
    """

    running_mean: Tensor
    running_var: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Return normalised rows."""
        if self.training and x.shape[0] > 1:
            return super().forward(x)
        # Plain arithmetic, because its gradient can be exported.
        scale = self.weight / torch.sqrt(self.running_var + self.eps)
        return (x - self.running_mean) * scale + self.bias


NORMALIZATIONS: dict[str, type[nn.Module]] = {
    "none": nn.Identity,
    "batch": BatchNorm,
    "layer": nn.LayerNorm,
}


class MLP(nn.Module):
    """A stack of equal-width blocks with one logit at the end.

    A block is linear, normalisation, activation, dropout; with ``residual`` it becomes the
    pre-norm residual block of the tabular ResNet (Gorishniy et al. 2021): the block's output is
    added to its input, after a first linear layer that brings the row to ``width``.

    Args:
        n_features: Width of the model-space row.
        n_numbers: How many of its first features are numbers; None means all.
        width: Units in each hidden layer.
        depth: Number of hidden blocks; 0 is a linear model.
        dropout: Share of units dropped in training, in [0, 1).
        activation: One of ``ACTIVATIONS``.
        normalization: One of ``NORMALIZATIONS``.
        residual: Add each block's input to its output.
        n_frequencies: Frequencies of the embedding of each number (`Periodic`); 0 for no embedding.
        frequency_scale: Standard deviation of the initial frequencies.

    Shape:
        ``[N, n_features]`` float32 to ``[N]`` float32 logits.

    Raises:
        InputError: A size is out of range, or a choice is unknown.
    """

    def __init__(
        self,
        *,
        n_features: int,
        n_numbers: int | None = None,
        width: int = 128,
        depth: int = 2,
        dropout: float = 0.3,
        activation: str = "silu",
        normalization: Literal["none", "batch", "layer"] = "none",
        residual: bool = False,
        n_frequencies: int = 16,
        frequency_scale: float = 0.1,
    ) -> None:
        super().__init__()
        if width < 1 or depth < 0 or not 0 <= dropout < 1:
            raise InputError(
                "model",
                expected="width >= 1, depth >= 0 and 0 <= dropout < 1",
                got=f"width={width}, depth={depth}, dropout={dropout}",
            )
        choose("activation", activation, ACTIVATIONS)
        choose("normalization", normalization, NORMALIZATIONS)
        if normalization == "layer" and width == 1 and depth:
            raise InputError(
                "model.width",
                expected="2 or more with normalization=layer",
                got="1, and one unit normalised by itself is the same for every row",
                fix="raise model.width, or set model.normalization=batch",
            )
        self.embed, n_features = embedded(n_features, n_numbers, n_frequencies, frequency_scale)
        self.residual = residual
        self.stem = nn.Linear(n_features, width) if residual else nn.Identity()
        self.blocks = nn.ModuleList()
        d_in = width if residual else n_features
        for _ in range(depth):
            if residual:
                norm = _normalization(normalization, d_in)
                layers = [norm, nn.Linear(d_in, width), ACTIVATIONS[activation]()]
            else:
                norm = _normalization(normalization, width)
                layers = [nn.Linear(d_in, width), norm, ACTIVATIONS[activation]()]
            self.blocks.append(nn.Sequential(*layers, nn.Dropout(dropout)))
            d_in = width
        self.head = nn.Linear(d_in, 1)

    def hidden(self, x: Tensor) -> Tensor:
        """Return the units before the last layer, ``[N, n_hidden]``."""
        x = self.embed(x)
        x = self.stem(x)
        for block in self.blocks:
            x = x + block(x) if self.residual else block(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        """Return one logit a row."""
        logit: Tensor = self.head(self.hidden(x)).squeeze(1)
        return logit


def _normalization(name: str, width: int) -> nn.Module:
    return nn.Identity() if name == "none" else NORMALIZATIONS[name](width)


def choose(key: str, value: str, choices: dict[str, type[nn.Module]]) -> None:
    """Check that a word is one of the choices of a key.

    Raises:
        InputError: It is unknown; the message names the nearest choice.
    """
    if value not in choices:
        raise InputError(
            f"model.{key}",
            expected=f"one of {', '.join(choices)}",
            got=f"{value!r}{suggest(value, choices)}",
        )

"""Embeddings of numbers that are learned with the net.

The encoding that is not learned is `churn_torch.models.preprocessing.piecewise_linear`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from churn_torch.errors import InputError


class Periodic(nn.Module):
    """Add an embedding of each number to the features: waves of learned frequencies, mixed.

    ``silu(concat(cos(2 pi f z), sin(2 pi f z)) @ weight + bias)`` for each number z. The source
    uses relu, whose kinks would need many points in the integral of the reasons.
    Source: Gorishniy, Rubachev & Babenko 2022, "On embeddings for numerical features in tabular
    deep learning" (PLR).

    Args:
        n_numbers: How many of the first features are numbers.
        n_frequencies: Frequencies of a number; also the length of its embedding.
        scale: Standard deviation of the initial frequencies, in turns per unit of z.

    Shape:
        ``[N, n_features]`` to ``[N, n_features + n_numbers * n_frequencies]``.
    """

    def __init__(self, *, n_numbers: int, n_frequencies: int, scale: float) -> None:
        super().__init__()
        self.frequency = nn.Parameter(torch.randn(n_numbers, n_frequencies) * scale)
        bound = 1 / math.sqrt(2 * n_frequencies)
        shape = (n_numbers, 2 * n_frequencies, n_frequencies)
        self.weight = nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(n_numbers, n_frequencies).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """Return the features and the embeddings of each row."""
        # No einsum: it reshapes, which would fix the number of rows in the exported file. Rows are
        # the last axis, so that only matrices are transposed: onnxruntime-web divides by zero when
        # it transposes more than two axes of no rows. Contiguous tensors save a tenth of the time.
        z = x[:, : len(self.frequency)].t().contiguous().unsqueeze(1)
        angle = z * (2 * math.pi * self.frequency).unsqueeze(2)
        waves = torch.cat([angle.cos(), angle.sin()], dim=1)
        mixed = torch.bmm(self.weight.transpose(1, 2), waves).flatten(0, 1).t().contiguous()
        return torch.cat([x, silu(mixed + self.bias.flatten())], dim=1)


def embedded(
    n_features: int, n_numbers: int | None, n_frequencies: int, scale: float
) -> tuple[nn.Module, int]:
    """Return `Periodic` for the first features, or the identity, and the number of its outputs.

    Args:
        n_features: Width of the model-space row.
        n_numbers: How many of its first features are numbers; None means all.
        n_frequencies: As for `Periodic`; 0 leaves the features as they are.
        scale: As for `Periodic`.

    Raises:
        InputError: A choice is out of range.
    """
    if n_frequencies < 0 or scale <= 0:
        raise InputError(
            "model",
            expected="n_frequencies >= 0 and frequency_scale > 0",
            got=f"n_frequencies={n_frequencies}, frequency_scale={scale}",
        )
    n_numbers = n_features if n_numbers is None else n_numbers
    if not n_frequencies or not n_numbers:
        return nn.Identity(), n_features
    net = Periodic(n_numbers=n_numbers, n_frequencies=n_frequencies, scale=scale)
    return net, n_features + n_numbers * n_frequencies

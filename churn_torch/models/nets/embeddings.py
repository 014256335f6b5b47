"""Embeddings of numbers, learned with the net (the fixed one is `churn_torch.models.ramps`)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class Periodic(nn.Module):
    """Waves of learned frequencies, mixed for each number by itself.

    ``relu(concat(cos(2 pi f z), sin(2 pi f z)) @ weight + bias)`` for each number z.
    Source: Gorishniy, Rubachev & Babenko 2022, "On embeddings for numerical features in tabular
    deep learning" (PLR).

    Args:
        n_numbers: Numbers a row.
        n_frequencies: Frequencies of a number; also the length of its embedding.
        scale: Standard deviation of the first frequencies, in turns per unit of z.

    Shape:
        ``[N, n_numbers]`` to ``[N, n_numbers * n_frequencies]``.
    """

    def __init__(self, *, n_numbers: int, n_frequencies: int, scale: float) -> None:
        super().__init__()
        self.frequency = nn.Parameter(torch.randn(n_numbers, n_frequencies) * scale)
        bound = 1 / math.sqrt(2 * n_frequencies)
        shape = (n_numbers, 2 * n_frequencies, n_frequencies)
        self.weight = nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(n_numbers, n_frequencies).uniform_(-bound, bound))

    def forward(self, z: Tensor) -> Tensor:
        """Return the embedding of each row."""
        angle = 2 * math.pi * z.unsqueeze(2) * self.frequency
        waves = torch.cat([angle.cos(), angle.sin()], dim=2)
        mixed = torch.einsum("nfw,fwd->nfd", waves, self.weight) + self.bias
        return torch.relu(mixed).flatten(1)

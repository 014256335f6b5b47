"""The spend head: what a customer who stays is expected to spend."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SpendHead(nn.Module):
    """The expected spend of customers who stay: the exponential of one linear layer.

    The logarithm of the expected spend is kept between the smallest and the largest of the rows
    that it was fitted on, so that an odd row cannot be worth more than any customer who was seen.

    Args:
        n_features: Width of the model-space row.

    Shape:
        ``[N, n_features]`` float32 to ``[N]`` float32 amounts, above 0.
    """

    low: Tensor
    high: Tensor

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.linear = nn.Linear(n_features, 1)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        self.register_buffer("low", torch.zeros(()))
        self.register_buffer("high", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Return the expected spend of each row."""
        log: Tensor = self.linear(x).squeeze(1)
        return torch.exp(torch.minimum(torch.maximum(log, self.low), self.high))

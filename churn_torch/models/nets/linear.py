"""Logistic regression as a net: one linear layer whose output is the log-odds."""

from __future__ import annotations

from torch import Tensor, nn


class Linear(nn.Module):
    """One ``nn.Linear``; with binary cross-entropy it is logistic regression (Cox 1958).

    The weights start at zero. The problem is convex, so the start does not change the optimum, and
    the weight of a feature that never varies stays zero.

    Args:
        n_features: Width of the model-space row.

    Shape:
        ``[N, n_features]`` float32 to ``[N]`` float32 logits.
    """

    def __init__(self, *, n_features: int) -> None:
        super().__init__()
        self.linear = nn.Linear(n_features, 1)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return one logit a row."""
        logit: Tensor = self.linear(x).squeeze(1)
        return logit

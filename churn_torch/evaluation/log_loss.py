"""The loss that training watches; `SplitMetrics` has the metrics of a finished model."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid
from torchmetrics import Metric


class LogLoss(Metric):
    """Weighted mean of the binary cross-entropy of all rows, from logits.

    It keeps sums instead of the means of batches, so uneven batches and several processes give the
    value of the whole split.
    """

    is_differentiable = False
    higher_is_better = False
    full_state_update = False
    total: Tensor
    n: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("n", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, logit: Tensor, label: Tensor, weight: Tensor | None = None) -> None:
        """Add a batch: logits, labels (1 churned, 0 not) and weights, all of shape ``[N]``."""
        logit = logit.detach()
        if logit.dtype.itemsize < 4:
            logit = logit.float()
        # The logit of the class that happened: one function a row, exact also for a loss near 0.
        # A row's loss needs no more digits than its logit; the sum of many rows does.
        right = (2 * label.to(logit.dtype) - 1) * logit
        loss = -logsigmoid(right)
        if weight is None:
            self.n += label.numel()
        else:
            loss = loss * weight
            self.n += weight.sum(dtype=torch.float64)
        self.total += loss.sum(dtype=torch.float64)

    def compute(self) -> Tensor:
        """Return the mean over all rows, a float64 scalar."""
        return self.total / self.n

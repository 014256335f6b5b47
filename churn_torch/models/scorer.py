"""The scorer: preprocessing, net and calibrator, exported and explained as one module."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from churn_torch.models.calibration import Calibrator
from churn_torch.models.preprocessing.preprocess import Columns, Preprocess

# Rows scored at once: few enough for a net with many members, enough that per-call costs are small.
CHUNK_ROWS = 8_192


class Scorer(nn.Module):
    """Typed columns to a calibrated churn probability.

    ``probability = sigmoid(calibrator(net(preprocess(columns)) - prior_shift))``, where
    ``prior_shift`` is the log of the positive class weight used in training: weighting the
    positives by w multiplies the fitted odds by w, and the shift divides them back to the true
    base rate (Elkan 2001, "The foundations of cost-sensitive learning").

    ``baseline`` is the mean training row in model space; reasons are measured from it.

    Args:
        preprocess: Typed columns to model space.
        net: ``[N, n_features]`` to ``[N]`` logits.
        calibrator: ``[N]`` logits to ``[N]`` calibrated logits.

    Shape:
        Columns of N rows to ``[N]`` float32 probabilities.
    """

    prior_shift: Tensor
    baseline: Tensor

    def __init__(self, preprocess: Preprocess, net: nn.Module, calibrator: Calibrator) -> None:
        super().__init__()
        self.preprocess = preprocess
        self.net = net
        self.calibrator = calibrator
        self.register_buffer("prior_shift", torch.zeros(()))
        self.register_buffer("baseline", torch.zeros(preprocess.n_features))

    def raw_logit(self, float32: Tensor, float64: Tensor, codes: Tensor) -> Tensor:
        """Return the logit of the net, which the training loss is computed from."""
        logit: Tensor = self.net(self.preprocess(float32, float64, codes))
        return logit

    def forward(self, float32: Tensor, float64: Tensor, codes: Tensor) -> Tensor:
        """Return calibrated probabilities."""
        return self.calibrated(self.raw_logit(float32, float64, codes))

    def calibrated(self, raw_logit: Tensor) -> Tensor:
        """Return the calibrated probabilities of raw logits, ``[N]`` to ``[N]``."""
        return torch.sigmoid(self.calibrator(raw_logit - self.prior_shift))

    @torch.no_grad()
    def score(self, columns: Columns) -> Tensor:
        """Return calibrated probabilities of any number of rows, chunk by chunk."""
        was_training = self.training
        self.eval()
        parts = [self(*chunk) for chunk in columns.in_chunks(CHUNK_ROWS)]
        self.train(was_training)
        return torch.cat(parts)

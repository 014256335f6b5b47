"""The scorer: preprocessing, net and calibrator, exported and explained as one module."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from churn_torch.models.calibration import Calibrator
from churn_torch.models.nets.uplift import Uplift, treated_logit
from churn_torch.models.preprocessing.preprocess import Columns, Preprocess
from churn_torch.models.spend_head import SpendHead

# Rows scored at once: few enough for a net with many members, enough that per-call costs are small.
CHUNK_ROWS = 8_192
# Events scored at once, of rows with sequences.
CHUNK_EVENTS = 131_072


class Scorer(nn.Module):
    """Typed columns to a calibrated churn probability.

    ``probability = sigmoid(calibrator(net(preprocess(columns)) - prior_shift))``, where
    ``prior_shift`` is the log of the positive class weight used in training: weighting the
    positives by w multiplies the fitted odds by w, and the shift divides them back to the true
    base rate (Elkan 2001, "The foundations of cost-sensitive learning").

    ``baseline`` is the mean training row in model space; reasons are measured from it.

    A scorer with an ``effect`` gives the probability of customers who are not contacted, and
    `uplift`, by how much a contact lowers it. A scorer with a ``spend`` also gives
    `expected_spend`, what a customer who stays will spend.

    Args:
        preprocess: Typed columns to model space.
        net: ``[N, n_features]`` to ``[N]`` logits.
        calibrator: ``[N]`` logits to ``[N]`` calibrated logits.
        effect: What a contact adds to the logit of the net (`Uplift`); None where that was not
            learned.
        spend: `SpendHead`; None where that was not learned.

    Shape:
        Columns of N rows to ``[N]`` float32 probabilities.
    """

    prior_shift: Tensor
    baseline: Tensor

    def __init__(
        self,
        preprocess: Preprocess,
        net: nn.Module,
        calibrator: Calibrator,
        effect: nn.Module | None = None,
        spend: SpendHead | None = None,
    ) -> None:
        super().__init__()
        self.preprocess = preprocess
        self.net = net
        self.calibrator = calibrator
        self.effect = effect
        self.spend = spend
        self.register_buffer("prior_shift", torch.zeros(()))
        self.register_buffer("baseline", torch.zeros(preprocess.n_features))

    def raw_logit(
        self, float32: Tensor, float64: Tensor, codes: Tensor, sequences: Tensor | None = None
    ) -> Tensor:
        """Return the logit of the net, which the training loss is computed from."""
        logit: Tensor = self.net(self.preprocess(float32, float64, codes, sequences))
        return logit

    def forward(
        self, float32: Tensor, float64: Tensor, codes: Tensor, sequences: Tensor | None = None
    ) -> Tensor:
        """Return calibrated probabilities."""
        return self.calibrated(self.raw_logit(float32, float64, codes, sequences))

    def calibrated(self, raw_logit: Tensor) -> Tensor:
        """Return the calibrated probabilities of raw logits, ``[N]`` to ``[N]``."""
        return torch.sigmoid(self.calibrator(raw_logit - self.prior_shift))

    @property
    def chunk_rows(self) -> int:
        """How many rows are scored at once."""
        n_events = sum(layout.last for layout in self.preprocess.sequence_layouts)
        return max(1, min(CHUNK_ROWS, CHUNK_EVENTS // max(1, n_events)))

    @property
    def learner(self) -> nn.Module:
        """What is trained: the net, or `Uplift` around it."""
        return self.net if self.effect is None else Uplift(self.net, self.effect)

    def uplift(self, x: Tensor, probability: Tensor) -> Tensor:
        """Return by how much a contact lowers the probability of churn, ``[N]``.

        It lies between ``probability - 1`` and ``probability``. Below 0 a contact does harm. The
        calibrator of the customers who are not contacted serves those who are too, so that no
        effect on the logit is no uplift.

        Args:
            x: Model-space rows ``[N, n_features]``.
            probability: Their calibrated probabilities.
        """
        assert self.effect is not None
        return probability - self.calibrated(treated_logit(self.net, self.effect, x))

    @torch.no_grad()
    def score_uplift(self, columns: Columns) -> tuple[Tensor, Tensor]:
        """Return the probability and the uplift of any number of rows, chunk by chunk."""
        was_training = self.training
        self.eval()
        parts = []
        for chunk in columns.in_chunks(self.chunk_rows):
            x = self.preprocess(*chunk)
            probability = self.calibrated(self.net(x))
            parts.append((probability, self.uplift(x, probability)))
        self.train(was_training)
        probability, uplift = map(torch.cat, zip(*parts, strict=True))
        return probability, uplift

    @torch.no_grad()
    def expected_spend(self, columns: Columns) -> Tensor:
        """Return what each customer is expected to spend who stays, ``[N]``, chunk by chunk."""
        assert self.spend is not None
        chunks = columns.in_chunks(CHUNK_ROWS)
        return torch.cat([self.spend(self.preprocess(*chunk)) for chunk in chunks])

    @torch.no_grad()
    def score(self, columns: Columns) -> Tensor:
        """Return calibrated probabilities of any number of rows, chunk by chunk."""
        was_training = self.training
        self.eval()
        parts = [self(*chunk) for chunk in columns.in_chunks(self.chunk_rows)]
        self.train(was_training)
        return torch.cat(parts)

"""The scorer: preprocessing, net and calibrator, exported and explained as one module."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from churn_torch.models.calibration import Calibrator
from churn_torch.models.nets.survival import Hazard, Survival
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

    A scorer with a ``hazard`` tells when customers leave: the net's logit is what it adds to the
    log-odds of leaving in every period, and the probability is the chance to leave within the
    horizon. It has no calibrator, which would contradict the chances of the single periods.

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
        hazard: When customers leave (`Survival`); None where only whether they leave was learned.

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
        hazard: Hazard | None = None,
    ) -> None:
        super().__init__()
        self.preprocess = preprocess
        self.net = net
        self.calibrator = calibrator
        self.effect = effect
        self.spend = spend
        self.hazard = hazard
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
        logit = self.raw_logit(float32, float64, codes, sequences)
        return self.calibrated(logit, self.stayed(float32, float64))

    def stayed(self, float32: Tensor, float64: Tensor) -> Tensor | None:
        """Return how many periods customers have stayed, ``[N]``, where the model asks for it."""
        return None if self.hazard is None else self.hazard.stayed(float32, float64)

    def calibrated(self, raw_logit: Tensor, stayed: Tensor | None = None) -> Tensor:
        """Return the calibrated probabilities of raw logits, ``[N]`` to ``[N]``.

        Args:
            raw_logit: The net's logits.
            stayed: From `stayed`.
        """
        if self.hazard is not None:
            assert stayed is not None
            return self.hazard.leaves_within(raw_logit, stayed)
        return torch.sigmoid(self.calibrator(raw_logit - self.prior_shift))

    @property
    def chunk_rows(self) -> int:
        """How many rows are scored at once."""
        n_events = sum(layout.last for layout in self.preprocess.sequence_layouts)
        return max(1, min(CHUNK_ROWS, CHUNK_EVENTS // max(1, n_events)))

    @property
    def learner(self) -> nn.Module:
        """What is trained: the net, or `Uplift` or `Survival` around it."""
        if self.hazard is not None:
            return Survival(self.net, self.hazard)
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
    def score_survival(self, columns: Columns) -> Tensor:
        """Return the chance to stay for 1, 2, ... more periods of any number of rows, in chunks."""
        assert self.hazard is not None
        was_training = self.training
        self.eval()
        parts = []
        for chunk in columns.in_chunks(CHUNK_ROWS):
            stayed = self.hazard.stayed(chunk.float32, chunk.float64)
            parts.append(self.hazard.survival(self.raw_logit(*chunk), stayed))
        self.train(was_training)
        return torch.cat(parts)

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

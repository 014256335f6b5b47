"""A scorecard as it is exported: the points of every bin are computed before the export."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from churn_torch.models.nets.linear import Linear
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.models.scorecard.features import ScorecardFeatures
from churn_torch.models.scorecard.points import scorecard_points
from churn_torch.models.scorer import Scorer


class FoldedScorecard(nn.Module):
    """The probability and the reasons of a scorecard: looked-up points, added up.

    All rows in the same cell of a term get the same summand, so the linear layer's sum over the
    term's features is one number a cell and is computed beforehand. Points are measured from the
    mean training row; each column of a pair gets half of the pair's points.

    Args:
        scorer: Its preprocessing is a `ScorecardFeatures`, its net a `Linear`.
    """

    def __init__(self, scorer: Scorer) -> None:
        super().__init__()
        assert isinstance(scorer.preprocess, ScorecardFeatures)
        assert isinstance(scorer.net, Linear)
        self.features = scorer.preprocess
        self.calibrator = scorer.calibrator
        points, base = scorecard_points(scorer)
        self.register_buffer("points", torch.cat(points).float().unsqueeze(1))
        self.register_buffer("base", base.float())
        share = torch.zeros(len(points), len(self.features.columns))
        for i, term in enumerate(self.features.terms):
            share[i, list(term.columns)] = 1 / len(term.columns)
        self.register_buffer("share", share)

    @staticmethod
    def fits(scorer: Scorer) -> bool:
        """Tell whether the scorer is a scorecard."""
        return isinstance(scorer.preprocess, ScorecardFeatures) and isinstance(scorer.net, Linear)

    def forward(
        self, float32: Tensor, float64: Tensor, codes: Tensor, sequences: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return calibrated probabilities and reasons; a group without columns is ignored.

        Shape:
            Columns of N rows to ``[N]`` and ``[N, F]`` float32.
        """
        cells = self.features.cells(Columns(float32, float64, codes))
        points = embedding(cells, self.get_buffer("points")).squeeze(2)
        logit = points.sum(1) + self.get_buffer("base")
        return torch.sigmoid(self.calibrator(logit)), points @ self.get_buffer("share")

"""The points of a scorecard add up to its logit."""

from __future__ import annotations

import numpy as np
import torch

from churn_torch.models.scorecard.points import scorecard_points
from tests.models.scorecard.made_scorecard import learned, scorer


def test_base_and_points_add_up_to_the_logit():
    made, scorecard = learned(), scorer()
    points, base = scorecard_points(scorecard)
    cells = made.features.cells(made.columns)
    logit = base + torch.cat(points)[cells].sum(1)
    with torch.no_grad():
        expected = scorecard.raw_logit(*made.columns) - scorecard.prior_shift
    np.testing.assert_allclose(logit, expected, atol=1e-4)

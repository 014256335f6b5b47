"""The log-odds that each cell of a scorecard adds, and its base."""

from __future__ import annotations

import torch
from torch import Tensor

from churn_torch.models.nets.linear import Linear
from churn_torch.models.scorer import Scorer


def scorecard_points(scorer: Scorer) -> tuple[list[Tensor], Tensor]:
    """Return the points of each cell of each term, ``[n_codes]`` float64, and the base, log-odds.

    Base and points add up to the logit before calibration. The points of a term average 0 over
    the training rows.

    Args:
        scorer: A scorecard: a `Linear` net on the features of `ScorecardFeatures`.
    """
    assert isinstance(scorer.net, Linear)
    tables = [table.double() for table in scorer.preprocess.code_tables()]
    sizes = [table.shape[1] for table in tables]
    weights = scorer.net.linear.weight.detach()[0].double()
    baseline = weights * scorer.baseline.double()
    parts = zip(tables, torch.split(weights, sizes), torch.split(baseline, sizes), strict=True)
    points = [table @ weight - typical.sum() for table, weight, typical in parts]
    bias = scorer.net.linear.bias.detach().double()[0]
    return points, bias - scorer.prior_shift + baseline.sum()

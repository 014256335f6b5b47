"""The rows of a hazard as those of a logistic regression: one for each period observed."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from churn_torch.explanation.logistic_inference import Floats
from churn_torch.models.nets.survival import Hazard


def person_periods(
    hazard: Hazard, x: Floats, lifetime: npt.NDArray[Any], label: npt.NDArray[Any]
) -> tuple[Floats, Floats, Floats, npt.NDArray[np.int64]]:
    """Return the person-periods of customers; those of one baseline stand together, with a weight.

    Source: Allison 1982, "Discrete-time methods for the analysis of event histories".

    Args:
        hazard: Says which periods share a baseline.
        x: ``[N, k]`` features.
        lifetime: ``[N, 2]``, the last period before the first one observed, and the last one.
        label: ``[N]``, 1 for those who left in it.

    Returns:
        Features ``[R, k + G - 1]``, with one of 0 and 1 for each baseline but the first; whether
        the customer left, ``[R]``; how many periods a row stands for; and its customer, from 0 on.
    """
    first, last = torch.from_numpy(lifetime).unbind(1)
    left = hazard.left_in(last, torch.from_numpy(np.asarray(label, np.float32))).numpy()
    stayed = hazard.exposure(first, last).numpy() - left
    periods = np.concatenate([stayed, left]).astype(np.float64)
    row, baseline = np.nonzero(periods)
    customer = row % len(x)
    outcome = (row >= len(x)).astype(np.float64)
    dummies = (baseline[:, None] == np.unique(baseline)[1:]).astype(np.float64)
    design = np.concatenate([x[customer], dummies], axis=1)
    return design, outcome, periods[row, baseline], customer

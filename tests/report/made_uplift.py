"""Metrics of uplift with a number that is not known and a group without control customers."""

from __future__ import annotations

import numpy as np

from churn_torch.evaluation.uplift.uplift_metrics import QiniCurve, UpliftGroup, UpliftMetrics

INTERVALS = {
    "average_effect": (0.049, 0.078),
    "qini": (0.0273, 0.0468),
    "qini_area": (0.0129, 0.0221),
    "auuc": (0.041, 0.0586),
    "uplift_at_20": (0.118, 0.176),
    "uplift_at_30": (0.114, 0.167),
}
NUMBERS = {
    "n": 12_000, "n_treated": 6021, "average_effect": 0.064, "qini": 0.0371, "qini_area": 0.0175,
    "auuc": 0.0496, "uplift_at_10": None, "uplift_at_20": 0.145, "uplift_at_30": 0.139,
}  # fmt: skip
QINI = np.array([0.0, 0.04, 0.07, 0.064])
METRICS = UpliftMetrics(
    NUMBERS,
    INTERVALS,
    QiniCurve(np.array([0.0, 0.3, 0.8, 1.0]), QINI, QINI - 0.01 * (QINI > 0), QINI + 0.01),
    (
        UpliftGroup(9000, 4521, 0.125, 0.147, (0.106, 0.186)),
        UpliftGroup(2900, 1400, -0.04, 0.0, (-0.02, 0.02)),
        UpliftGroup(100, 100, -0.09, None, None),
    ),
)

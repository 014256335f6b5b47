"""Measured lifetimes for the tests of tables and pages."""

from __future__ import annotations

from churn_torch.evaluation.survival.survival_metrics import survival_metrics
from tests.reference.survival import made_lifetimes

_, LAST, EVENT, CURVES = made_lifetimes(400)
METRICS = survival_metrics(CURVES, LAST, EVENT, horizon=6)

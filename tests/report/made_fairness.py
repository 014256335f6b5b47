"""Entries of ``metrics.json["fairness"]``, made from a few numbers."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np

from churn_torch.evaluation.groups.fairness import Fairness, Measure, Proxy, Remedy
from churn_torch.evaluation.groups.group_metrics import measure
from churn_torch.evaluation.groups.segments import Segments


def made_fairness(apart: float = 1.0, *, n: int = 600, **fields: Any) -> dict[str, Any]:
    """Return an entry of two groups, ``no`` and ``yes``, and a third of five customers.

    Args:
        apart: How much more often ``yes`` leaves, in log-odds, which the model knows.
        n: Customers of each of the two.
        fields: As for `Fairness`.
    """
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1, 2], [n, n, 5])
    logit = rng.normal(size=len(codes)) - 1 + apart * (codes == 1)
    probability = (1 / (1 + np.exp(-logit))).astype(np.float32)
    label = (rng.random(len(codes)) < probability).astype(np.float32)
    segments = Segments(codes, ("no", "yes", "few"))
    groups, gaps = measure(segments, probability, label, probability >= 0.5)
    found = Fairness("senior", True, "test rows", "", groups, gaps)
    return asdict(replace(found, **fields))


def made_remedy(name: str, **fields: Any) -> Remedy:
    """Return a remedy of round numbers."""
    plain = Remedy(
        name,
        gaps={"demographic_parity": 0.2, "equal_opportunity": 0.1},
        differs={"demographic_parity": True, "equal_opportunity": False},
        selection_rate=0.25,
        precision=0.6,
        recall=0.5,
        thresholds={},
        auroc=0.8,
        profit_change={},
    )
    return replace(plain, **fields)


PROXIES = (Proxy("pension", 0.8),)
PROFIT = {"call": Measure(-0.5, -1.0, 0.25)}

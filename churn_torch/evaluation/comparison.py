"""How models differ on the same test rows: paired differences, with intervals for many models."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PairedDifference:
    """By how much a metric of one model differs from that of another on the same rows.

    Attributes:
        first: Name of the first model.
        second: Name of the second model.
        metric: Name of the metric, as of `churn_torch.evaluation.split_metrics.SplitMetrics`, or
            ``profit``.
        difference: The metric of the first minus that of the second.
        low: Lower end of the interval of 95 %, which holds for all pairs at once.
        high: Upper end.
        p_value: Of no difference, of this pair alone.
        adjusted_p_value: The same, corrected for the number of pairs.
        verdict: A sentence.
    """

    first: str
    second: str
    metric: str
    difference: float
    low: float
    high: float
    p_value: float
    adjusted_p_value: float
    verdict: str

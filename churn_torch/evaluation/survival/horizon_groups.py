"""Customers of about the same predicted chance to leave within the horizon, and what they did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from churn_torch.evaluation.survival.kaplan_meier import Z_95, Floats, kaplan_meier


@dataclass(frozen=True)
class HorizonGroup:
    """Customers of about the same predicted chance to leave within the horizon.

    Attributes:
        n: Customers.
        predicted: Their mean chance.
        observed: Their share that left by then, by Kaplan-Meier; None where nobody was observed for
            so long.
        interval: Of ``observed``, 95 %.
        error: Its standard error.
    """

    n: int
    predicted: float
    observed: float | None
    interval: tuple[float, float] | None
    error: float = 0.0


def left_within(
    groups: Sequence[HorizonGroup],
) -> tuple[float, tuple[float, float]] | None:
    """Return the share that left within the horizon, with its interval; None where not known.

    It is the mean over the groups. One Kaplan-Meier curve of all customers would be too high where
    those of low risk are observed for longer than others.
    """
    n, total, variance = sum(group.n for group in groups), 0.0, 0.0
    for group in groups:
        if group.observed is None:
            return None
        total += group.n / n * group.observed
        variance += (group.n / n * group.error) ** 2
    spread = Z_95 * variance**0.5
    return total, (max(total - spread, 0.0), min(total + spread, 1.0))


def horizon_group(
    risk: Floats, last: npt.NDArray[Any], event: npt.NDArray[Any], horizon: int
) -> HorizonGroup:
    """Return a group of customers.

    Args:
        risk: ``[N]``, their predicted chances.
        last: ``[N]``, the last period observed.
        event: ``[N]``, 1 for customers who left in it.
        horizon: Periods within which the chance is.
    """
    curve = kaplan_meier(last, event, n_periods=horizon)
    stay = curve.stay[-1]
    if np.isnan(stay):
        return HorizonGroup(len(risk), float(risk.mean()), None, None)
    interval = (float(1 - curve.high[-1]), float(1 - curve.low[-1]))
    error = float(curve.error[-1])
    return HorizonGroup(len(risk), float(risk.mean()), float(1 - stay), interval, error)

"""Uplift curves straight from their definitions: slow, customer by customer, in Python."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

Points = list[tuple[float, float]]


def curves(
    predicted: np.ndarray, good: np.ndarray, treated: np.ndarray, probability: np.ndarray
) -> tuple[Points, Points]:
    """Return the points of the uplift curve and of the Qini curve that have both groups."""
    n, all_treated = len(good), sum(1 / probability[treated == 1])
    uplift, qini = [(0.0, 0.0)], [(0.0, 0.0)]
    for cut in sorted(set(predicted), reverse=True):
        top = [i for i in range(n) if predicted[i] >= cut]
        w1 = sum(1 / probability[i] for i in top if treated[i])
        w0 = sum(1 / (1 - probability[i]) for i in top if not treated[i])
        if not (w1 and w0):
            continue
        r1 = sum(good[i] / probability[i] for i in top if treated[i]) / w1
        r0 = sum(good[i] / (1 - probability[i]) for i in top if not treated[i]) / w0
        uplift.append((len(top) / n, len(top) / n * (r1 - r0)))
        qini.append((len(top) / n, w1 / all_treated * (r1 - r0)))
    return uplift, qini


def area(points: Points) -> float:
    """Return the area under a line through points."""
    return sum((x1 - x0) * (y0 + y1) / 2 for (x0, y0), (x1, y1) in pairwise(points))


def best_profit(
    score: np.ndarray,
    churn: np.ndarray,
    treated: np.ndarray,
    kept: np.ndarray,
    leaver_cost: np.ndarray,
    stayer_cost: np.ndarray,
) -> tuple[float, float]:
    """Return the largest profit per customer and its share, for a constant probability."""
    best = (0.0, 0.0)
    for cut in sorted(set(score), reverse=True):
        top = score >= cut
        if len(set(treated[top])) < 2:
            continue
        called, left_alone = top & (treated == 1), top & (treated == 0)
        without = [
            kept[i] - leaver_cost[i] if churn[i] else -stayer_cost[i]
            for i in np.flatnonzero(left_alone)
        ]
        with_contact = [kept[i] * churn[i] for i in np.flatnonzero(called)]
        profit = top.mean() * (np.mean(without) - np.mean(with_contact))
        if profit > best[0]:
            best = float(profit), float(top.mean())
    return best

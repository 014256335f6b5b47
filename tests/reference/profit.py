"""Slow references for measures of profit, written from the formulas of the papers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.polynomial.legendre import leggauss
from scipy.special import beta


def lines(score, label, kept, leaver, stayer) -> Iterator[tuple[float, float]]:
    """Yield slope and intercept in g of the profit per customer at every threshold, and of none."""
    yield 0.0, 0.0
    for threshold in sorted(set(score), reverse=True):
        slope = intercept = 0.0
        for s, y, k, cost, wasted in zip(score, label, kept, leaver, stayer, strict=True):
            if s >= threshold:
                slope += y * k
                intercept -= y * cost + (1 - y) * wasted
        yield slope / len(score), intercept / len(score)


def mpc(rate: float, *customers) -> float:
    """Return the maximum profit at one keep rate."""
    return max(rate * slope + intercept for slope, intercept in lines(*customers))


def empc(a: float, b: float, *customers) -> float:
    """Return the mean of the maximum over Beta(a, b), by Gauss's rule between all crossings.

    Exact for whole a and b up to 30 together: the density is a polynomial then.
    """
    known = list(lines(*customers))
    crossings = {0.0, 1.0}
    for (slope, intercept), (other, its) in itertools.combinations(known, 2):
        if slope != other and 0 < (g := (its - intercept) / (slope - other)) < 1:
            crossings.add(g)
    nodes, weights = leggauss(16)
    total = 0.0
    for low, high in itertools.pairwise(sorted(crossings)):
        g = (low + high) / 2 + (high - low) / 2 * nodes
        most = np.max([slope * g + intercept for slope, intercept in known], axis=0)
        density = g ** (a - 1) * (1 - g) ** (b - 1) / beta(a, b)
        total += float((high - low) / 2 * weights @ (most * density))
    return total

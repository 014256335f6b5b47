"""Made experiments: small ones with fixed numbers, and random ones with known effects."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Made(NamedTuple):
    """Customers with a prediction, of whom some were contacted."""

    predicted: np.ndarray
    outcome: np.ndarray
    treatment: np.ndarray
    probability: np.ndarray


def fixed(*, tied: bool) -> Made:
    """400 customers by arithmetic; an outcome of 1 is good."""
    i = np.arange(400)
    treatment = (7919 * i % 1000 < 400).astype(int)
    p = (2 * i + 1) / 800
    rate = 0.2 + 0.9 * treatment * (p - 0.3)
    outcome = (7907 * i * i % 1000 < 1000 * rate).astype(int)
    predicted = p + 0.35 * np.sin(i)
    return Made(predicted.round(1) if tied else predicted, outcome, treatment, np.full(400, 0.5))


def drawn(
    rng: np.random.Generator, n: int, *, probability: float | None = 0.5, decimals: int = 6
) -> Made:
    """Customers who churn (1) less, or more, if contacted; the prediction knows it roughly.

    The probability of a contact grows with the risk where it is None.
    """
    risk, effect = rng.normal(size=(2, n))
    without = 1 / (1 + np.exp(1.2 - 0.8 * risk))
    with_contact = np.clip(without - 0.06 - 0.08 * effect, 0.01, 0.99)
    e = 1 / (1 + np.exp(-0.7 * risk)) if probability is None else np.full(n, probability)
    treatment = (rng.random(n) < e).astype(int)
    churn = rng.random(n) < np.where(treatment, with_contact, without)
    predicted = 0.06 + 0.08 * effect + 0.05 * rng.normal(size=n)
    return Made(predicted.round(decimals), churn.astype(int), treatment, e)

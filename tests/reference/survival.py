"""Slow formulas of lifetimes, pair by pair and person-period by person-period."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def made_lifetimes(n: int, seed: int = 0) -> tuple[Array, Array, Array, Array]:
    """Return a risk, the last period observed (1 on), whether customers left, predicted curves."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    leaves = np.ceil(rng.exponential(np.exp(-x) * 8)).astype(int)
    ends = rng.integers(1, 20, n)
    event = (leaves <= ends).astype(int)
    noisy = np.exp(x + 0.3 * rng.normal(size=n))
    curves = np.exp(-noisy[:, None] * np.arange(1, 16) / 8)
    return x, np.where(event == 1, leaves, ends), event, curves


def slow_kaplan_meier(last: Array, event: Array, n_periods: int) -> Array:
    stay, curve = 1.0, []
    for period in range(1, n_periods + 1):
        at_risk = sum(1 for t in last if t >= period)
        left = sum(1 for t, e in zip(last, event, strict=True) if t == period and e)
        stay *= 1 - left / at_risk
        curve.append(stay)
    return np.array(curve)


def slow_concordance(risk: Array, last: Array, event: Array) -> float:
    right = pairs = 0.0
    for i in range(len(risk)):
        for j in range(len(risk)):
            later = last[j] > last[i] or (last[j] == last[i] and not event[j])
            if event[i] and later:
                pairs += 1
                right += (risk[i] > risk[j]) + 0.5 * (risk[i] == risk[j])
    return right / pairs


def person_periods(
    x: Array, entry: Array, last: Array, event: Array, ends: Any
) -> tuple[Array, Array]:
    """Return a row a period observed, of features and indicators of baselines, and its outcome."""
    rows, outcomes = [], []
    for i in range(len(x)):
        for period in range(int(entry[i]) + 1, int(last[i]) + 1):
            if period > ends[-1]:
                break
            baseline = np.zeros(len(ends))
            baseline[np.searchsorted(ends, period)] = 1
            rows.append([*x[i], *baseline])
            outcomes.append(float(event[i] == 1 and period == last[i]))
    return np.array(rows), np.array(outcomes)


def newton_logit(design: Array, outcome: Array, *, l2: Array, n_rows: int) -> Array:
    """Minimise the summed cross-entropy / n_rows + l2 / 2 * squares, by plain Newton steps."""
    beta = np.zeros(design.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-(design @ beta)))
        gradient = design.T @ (chance - outcome) / n_rows + l2 * beta
        hessian = design.T @ (design * (chance * (1 - chance))[:, None]) / n_rows + np.diag(l2)
        beta -= np.linalg.solve(hessian, gradient)
    return beta

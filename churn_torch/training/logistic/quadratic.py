"""The minimum of a quadratic function plus an L1 penalty."""

from __future__ import annotations

import torch
from torch import Tensor


def minimise_quadratic(point: Tensor, gradient: Tensor, matrix: Tensor, l1: float) -> Tensor:
    """Return the minimum of ``g (v - p) + (v - p) H (v - p) / 2 + l1 * sum(|w|)``, w all but one.

    Given which weights are zero and the signs of the others, the minimum solves linear equations.
    The guess of zeros and signs is corrected until it agrees with the solution: all wrong weights
    at once, or, where that does not reduce their number, the last one only, which always ends.
    Source: Kim & Park 2010, "Fast active-set-type algorithms for L1-regularized linear
    regression" (block principal pivoting).

    Args:
        point: ``[n]`` float64; the signs of its weights are the first guess.
        gradient: ``[n]``, of the smooth part at the point.
        matrix: ``[n, n]``, positive definite.
        l1: Weight of the penalty on all but the last.
    """
    n = len(point)
    at_zero = gradient - matrix @ point
    strength = torch.full_like(point, l1)
    strength[-1] = 0
    edge = strength * (1 + 1e-9)  # room for rounding
    sign = point.sign()
    fewest, patience = n + 1, 3
    for _ in range(100 * n):
        free = (sign != 0) | (strength == 0)
        rows = free.nonzero().flatten()
        v = torch.zeros_like(point)
        v[rows] = torch.linalg.solve(matrix[rows][:, rows], -(at_zero + strength * sign)[rows])
        slope = at_zero + matrix @ v
        wrong = torch.where(free, (v * sign < 0) & (strength > 0), slope.abs() > edge)
        n_wrong = int(wrong.sum())
        if not n_wrong:
            break
        if n_wrong < fewest:
            fewest, patience = n_wrong, 3
        elif patience:
            patience -= 1
        else:
            last = int(wrong.nonzero().max())
            wrong = torch.arange(n, device=wrong.device) == last
        sign = torch.where(wrong, torch.where(free, 0.0, -slope.sign()), sign)
    return v

"""Differences between the ONNX file and torch that rounding explains, and how large one may be."""

from __future__ import annotations

import numpy as np
import torch

from churn_torch.export.output_parity import TOLERANCE
from churn_torch.models.attribution import Attribution
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.serving.outputs import REASONS, SURVIVAL, UPLIFT
from churn_torch.serving.session import Array

REASON_TOLERANCE = 1e-4
# The same as a share of the largest reason of a row, about eight steps of float32: above 1,024
# a single step is larger than 1e-4.
REASON_RELATIVE_TOLERANCE = 1e-6
# The sums of a layer may be off by this share of the row's features; and how many rows are moved by
# it at random.
ROUNDING = 1e-6
ROUNDED_ROWS = 64
# Rows of a batch that rounding decides, at most; more are no accident.
MOST_ROUNDED = 50


def reason_tolerance(reasons: Array) -> Array:
    """Return by how much the reasons of each row may differ.

    Args:
        reasons: ``[N, F]`` log-odds.

    Shape:
        ``[N, 1]``.
    """
    largest: Array = np.abs(reasons).max(axis=1, keepdims=True)
    return np.maximum(REASON_TOLERANCE, REASON_RELATIVE_TOLERANCE * largest)


def allowed_difference(name: str, values: Array) -> Array:
    """Return by how much each value of an output may differ."""
    if name == REASONS:
        return reason_tolerance(values)
    return np.full_like(values, TOLERANCE)


@torch.no_grad()
def rows_that_rounding_decides(
    name: str, got: Array, expected: Array, attribution: Attribution, columns: Columns
) -> list[int]:
    """Return the rows that differ too much, but no more than torch itself when a row is rounded.

    Args:
        name: The output, `PROBABILITY`, `REASONS` or `UPLIFT`.
        got: Its values from the file, ``[N]`` or ``[N, F]``.
        expected: Its values from torch.
        attribution: With the scorer.
        columns: The rows.
    """
    decided: list[int] = []
    tolerance, scorer = allowed_difference(name, expected), attribution.scorer
    differs = np.abs(got - expected) > tolerance
    rows = np.flatnonzero(differs.any(axis=1) if differs.ndim == 2 else differs)
    if len(rows) > MOST_ROUNDED:
        return decided
    generator = torch.Generator().manual_seed(0)
    for row in rows:
        one = columns.take(slice(row, row + 1))
        x = scorer.preprocess(*one)
        stayed = scorer.stayed(one.float32, one.float64)
        noise = 2 * torch.rand(ROUNDED_ROWS, x.shape[1], generator=generator) - 1
        moved = x * (1 + ROUNDING * noise)
        if name == REASONS:
            answers = attribution(moved)
        else:
            logit = scorer.net(moved)
            stayed = None if stayed is None else stayed.expand(len(moved))
            answers = scorer.calibrated(logit, stayed)
            if name == UPLIFT:
                answers = scorer.uplift(moved, answers)
            elif name == SURVIVAL and scorer.hazard is not None and stayed is not None:
                answers = scorer.hazard.survival(logit, stayed)
        low, high = answers.amin(0).numpy(), answers.amax(0).numpy()
        # A row that rounding does not move by more than the tolerance is not excused.
        unsure = (high - low > tolerance[row]).any()
        near = (got[row] >= low - tolerance[row]) & (got[row] <= high + tolerance[row])
        if unsure and near.all():
            decided.append(int(row))
    return decided

"""A simple model of a table, to ask in a second what its columns tell of churn together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.tables.schema import Kind, Schema

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

# Bins of a number and of a date, and categories of a text, that get a weight of their own.
_BINS, _DATE_BINS = 8, 24
_CATEGORIES = 16
_FEWEST_ROWS = 20
# Numbers count up to so many standard deviations from the mean.
_FARTHEST = 3.0
# The penalty is that of so many rows on the square of each weight.
_L2 = 3.0
_STEPS = 8


def inputs_of(parsed: pd.DataFrame, schema: Schema, names: Sequence[str]) -> Floats:
    """Return columns as numbers for a linear model.

    A number gives its value, standardised and clipped, and a mark for each of its bins; a text
    gives a mark for each of its frequent categories. A missing cell has a mark of its own.

    Args:
        parsed: N rows of features (`churn_torch.tables.encode.parse`).
        schema: Their columns.
        names: The columns to take.

    Shape:
        [N, D].
    """
    inputs = [np.ones(len(parsed))]
    for name in names:
        if Schema.is_text(schema[name]):
            codes, levels = pd.factorize(parsed[name])
            counts = np.bincount(codes, minlength=len(levels))
            frequent = np.argsort(-counts, kind="stable")[:_CATEGORIES]
            inputs += [codes == level for level in frequent if counts[level] >= _FEWEST_ROWS]
            continue
        numbers = parsed[name].to_numpy(np.float64)
        missing = np.isnan(numbers)
        if missing.all():
            continue
        present = numbers[~missing]
        spread = present.std() or 1.0
        scaled = np.clip((numbers - present.mean()) / spread, -_FARTHEST, _FARTHEST)
        inputs.append(np.where(missing, 0.0, scaled))
        n_bins = _DATE_BINS if schema[name].kind is Kind.DATETIME else _BINS
        edges = np.unique(np.quantile(present, np.arange(1, n_bins) / n_bins))
        bins = np.where(missing, -1, np.searchsorted(edges, numbers, side="right"))
        inputs += [bins == level for level in range(-1, len(edges) + 1)]
    return np.stack(inputs, axis=1).astype(np.float64)


def fit(inputs: Floats, label: Labels) -> Floats:
    """Return the weights of a logistic regression with a small penalty, by Newton's method.

    Args:
        inputs: ``[N, D]``, the first column 1.
        label: ``[N]`` of 1 and 0.

    Shape:
        [D].
    """
    rate = np.clip(float(label.mean()), 1e-3, 1 - 1e-3)
    weights = np.zeros(inputs.shape[1])
    weights[0] = np.log(rate / (1 - rate))
    penalty = np.full(len(weights), _L2)
    penalty[0] = 1e-6
    for _ in range(_STEPS):
        probability = 1 / (1 + np.exp(-np.clip(inputs @ weights, -30, 30)))
        gradient = inputs.T @ (probability - label) + penalty * weights
        curvature = np.maximum(probability * (1 - probability), 1e-4)
        hessian = (inputs * curvature[:, None]).T @ inputs + np.diag(penalty)
        step = np.linalg.solve(hessian, gradient)
        weights -= step
        if np.abs(step).max() < 1e-3:
            break
    return weights

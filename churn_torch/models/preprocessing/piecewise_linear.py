"""PiecewiseLinear: numbers cut into bins, so that a net can bend at each edge (piecewise-linear encoding)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Array = np.ndarray[Any, np.dtype[np.float64]]

# Least width of a bin in model space: a narrower one would turn float32's rounding into a step.
LEAST_WIDTH = 1e-3


class PiecewiseLinear(nn.Module):
    """What numbers are in each of their bins: 0 below it, 1 above it, linear inside.

    Less the training mean, as all features of model space. The first and last bin do not run on:
    beyond the training range only the number itself, which stays a feature, goes on growing.
    Source: Gorishniy, Rubachev & Babenko 2022, "On embeddings for numerical features in tabular
    deep learning".

    Args:
        n_pieces: Bins of each number column; 0 leaves it as it is.

    Shape:
        ``[N, n_numbers]`` scaled numbers to ``[N, sum(n_pieces)]``.
    """

    def __init__(self, n_pieces: Sequence[int]) -> None:
        super().__init__()
        column = [i for i, n in enumerate(n_pieces) for _ in range(n)]
        self.n_numbers, self.n_pieces = len(n_pieces), len(column)
        self.register_buffer("column", torch.tensor(column, dtype=torch.int64))
        self.register_buffer("low", torch.zeros(len(column)))
        self.register_buffer("width", torch.ones(len(column)))
        self.register_buffer("mean", torch.zeros(len(column)))

    def load(self, ramps: Array) -> None:
        """Copy low edge, width and training mean of each ramp, ``[n_pieces, 3]``."""
        for i, name in enumerate(("low", "width", "mean")):
            self.get_buffer(name).copy_(torch.from_numpy(ramps[:, i]))

    def forward(self, z: Tensor) -> Tensor:
        """Return the ramps of each row."""
        low, width, mean = (self.get_buffer(name) for name in ("low", "width", "mean"))
        z = z.index_select(1, self.get_buffer("column"))
        return torch.clamp((z - low) / width, 0, 1) - mean


def fit_pieces(z: Array, missing: np.ndarray[Any, np.dtype[np.bool_]], n_bins: int) -> Array:
    """Return low edge, width and mean of the ramps of one column, ``[n, 3]``.

    Edges are all values where there are few, else quantiles of the values that are not missing. A
    column of two values or less has no ramps: it is linear already.

    Args:
        z: The column in model space, missing values filled in.
        missing: Which of them were.
        n_bins: Most bins.
    """
    none: Array = np.zeros((0, 3))
    present = z[~missing]
    if not n_bins or not len(present):
        return none
    edges = np.unique(present)
    if len(edges) > n_bins + 1:
        edges = np.unique(np.quantile(present, np.linspace(0, 1, n_bins + 1)))
    apart = [float(edges[0])]
    for edge in edges[1:]:
        if edge - apart[-1] >= LEAST_WIDTH:
            apart.append(float(edge))
    if len(apart) < 3:
        return none
    low, width = np.array(apart[:-1]), np.diff(apart)
    mean = [np.clip((z - a) / w, 0, 1).mean() for a, w in zip(low, width, strict=True)]
    return np.column_stack([low, width, mean])

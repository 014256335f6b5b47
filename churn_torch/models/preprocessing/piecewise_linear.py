"""Piecewise-linear encoding of numbers: a net can change its slope at the edge of each piece."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from churn_torch.models.preprocessing.layouts import read_layout
from churn_torch.tables.schema import Schema

Array = np.ndarray[Any, np.dtype[np.float64]]

# Least width of a piece in model space: in a narrower one, float32 rounding would become a step.
LEAST_WIDTH = 1e-3


@dataclass(frozen=True)
class PiecewiseLayout:
    """Into how many pieces each number column is cut; kept in `Schema.layouts`.

    Attributes:
        n_pieces: By column name; a column that is not named has none.
    """

    n_pieces: Mapping[str, int]

    NAME = "piecewise_linear"

    @classmethod
    def of(cls, schema: Schema) -> PiecewiseLayout:
        """Read the layout of a schema; a schema without one has no pieces.

        Raises:
            InputError: The stored layout is damaged.
        """
        return read_layout(schema, cls.NAME, cls._from_json) or cls({})

    @classmethod
    def _from_json(cls, value: Mapping[str, Any]) -> PiecewiseLayout:
        return cls({name: int(n) for name, n in value["n_pieces"].items()})

    def attach(self, schema: Schema) -> Schema:
        """Return the schema with this layout."""
        return schema.with_layout(self.NAME, {"n_pieces": dict(self.n_pieces)})


class PiecewiseLinear(nn.Module):
    """Encode numbers by pieces: 0 below a piece, 1 above it, linear inside.

    The training mean is subtracted, as from all features of model space. The first and the last
    piece are flat outside the training range; there only the scaled number itself, which stays a
    feature, keeps changing.
    Source: Gorishniy, Rubachev & Babenko 2022, "On embeddings for numerical features in tabular
    deep learning".

    Args:
        n_pieces: Pieces of each number column; 0 gives a column no such features.

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

    def load(self, pieces: Array) -> None:
        """Copy the low edge, width and training mean of each piece, ``[n_pieces, 3]``."""
        for i, name in enumerate(("low", "width", "mean")):
            self.get_buffer(name).copy_(torch.from_numpy(pieces[:, i]))

    def forward(self, z: Tensor) -> Tensor:
        """Return the encoded numbers of each row."""
        low, width, mean = (self.get_buffer(name) for name in ("low", "width", "mean"))
        z = z.index_select(1, self.get_buffer("column"))
        return torch.clamp((z - low) / width, 0, 1) - mean


def fit_pieces(z: Array, missing: np.ndarray[Any, np.dtype[np.bool_]], most: int) -> Array:
    """Return the low edge, width and mean of the pieces of one column, ``[n, 3]``.

    The edges are all distinct values if there are few, else quantiles of the values that are not
    missing. A column of two values or less has no pieces: it is linear already.

    Args:
        z: The column in model space, missing values filled in.
        missing: Which values were missing.
        most: Most pieces.
    """
    none: Array = np.zeros((0, 3))
    present = z[~missing]
    if not most or not len(present):
        return none
    edges = np.unique(present)
    if len(edges) > most + 1:
        edges = np.unique(np.quantile(present, np.linspace(0, 1, most + 1)))
    apart = [float(edges[0])]
    for edge in edges[1:]:
        if edge - apart[-1] >= LEAST_WIDTH:
            apart.append(float(edge))
    if len(apart) < 3:
        return none
    low, width = np.array(apart[:-1]), np.diff(apart)
    mean = [np.clip((z - a) / w, 0, 1).mean() for a, w in zip(low, width, strict=True)]
    return np.column_stack([low, width, mean])

"""PiecewiseLinear: where the edges lie, what a row becomes, and when there are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from churn_torch.errors import InputError
from churn_torch.models.preprocessing.piecewise_linear import (
    LEAST_WIDTH,
    PiecewiseLayout,
    PiecewiseLinear,
    fit_pieces,
)
from churn_torch.tables.schema import Schema


def fitted(z: np.ndarray, n_bins: int, missing: np.ndarray | None = None) -> np.ndarray:
    return fit_pieces(z, np.zeros(len(z), dtype=bool) if missing is None else missing, n_bins)


def test_few_values_are_the_edges_themselves():
    pieces = fitted(np.array([3.0, 1.0, 1.0, 7.0]), 8)
    np.testing.assert_allclose(pieces[:, :2], [[1, 2], [3, 4]])
    np.testing.assert_allclose(pieces[:, 2], [(1 + 0 + 0 + 1) / 4, (0 + 0 + 0 + 1) / 4])


def test_many_values_are_cut_at_quantiles():
    z = np.random.default_rng(0).normal(size=1000)
    pieces = fitted(z, 4)
    edges = np.append(pieces[:, 0], pieces[-1, :2].sum())
    np.testing.assert_allclose(edges, np.quantile(z, [0, 0.25, 0.5, 0.75, 1]))


def test_missing_values_move_the_mean_and_no_edge():
    z, missing = np.array([0.0, 1.0, 2.0, 0.5]), np.array([False, False, False, True])
    pieces = fitted(z, 8, missing)
    np.testing.assert_allclose(pieces[:, :2], [[0, 1], [1, 1]])
    np.testing.assert_allclose(pieces[:, 2], [(0 + 1 + 1 + 0.5) / 4, 1 / 4])


@pytest.mark.parametrize(
    ("z", "n_bins"),
    [([1.0, 2.0, 3.0], 0), ([1.0, 2.0, 2.0], 9), ([], 9), ([1.0, 1.0 + 1e-5, 1.0 + 2e-5], 9)],
)
def test_a_column_without_pieces(z: list[float], n_bins: int):
    assert fitted(np.array(z), n_bins).shape == (0, 3)


@given(
    st_numpy.arrays(np.float64, st.integers(1, 60), elements=st.floats(-9, 9)), st.integers(2, 9)
)
def test_pieces_are_a_scale_from_the_first_edge_to_the_last(z: np.ndarray, n_bins: int):
    pieces = fitted(z, n_bins)
    assert len(pieces) <= n_bins
    if not len(pieces):
        return
    assert (pieces[:, 1] >= LEAST_WIDTH).all()
    np.testing.assert_allclose(
        pieces[1:, 0], pieces[:-1, :2].sum(1), atol=1e-9
    )  # one begins where one ends
    module = PiecewiseLinear([0, len(pieces), 0])
    module.load(pieces)
    rows = torch.from_numpy(z).float()
    made = module(torch.stack([rows * 0, rows, rows * 0], dim=1)).double().numpy()
    np.testing.assert_allclose(made.mean(0), 0, atol=1e-2)
    # Width times piece adds up to the number itself, where it lies between the edges.
    first, last = pieces[0, 0], pieces[-1, :2].sum()
    again = first + ((made + pieces[:, 2]) * pieces[:, 1]).sum(1)
    np.testing.assert_allclose(again, np.clip(z, first, last), atol=1e-4)


def test_no_rows_and_no_pieces():
    assert PiecewiseLinear([2, 0, 1])(torch.zeros(0, 3)).shape == (0, 3)
    assert PiecewiseLinear([0, 0])(torch.zeros(5, 2)).shape == (5, 0)


def test_a_layout_survives_json():
    schema = Schema((), "y", "1", "0")
    layout = PiecewiseLayout({"usage": 3})
    assert PiecewiseLayout.of(Schema.from_json(layout.attach(schema).to_json())) == layout
    assert PiecewiseLayout.of(schema) == PiecewiseLayout({})


@pytest.mark.parametrize("value", [[], {"n_pieces": {"usage": "many"}}, {"n_pieces": 3}])
def test_a_damaged_layout_is_refused(value: Any):
    schema = Schema((), "y", "1", "0").with_layout("piecewise_linear", value)
    with pytest.raises(InputError, match=r"layouts.piecewise_linear of the schema"):
        PiecewiseLayout.of(schema)

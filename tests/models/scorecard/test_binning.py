"""Bins hold the rows they should, and the functions over them are what the penalty is about."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from churn_torch.errors import InputError
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.models.scorecard.binning import (
    ScorecardOptions,
    axis_of,
    fine_codes,
    fit_cuts,
    merge_bins,
)
from churn_torch.models.scorecard.layout import ScorecardLayout
from churn_torch.tables.schema import Column, Kind, Storage
from tests.models.scorecard.made_scorecard import learned

NUMBERS = st.lists(st.integers(-5, 40), min_size=1, max_size=60)


@given(NUMBERS, st.integers(2, 9))
def test_edges_lie_between_values_and_bins_are_about_even(values: list[int], most: int):
    x = np.array(values, dtype=float)
    cuts = fit_cuts(x, most)
    distinct = np.unique(x)
    assert len(cuts) == min(len(distinct), most) - 1 or len(distinct) > most
    assert len(cuts) < most
    assert np.all(np.diff(cuts) > 0)
    assert not np.isin(cuts, distinct).any()
    counts = np.bincount(np.searchsorted(cuts, x), minlength=len(cuts) + 1)
    assert counts.min(initial=1) > 0
    # A bin is larger than its share only by a value that cannot be cut.
    largest = np.unique(x, return_counts=True)[1].max()
    assert counts.max() <= np.ceil(len(x) / most) + largest


@given(st.lists(st.integers(0, 50), min_size=1, max_size=40), st.integers(2, 12))
def test_merged_bins_are_neighbours(counts: list[int], most: int):
    wider = merge_bins(np.array(counts, dtype=float), most)
    steps = np.diff(wider)
    assert wider[0] == 0
    assert set(steps) <= {0, 1}
    assert wider[-1] < most
    assert len(counts) > most or (steps == 1).all()


def column(*, has_missing: bool) -> Column:
    return Column("x", Kind.NUMERIC, Storage.NUMBER, has_missing=has_missing)


@pytest.mark.parametrize("n", [2, 3, 9])
def test_the_penalty_is_the_one_on_differences_of_neighbours(n: int):
    axis = axis_of(column(has_missing=False), n)
    difference = np.diff(np.eye(n), axis=0)
    penalty = axis.basis[1:].T @ (difference.T @ difference) @ axis.basis[1:]
    np.testing.assert_allclose(penalty, np.diag(np.diag(penalty)), atol=1e-12)
    np.testing.assert_allclose(np.diag(penalty) / penalty[0, 0], axis.roughness)
    np.testing.assert_allclose(axis.basis[1:].T @ axis.basis[1:], n * np.eye(n - 1), atol=1e-12)
    assert not axis.basis[0].any()


def test_missing_has_a_function_of_its_own_where_rows_showed_it():
    axis = axis_of(column(has_missing=True), 4)
    assert axis.n_levels == 5
    assert axis.basis[0].tolist() == [0, 0, 0, 1]
    assert not axis.basis[1:, -1].any()


def test_levels_without_order_are_all_alike():
    text = Column("x", Kind.CATEGORICAL, Storage.TEXT, vocabulary=("a", "b", "c"), has_rare=True)
    axis = axis_of(text, 3)
    assert not axis.basis[0].any()  # no missing text was seen
    np.testing.assert_allclose(axis.basis.T @ axis.basis, 4 * np.eye(3), atol=1e-12)
    np.testing.assert_allclose(axis.basis.sum(0), 0, atol=1e-12)
    assert set(axis.roughness) == {1.0}


def test_a_value_on_an_edge_falls_below_it_and_what_is_no_number_is_missing():
    x = torch.tensor([[1.0], [1.5], [1.5000001], [torch.nan], [torch.inf], [-torch.inf], [9e9]])
    cuts = torch.tensor([[1.5, 3.0, torch.inf]])
    empty = torch.empty(len(x), 0)
    codes = fine_codes(
        Columns(x, empty.double(), empty.long()), cuts, torch.empty(0, 3, dtype=torch.float64)
    )
    assert codes[:, 0].tolist() == [1, 1, 2, 0, 0, 0, 3]


def test_text_keeps_its_most_frequent_categories_in_pairs():
    made = learned()
    town = [c.name for c in made.schema.inputs]
    coarse = made.features.coarse_levels(town.index("town"))
    assert ScorecardLayout.of(made.schema).pair_bins["town"] == 4
    assert coarse[:2].tolist() == [0, 1]
    assert sorted(coarse[coarse > 1]) == [2, 3, 4, 5]
    counts = np.bincount(made.columns.codes[:, made.schema.text.index(made.schema["town"])])
    assert counts[coarse > 1].min() >= counts[2:][coarse[2:] == 1].max()


@pytest.mark.parametrize(
    "options", [{"bins": 1}, {"pair_bins": 1}, {"pair_bins": 40}, {"pairs": -1}]
)
def test_options_out_of_range_are_refused(options: dict[str, int]):
    with pytest.raises(InputError, match=r"model: expected 2 <= pair_bins <= bins"):
        ScorecardOptions(**options)

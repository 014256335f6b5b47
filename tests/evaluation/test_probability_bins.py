from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from churn_torch.evaluation.probability_bins import N_BINS, bin_of, edge_below, lower_edge

UNIT = st.floats(0, 1, width=32)


def test_edges_rise_and_are_the_first_of_their_bins() -> None:
    edges = lower_edge(np.arange(N_BINS))
    assert (edges[0], edges[1], edges[-1]) == (0, 2.0**-32, 1)
    assert (np.diff(edges) > 0).all()
    assert np.array_equal(bin_of(edges), np.arange(N_BINS))
    before = np.nextafter(edges[1:], np.float32(0))
    assert np.array_equal(bin_of(before), np.arange(N_BINS - 1))


def test_bins_are_narrow() -> None:
    edges = lower_edge(np.arange(1, N_BINS)).astype(np.float64)
    assert (np.diff(edges) / edges[:-1]).max() == 2.0**-16


@given(probability=UNIT)
def test_an_edge_below_is_the_largest_that_is_not_above(probability: float) -> None:
    edge = edge_below(probability)
    index = bin_of(np.array([edge], np.float32))
    assert lower_edge(index).item() == edge <= probability
    assert probability == 1 or probability < lower_edge(index + 1).item()


def test_round_numbers_are_edges() -> None:
    for number in (0.0, 0.125, 0.375, 0.5, 0.75, 1.0):
        assert edge_below(number) == number
    assert edge_below(0.37) < 0.37

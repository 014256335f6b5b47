"""Moments merge exactly, blocks have one size, and the sample is a uniform draw."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_torch.models.preprocessing import moments
from churn_torch.tables.schema import Column, Kind, Storage


@given(st.lists(st.integers(0, 12), max_size=9), st.integers(1, 8))
def test_blocks_have_one_size_however_the_rows_arrive(sizes: list[int], block: int):
    edges = np.cumsum([0, *sizes])
    rows = pd.DataFrame({"x": np.arange(edges[-1])})
    chunks = [rows.iloc[a:b] for a, b in itertools.pairwise(edges)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moments, "BLOCK_ROWS", block)
        made = [pd.concat(pieces)["x"].tolist() for pieces in moments.blocks(chunks)]
    assert [x for values in made for x in values] == list(range(edges[-1]))
    assert all(len(block_rows) == block for block_rows in made[:-1])
    assert all(0 < len(values) <= block for values in made)


def test_moments_of_groups_are_those_of_all_numbers():
    rng = np.random.default_rng(0)
    x = 1e6 + rng.normal(size=1000)
    summed = moments.Moments()
    for part in np.split(x, [1, 10, 700]):
        summed.add(part)
    summed.merge(50, 1e6, 3.0)
    assert summed.count == 1050
    expected = np.concatenate([x, np.full(50, 1e6)])
    assert summed.mean == pytest.approx(expected.mean(), rel=1e-14)
    squares = np.square(expected - expected.mean()).sum() + 3.0
    assert summed.squares == pytest.approx(squares, rel=1e-9)
    assert (summed.minimum, summed.maximum) == (x.min(), x.max())


def test_the_sample_is_uniform_over_the_rows():
    rows = pd.DataFrame({"x": np.arange(60_000.0)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moments, "BLOCK_ROWS", 1000)
        patch.setattr(moments, "SAMPLE_ROWS", 6000)
        sums = moments.RunningStatistics([Column("x", Kind.NUMERIC, Storage.NUMBER)])
        for block in moments.blocks([rows]):
            sums.add(block)
    ((_, summed, sample),) = sums.per_column()
    assert summed.count == 60_000
    assert len(np.unique(sample)) == 6000
    in_tenth = np.histogram(sample, bins=10, range=(0, 60_000))[0]
    assert np.abs(in_tenth - 600).max() < 5 * np.sqrt(600)


def test_the_sample_grows_with_the_rows():
    sums = moments.RunningStatistics([Column("x", Kind.NUMERIC, Storage.NUMBER)])
    rows = [pd.DataFrame({"x": np.arange(start, start + 10.0)}) for start in (0, 10, 20)]
    for block in rows:
        sums.add([block])
    assert sums._sample.shape[1] <= 40  # of a wide table, a sample of full length took gigabytes
    [(_, _, sample)] = sums.per_column()
    assert sample.tolist() == list(range(30))

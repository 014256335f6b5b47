"""An even random sample: the right number of rows, the same for every cut into chunks."""

from __future__ import annotations

import numpy as np
import pytest

from churn_torch.tables.even_sample import EvenSample


def sampled(n_rows: int, chunk: int, n: int = 1_000) -> np.ndarray:
    sample, rows = EvenSample(n_rows, seed=3), np.empty(0, int)
    for start in range(0, n, chunk):
        here = np.arange(start, min(start + chunk, n))
        rows = np.concatenate([rows, here[sample.drawn(len(here))]])
        assert len(rows) <= 2 * n_rows + chunk
        if sample.is_full:
            rows = rows[sample.kept()]
    return rows[sample.kept()]


@pytest.mark.parametrize("chunk", [1, 7, 400, 5_000])
def test_it_does_not_depend_on_the_chunks(chunk: int) -> None:
    rows = sampled(100, chunk)
    smallest = np.sort(np.argsort(np.random.default_rng(3).random(1_000))[:100])
    np.testing.assert_array_equal(rows, smallest)


def test_few_rows_all_stay() -> None:
    np.testing.assert_array_equal(sampled(100, 30, n=80), np.arange(80))

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_torch.evaluation.gains import auroc, captured, gains, lift, ranking, top_rows


@pytest.mark.parametrize(
    ("share", "n", "expected"),
    [
        (0.07, 100, 7),  # 0.07 * 100 is 7.000000000000001 in floats
        (0.1, 30, 3),
        (0.1, 31, 4),
        (0.001, 7, 1),
        (1.0, 7, 7),
        (1, 7, 7),
        (1e-05, 200_000, 2),
        (Fraction(1, 20), 21, 2),
    ],
)
def test_top_rows_rounds_up_as_on_paper(share: float | Fraction, n: int, expected: int) -> None:
    assert top_rows(share, n) == expected


def test_ranking_ends_at_the_last_row_of_each_group_of_ties() -> None:
    order, ends = ranking(np.array([0.2, 0.9, 0.2, 0.5, 0.9]))
    assert order.tolist() == [1, 4, 3, 0, 2]
    assert ends.tolist() == [1, 2, 4]


def test_gains_is_the_curve_of_the_rows_written_out() -> None:
    label = np.array([1, 0, 1, 1, 0])
    times = np.array([[1, 1, 1, 1, 1], [0, 3, 0, 2, 0]])
    rows, churners = gains(times, label, np.array([1, 2, 4]))
    assert rows.tolist() == [[0, 2, 3, 5], [0, 3, 3, 5]]
    assert churners.tolist() == [[0, 1, 2, 3], [0, 0, 0, 2]]


@given(
    rows=st.lists(
        st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.integers(0, 1)), min_size=2, max_size=6
    ),
    percent=st.sampled_from([5, 10, 20, 50, 100]),
)
def test_ties_count_as_the_mean_over_every_order(
    rows: list[tuple[float, int]], percent: int
) -> None:
    probability = np.array([p for p, _ in rows] + [0.5, 0.5])
    label = np.array([y for _, y in rows] + [0, 1])
    n = len(label)
    k = -(-percent * n // 100)
    orders = set()
    for permutation in itertools.permutations(range(n)):
        # Every order of the rows, then a stable sort: every way to break the ties.
        by_probability = sorted(permutation, key=lambda i: -probability[i])
        orders.add(tuple(by_probability))
    found = np.mean([label[list(order[:k])].sum() for order in orders])

    order, ends = ranking(probability)
    curve = gains(np.ones((1, n), np.int64), label[order], ends)
    np.testing.assert_allclose(captured(*curve, percent), [found / label.sum()], rtol=1e-12)
    np.testing.assert_allclose(lift(*curve, percent), [found / k / label.mean()], rtol=1e-12)


@given(
    rows=st.lists(
        st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.integers(0, 1), st.integers(0, 4)),
        min_size=1,
        max_size=12,
    )
)
def test_a_row_counted_twice_is_a_row_written_twice(rows: list[tuple[float, int, int]]) -> None:
    rows = [*rows, (0.5, 0, 1), (0.1, 1, 1)]
    probability, label, times = (np.array(column) for column in zip(*rows, strict=True))
    order, ends = ranking(probability)
    weighted = gains(times[None, order], label[order], ends)

    probability, label = np.repeat(probability, times), np.repeat(label, times)
    order, ends = ranking(probability)
    repeated = gains(np.ones((1, len(label)), np.int64), label[order], ends)
    np.testing.assert_allclose(auroc(*weighted), auroc(*repeated), rtol=1e-12)
    for percent in (5, 10, 20):
        np.testing.assert_allclose(lift(*weighted, percent), lift(*repeated, percent), rtol=1e-12)

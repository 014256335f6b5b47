from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from churn_torch.evaluation.gains import (
    Ints,
    auroc,
    average_precision,
    captured,
    gains,
    lift,
    top_rows,
)


def counted(
    probability: list[float], label: list[int], times: list[int] | None = None
) -> tuple[Ints, Ints]:
    """Non-churners and churners of each distinct probability, largest first, one replicate."""
    groups = {p: [0, 0] for p in sorted(probability, reverse=True)}
    for p, y, count in zip(probability, label, times or [1] * len(label), strict=True):
        groups[p][y] += count
    negatives, positives = np.array(list(groups.values())).T
    return negatives[None], positives[None]


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


def test_gains_is_the_curve_of_the_rows_written_out() -> None:
    negatives, positives = np.array([[[1, 0, 1], [3, 0, 0]], [[1, 1, 1], [0, 0, 2]]])
    rows, churners = gains(negatives, positives)
    assert rows.tolist() == [[0, 2, 3, 5], [0, 3, 3, 5]]
    assert churners.tolist() == [[0, 1, 2, 3], [0, 0, 0, 2]]


@given(
    rows=st.lists(
        st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.integers(0, 1)), min_size=1, max_size=4
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
    expected = np.mean([label[list(order[:k])].sum() for order in orders])

    curve = gains(*counted(probability.tolist(), label.tolist()))
    np.testing.assert_allclose(captured(*curve, percent), [expected / label.sum()], rtol=1e-12)
    np.testing.assert_allclose(lift(*curve, percent), [expected / k / label.mean()], rtol=1e-12)


@settings(max_examples=40)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.integers(0, 1), st.integers(0, 4)),
        min_size=1,
        max_size=12,
    )
)
def test_a_row_counted_twice_is_a_row_written_twice(rows: list[tuple[float, int, int]]) -> None:
    rows = [*rows, (0.5, 0, 1), (0.1, 1, 1)]
    weighted = gains(*counted(*(list(column) for column in zip(*rows, strict=True))))
    written = [(p, y) for p, y, times in rows for _ in range(times)]
    probability, label = (list(column) for column in zip(*written, strict=True))
    repeated = gains(*counted(probability, label))
    for curve in (weighted, repeated):
        np.testing.assert_allclose(auroc(*curve), roc_auc_score(label, probability))
        np.testing.assert_allclose(
            average_precision(*curve), average_precision_score(label, probability)
        )
    for percent in (5, 10, 20):
        np.testing.assert_allclose(lift(*weighted, percent), lift(*repeated, percent), rtol=1e-12)

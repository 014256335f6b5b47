"""Curves equal those of scikit-learn, and keep few points."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from churn_torch.evaluation.reliability import grouped
from churn_torch.evaluation.score_curves import BINS, MOST_POINTS, ScoreCurves, score_curves


def curves_of(probability: np.ndarray, label: np.ndarray) -> ScoreCurves:
    return score_curves(grouped(probability, label))


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.9]), st.booleans()), min_size=2))
def test_the_curves_are_those_of_scikit_learn(rows):
    probability, label = map(np.array, zip(*rows, strict=True))
    if label.all() or not label.any():
        return
    found = curves_of(probability, label)
    false_positive, recall, threshold = roc_curve(label, probability, drop_intermediate=False)
    assert found.false_positive_rate == pytest.approx(false_positive.tolist())
    assert found.recall == pytest.approx(recall.tolist())
    taken = [float((probability >= t).mean()) for t in threshold]
    assert found.taken == pytest.approx(taken)
    precision = [float(label[probability >= t].mean()) for t in threshold[1:]]
    assert found.precision == pytest.approx([precision[0], *precision])


def test_few_points_of_many_rows_lie_on_the_whole_curve():
    rng = np.random.default_rng(0)
    probability = rng.random(5_000)
    label = rng.random(5_000) < probability
    found = curves_of(probability, label)
    assert len(found.taken) <= MOST_POINTS
    assert found.taken[0] == found.recall[0] == 0
    assert found.taken[-1] == found.recall[-1] == found.false_positive_rate[-1] == 1
    assert max(np.diff(found.taken)) < 0.02
    order = np.argsort(-probability)
    for taken, recall in zip(found.taken, found.recall, strict=True):
        first = order[: round(taken * 5_000)]
        assert recall == pytest.approx(label[first].sum() / label.sum())


def test_the_distribution_of_each_class():
    probability = np.array([0.1, 0.1, 0.3, 0.6, 0.6, 0.6])
    found = curves_of(probability, np.array([0, 0, 1, 1, 1, 0]))
    assert len(found.edges) == BINS + 1
    assert (found.edges[0], found.edges[-1]) == (0.1, 0.6)
    assert sum(found.churners) == pytest.approx(1)
    assert found.others[0] == pytest.approx(2 / 3)
    assert found.churners[-1] == pytest.approx(2 / 3)


def test_one_probability_for_all_rows():
    found = curves_of(np.full(4, 0.25), np.array([0, 1, 0, 0]))
    assert found.recall == (0.0, 1.0)
    assert found.precision == (0.25, 0.25)
    assert found.churners == found.others == (1.0,)

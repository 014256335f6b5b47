"""Thresholds by group: equal shares flagged on the rows that they are chosen on."""

from __future__ import annotations

import numpy as np
import pytest

from churn_torch.evaluation.groups.group_thresholds import EQUAL_RECALL, EQUAL_SELECTION_RATE
from churn_torch.evaluation.groups.group_thresholds import group_thresholds as chosen


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, 2_000)
    probability = rng.beta(1 + codes, 3).astype(np.float32)
    return codes, probability, (rng.random(2_000) < probability).astype(np.float32)


@pytest.mark.parametrize("rule", [EQUAL_SELECTION_RATE, EQUAL_RECALL])
def test_each_group_is_flagged_as_often_as_all_are_now(rows, rule):
    codes, probability, label = rows
    counted = label == 1 if rule == EQUAL_RECALL else np.ones(len(label), bool)
    thresholds = chosen(rule, codes, 2, probability, label, threshold=0.5)
    flagged = probability >= thresholds.astype(np.float32)[codes]
    now = (probability >= 0.5)[counted].mean()
    for group in (0, 1):
        here = counted & (codes == group)
        assert flagged[here].mean() == pytest.approx(now, abs=1 / here.sum())
    assert thresholds[0] < 0.5 < thresholds[1]


def test_a_small_group_keeps_the_common_threshold(rows):
    _, probability, label = rows
    codes = (np.arange(2_000) < 9).astype(np.int64)
    thresholds = chosen(EQUAL_SELECTION_RATE, codes, 2, probability, label, threshold=0.5)
    assert thresholds[1] == 0.5


def test_where_nobody_or_everybody_is_flagged_so_is_each_group(rows):
    codes, probability, label = rows
    nobody = chosen(EQUAL_SELECTION_RATE, codes, 2, probability, label, threshold=1.0)
    assert not (probability >= nobody.astype(np.float32)[codes]).any()
    everybody = chosen(EQUAL_SELECTION_RATE, codes, 2, probability, label, threshold=0.0)
    assert (probability >= everybody.astype(np.float32)[codes]).all()


def test_without_churners_the_common_threshold_stays(rows):
    codes, probability, label = rows
    assert list(chosen(EQUAL_RECALL, codes, 2, probability, 0 * label, threshold=0.3)) == [0.3, 0.3]

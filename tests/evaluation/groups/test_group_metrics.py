"""Groups of customers: their metrics, the gaps between them, and groups too small to compare."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from sklearn import metrics as sk

from churn_torch.evaluation.groups.fairness import GAPS
from churn_torch.evaluation.groups.group_metrics import holm, measure
from churn_torch.evaluation.groups.segments import Segments
from churn_torch.evaluation.share_intervals import wilson


@pytest.fixture(scope="module")
def rows():
    """Three groups, of which the last leaves more often; a fourth of five customers."""
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1, 2, 3], [500, 400, 300, 5])
    probability = rng.beta(1 + (codes == 2), 3).astype(np.float32)
    label = (rng.random(len(codes)) < probability).astype(np.float32)
    return Segments(codes, ("a", "b", "c", "five")), probability, label, probability >= 0.4


@pytest.fixture(scope="module")
def measured(rows):
    return measure(*rows)


def test_the_metrics_of_a_group_are_those_of_its_rows(rows, measured):
    segments, probability, label, flagged = rows
    for position, group in enumerate(measured[0][:3]):
        here = segments.codes == position
        p, y, f = probability[here], label[here], flagged[here]
        assert (group.n, group.churners, group.flagged) == (len(y), y.sum(), f.sum())
        assert group.base_rate.value == pytest.approx(y.mean())
        assert group.selection_rate.value == pytest.approx(f.mean())
        assert group.recall.value == pytest.approx(sk.recall_score(y, f))
        assert group.precision.value == pytest.approx(sk.precision_score(y, f))
        assert group.false_positive_rate.value == pytest.approx(f[y == 0].mean())
        assert group.auroc.value == pytest.approx(sk.roc_auc_score(y, p))
        assert group.calibration.value == pytest.approx((p.astype(float) - y).mean())
        assert (group.recall.low, group.recall.high) == wilson(
            int((f & (y == 1)).sum()), int(y.sum())
        )
        assert group.too_small == ()
        assert group.auroc.low < group.auroc.value < group.auroc.high


def test_a_gap_is_that_between_the_groups_that_are_large_enough(measured):
    groups, gaps = measured
    assert [gap.name for gap in gaps] == list(GAPS)
    by_name = {gap.name: gap for gap in gaps}
    rates = [group.selection_rate.value for group in groups[:3]]
    parity = by_name["demographic_parity"]
    assert parity.value == pytest.approx(max(rates) - min(rates))
    assert parity.highest == "c"
    assert parity.lowest in ("a", "b")
    assert parity.left_out == ("five",)
    assert parity.differs
    assert parity.low > 0
    assert not by_name["calibration"].differs  # the probabilities are true
    odds, recall = by_name["equalized_odds"], by_name["equal_opportunity"]
    assert odds.value == pytest.approx(max(recall.value, _gap(groups, "false_positive_rate")))


def _gap(groups, metric) -> float:
    return float(np.ptp([getattr(group, metric).value for group in groups[:3]]))


def test_a_group_of_five_customers_is_shown_and_not_compared(measured):
    five = measured[0][3]
    assert (five.group, five.n) == ("five", 5)
    assert set(five.too_small) == {metric for ones in GAPS.values() for metric in ones} | {
        "precision"
    }
    assert five.base_rate.high - five.base_rate.low > 0.3


def test_what_cannot_be_measured_is_none():
    codes = np.repeat([0, 1, 2], [40, 40, 1])
    probability = np.full(81, 0.2, np.float32)
    label = np.r_[np.zeros(40), np.tile([0, 1], 20), 1].astype(np.float32)
    segments = Segments(codes, ("stayers", "both", "one", "nobody"))
    groups, gaps = measure(segments, probability, label, probability >= 0.5)
    assert [group.group for group in groups] == ["stayers", "both", "one"]
    stayers, _, one = groups
    assert (stayers.auroc, stayers.recall, stayers.precision) == (None, None, None)
    assert stayers.base_rate.value == 0
    assert one.calibration is None
    # Only one group has churners enough to be found, so recall is not compared.
    assert {gap.name for gap in gaps} == {"base_rate", "demographic_parity", "calibration"}


def test_the_result_is_plain_json(measured):
    groups, gaps = measured
    content = [asdict(one) for one in (*groups, *gaps)]
    assert json.loads(json.dumps(content, allow_nan=False))


def test_holm_multiplies_the_smallest_by_the_number_and_keeps_the_order():
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []

"""Metrics by segment against scikit-learn, statsmodels' formula and slow NumPy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn import metrics as sk

from churn_torch.evaluation.groups.segments import (
    MIN_ROWS,
    MISSING,
    OTHER,
    mean_interval,
    segment,
    segment_metrics,
)
from churn_torch.evaluation.share_intervals import wilson
from churn_torch.evaluation.split_metrics import SplitMetrics

RNG = np.random.default_rng(0)
N = 600
LABEL = (RNG.random(N) < 0.3).astype(np.float32)
PROBABILITY = (0.6 * RNG.random(N) + 0.3 * LABEL).astype(np.float32)
PLAN = pd.Series(np.where(RNG.random(N) < 0.2, "gold", "basic"))


def names_of(values: object, **more: int) -> list[str]:
    """The segment of each row by its name."""
    segments = segment(pd.Series(values), **more)
    return [segments.names[code] for code in segments.codes]


# What the segments are


def test_each_text_is_a_segment_the_most_frequent_first_and_missing_last():
    values = pd.Series(["b", "a", "b", None, " ", "c", "c", "b"])
    segments = segment(values)
    assert segments.names == ("b", "c", "a", MISSING)
    assert segments.codes.tolist() == [0, 2, 0, 3, 3, 1, 1, 0]
    assert segments.note == ""
    coded = segment(values.astype("category"))
    assert (coded.names, coded.codes.tolist()) == (segments.names, segments.codes.tolist())


def test_rare_texts_are_put_together():
    values = pd.Series([*"aaabbc", "d", "e", None])
    segments = segment(values, most=2)
    assert segments.names == ("a", "b", OTHER, MISSING)
    assert segments.codes.tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 3]
    assert segments.note == "the 2 most frequent of 5 values; the others are (other)"
    assert segment(values[:5], most=2).names == ("a", "b")


def test_few_numbers_are_segments_in_their_order():
    assert segment(pd.Series([10.0, 2, np.nan, 10])).names == ("2", "10", MISSING)
    assert names_of([10.0, 2, np.nan, 10]) == ["10", "2", MISSING, "10"]
    assert names_of([True, False]) == ["1", "0"]
    assert names_of([1234567.0, 0.5]) == ["1,234,567", "0.5"]
    dates = pd.to_datetime(["2024-05-01", None, "2023-01-01 12:00"], format="ISO8601")
    assert names_of(dates) == ["2024-05-01", MISSING, "2023-01-01T12:00:00+00:00"]


def test_many_numbers_are_cut_at_their_quartiles():
    values = pd.Series(np.r_[RNG.permutation(np.arange(1.0, 101)), np.nan])
    segments = segment(values)
    assert segments.names == (
        "up to 25", "above 25 to 50", "above 50 to 75", "above 75", MISSING,
    )  # fmt: skip
    assert np.bincount(segments.codes).tolist() == [25, 25, 25, 25, 1]
    assert segments.note == "100 values, cut at their quartiles"
    for code, low, high in ((0, 1, 25), (1, 26, 50), (2, 51, 75), (3, 76, 100)):
        inside = values[segments.codes == code]
        assert (inside.min(), inside.max()) == (low, high)


@pytest.mark.parametrize("common", [0.0, 1000.0])
def test_a_value_that_most_rows_have_stays_whole(common):
    values = pd.Series([common] * 90 + list(range(1, 31)))
    segments = segment(values)
    assert len(segments.names) == 2
    assert set(np.bincount(segments.codes)) == {90, 30}


def test_many_dates_are_cut_too():
    dates = pd.Series(pd.date_range("2024-01-01", periods=41))
    assert segment(dates).names[0] == "up to 2024-01-11"
    assert len(segment(dates).names) == 4


# Their metrics


def measured(**more: object) -> pd.DataFrame:
    given = {"threshold": 0.4, **more}
    return segment_metrics("plan", segment(PLAN), PROBABILITY, LABEL, **given)


def test_metrics_are_those_of_the_rows_of_a_segment():
    frame = measured()
    assert frame["column"].tolist() == ["plan", "plan"]
    assert frame["segment"].tolist() == ["basic", "gold"]
    for row in frame.to_dict("records"):
        here = PLAN.eq(row["segment"]).to_numpy()
        y, p = LABEL[here].astype(int), PROBABILITY[here].astype(np.float64)
        called = (PROBABILITY[here] >= np.float32(0.4)).astype(int)
        assert row["n"] == here.sum()
        assert row["churn_rate"] == pytest.approx(y.mean())
        assert row["auroc"] == pytest.approx(sk.roc_auc_score(y, p))
        assert row["log_loss"] == pytest.approx(sk.log_loss(y, p))
        assert row["calibration_gap"] == pytest.approx(p.mean() - y.mean(), abs=1e-9)
        assert row["precision"] == pytest.approx(sk.precision_score(y, called))
        assert row["recall"] == pytest.approx(sk.recall_score(y, called))
        bins = np.minimum((p * 15).astype(int), 14)
        gaps = [abs((p - y)[bins == b].sum()) for b in range(15)]
        assert row["ece"] == pytest.approx(sum(gaps) / len(y))
        assert row["churn_rate_low"] == pytest.approx(wilson(int(y.sum()), len(y))[0])
        assert row["precision_high"] == pytest.approx(wilson(int((called & y).sum()),
                                                             int(called.sum()))[1])  # fmt: skip
        assert row["recall_low"] == pytest.approx(wilson(int((called & y).sum()), int(y.sum()))[0])
        losses = -np.where(y == 1, np.log(p), np.log(1 - p))
        assert row["log_loss_low"] == pytest.approx(mean_interval(losses)[0])
        assert row["calibration_gap_high"] == pytest.approx(mean_interval(p - y)[1])


def test_the_interval_of_the_auroc_is_that_of_the_whole_evaluation():
    import torch

    here = PLAN.eq("gold").to_numpy()
    split = SplitMetrics()
    split.update(torch.from_numpy(PROBABILITY[here]), torch.from_numpy(LABEL[here]))
    row = measured().iloc[1]
    assert (row["auroc_low"], row["auroc_high"]) == split.intervals()["auroc"]


def test_segments_add_up_to_the_whole():
    frame = measured()
    share = frame["n"] / N
    assert frame["n"].sum() == N
    assert (share * frame["churn_rate"]).sum() == pytest.approx(LABEL.mean())
    whole = sk.log_loss(LABEL, PROBABILITY.astype(np.float64))
    assert (share * frame["log_loss"]).sum() == pytest.approx(whole)


@pytest.mark.parametrize("few", [MIN_ROWS - 1, MIN_ROWS])
def test_few_rows_or_one_class_have_only_a_churn_rate(few):
    column = pd.Series(["few"] * few + ["kept"] * 100 + ["left"] * 100)
    label = np.r_[np.arange(few) % 2, np.zeros(100), np.ones(100)].astype(np.float32)
    probability = np.linspace(0.1, 0.9, len(label)).astype(np.float32)
    frame = segment_metrics("c", segment(column), probability, label, threshold=0.5)
    frame = frame.set_index("segment")
    rest = frame.drop(columns=["column", "n", "churn_rate", "churn_rate_low", "churn_rate_high"])
    assert rest.loc[["kept", "left"]].isna().all(axis=None)
    assert rest.loc["few"].isna().all() == (few < MIN_ROWS)
    assert frame["n"].to_dict() == {"few": few, "kept": 100, "left": 100}
    assert frame["churn_rate"].notna().all()


def test_nobody_called_a_churner_leaves_precision_out():
    frame = measured(threshold=1.0)
    assert frame["precision"].isna().all()
    assert frame["precision_low"].isna().all()
    assert (frame["recall"] == 0).all()


# Intervals


def test_the_interval_of_a_mean():
    values = np.array([1.0, 2.0, 4.0, 9.0])
    half = norm.ppf(0.975) * values.std(ddof=1) / 2
    assert mean_interval(values) == pytest.approx((4 - half, 4 + half))

"""Weak segments: a planted one is found, a right model has none, and its numbers are right."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from churn_torch.evaluation.groups.segment_tree import Condition
from churn_torch.evaluation.groups.weak_segments import (
    ROWS_NEEDED,
    WeakSegment,
    reason_not_searched,
    weak_segments,
)
from churn_torch.tables.schema import Column, Kind, Schema, Storage

N = 3_000
SCHEMA = Schema(
    (
        Column("tenure", Kind.NUMERIC, Storage.NUMBER),
        Column("contract", Kind.CATEGORICAL, Storage.TEXT),
        Column("region", Kind.CATEGORICAL, Storage.TEXT),
    ),
    "churn",
    "1",
    "0",
)


def made(seed: int, n: int = N) -> tuple[pd.DataFrame, np.ndarray]:
    """Parsed rows and their log-odds."""
    random = np.random.default_rng(seed)
    tenure = np.floor(random.exponential(20, n))
    contract = random.choice(["Month-to-month", "One year"], n)
    region = random.choice(["North", "South", "East", "West", ""], n)
    logit = -0.8 - 0.03 * tenure + 0.8 * (contract == "Month-to-month") + random.normal(size=n)
    tenure[random.random(n) < 0.1] = np.nan
    words = {"contract": contract, "region": region}
    frame = pd.DataFrame({"tenure": tenure, **words}).astype(dict.fromkeys(words, "str"))
    return frame, logit


def expit(logit: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-logit)))


def labels(logit: np.ndarray, seed: int) -> np.ndarray:
    drawn = np.random.default_rng(seed + 1_000).random(len(logit))
    return (drawn < expit(logit)).astype(np.float32)


def with_planted(seed: int, more: float = 1.5) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    frame, logit = made(seed)
    weak = ((frame["contract"] == "Month-to-month") & (frame["tenure"] <= 10)).to_numpy()
    return frame, expit(logit), labels(logit + more * weak, seed)


def test_a_planted_segment_is_found_and_put_into_words() -> None:
    frame, probability, label = with_planted(0)
    first, *_ = weak_segments(frame, probability, label, SCHEMA, seed=0)
    contract, tenure = sorted(first.conditions, key=lambda one: one.column)
    assert contract == Condition("contract", "is", "Month-to-month")
    assert (tenure.column, tenure.operator, tenure.or_missing) == ("tenure", "up to", False)
    assert int(tenure.value) == pytest.approx(10, abs=1)
    assert first.gap_low > 0.1
    assert first.p_value < 1e-6
    assert first.sentence.startswith("For customers with ")
    assert "contract Month-to-month" in first.sentence
    rates = [f"{100 * rate:.0f} %" for rate in (first.mean_probability, first.churn_rate)]
    assert "the model predicts {}, but {} leave".format(*rates) in first.sentence
    assert first.sentence.endswith(f"(n = {first.n}).")
    json.dumps(asdict(first), allow_nan=False)


def test_the_numbers_are_those_of_rows_that_the_segment_was_not_found_on() -> None:
    frame, probability, label = with_planted(1)
    frame["tenure"] = frame["tenure"].fillna(50)
    (found, *_) = weak_segments(frame, probability, label, SCHEMA, seed=3)
    order = np.random.default_rng(3).permutation(N)
    tested = order >= N / 2
    (limit,) = (float(one.value) for one in found.conditions if one.column == "tenure")
    here = tested & (frame["contract"] == "Month-to-month") & (frame["tenure"] <= limit)
    y, p = label[here], probability[here]
    assert found.n == here.sum()
    assert found.share == pytest.approx(here.sum() / tested.sum())
    assert found.churn_rate == pytest.approx(y.mean())
    assert found.mean_probability == pytest.approx(p.mean())
    assert found.gap == pytest.approx(y.mean() - p.mean())
    assert found.log_loss == pytest.approx(log_loss(y, p))
    entropy = -p * np.log(p) - (1 - p) * np.log(1 - p)
    assert found.excess_log_loss == pytest.approx(log_loss(y, p) - entropy.mean())
    assert found.auroc == pytest.approx(roc_auc_score(y, p))
    assert found.gap_low < found.gap < found.gap_high
    # Wider than the interval of one segment, and not wider than a correction by Bonferroni.
    half = (found.gap_high - found.gap_low) / 2 / np.sqrt(np.var(y - p) / len(y))
    assert 1.96 < half < 3.1


def test_probabilities_in_no_order_are_found_though_their_mean_is_right() -> None:
    frame, logit = made(2)
    south = (frame["region"] == "South").to_numpy()
    real = np.where(south, 0.0, logit)
    said = np.where(south, np.random.default_rng(0).normal(0, 3, N), logit)
    (found,) = weak_segments(frame, expit(said), labels(real, 2), SCHEMA, seed=0)
    assert found.conditions == (Condition("region", "is", "South"),)
    assert found.gap_low < 0 < found.gap_high
    assert found.excess_low > 0.2
    assert found.auroc == pytest.approx(0.5, abs=0.1)
    assert "too sure of itself" in found.sentence


def test_much_churn_is_no_weakness_and_a_right_model_has_none() -> None:
    alarms = 0
    for seed in range(15):
        frame, logit = made(seed, 600)
        logit = np.where(frame["contract"] == "Month-to-month", 0.0, logit - 2)
        alarms += bool(weak_segments(frame, expit(logit), labels(logit, seed), SCHEMA, seed=seed))
    assert alarms <= 3  # binomial with 5 %: more has a probability of 1 %


def test_few_churners_raise_no_alarm() -> None:
    alarms = 0
    for seed in range(15):
        frame, logit = made(seed, 600)
        logit = logit - 4
        label = labels(logit, seed)
        label[0] = 1.0
        alarms += bool(weak_segments(frame, expit(logit), label, SCHEMA, seed=seed))
    assert alarms <= 3


def test_rows_of_one_customer_count_together() -> None:
    alarms = {"rows": 0, "customers": 0}
    customer = np.repeat(np.arange(400), 3)
    for seed in range(10):
        few, logit = made(seed, 400)
        frame, probability = few.loc[customer].reset_index(drop=True), expit(logit)[customer]
        label = labels(logit, seed)[customer]  # a customer leaves in all rows or in none
        given = (frame, probability, label, SCHEMA)
        alarms["rows"] += bool(weak_segments(*given, seed=seed))
        alarms["customers"] += bool(weak_segments(*given, seed=seed, clusters=customer))
    assert alarms["customers"] <= 2 < alarms["rows"]


def test_an_error_that_is_too_small_to_matter_is_not_told() -> None:
    n = 60_000
    plan = np.repeat(["a", "b"], n // 2)
    frame = pd.DataFrame({"plan": pd.Series(plan, dtype="str")})
    schema = Schema((Column("plan", Kind.CATEGORICAL, Storage.TEXT),), "churn", "1", "0")
    label = (np.arange(n) % 2).astype(np.float32)
    assert weak_segments(frame, np.full(n, 0.51), label, schema, seed=0) == ()
    assert weak_segments(frame, np.full(n, 0.6), label, schema, seed=0) != ()


def test_probabilities_of_0_and_1() -> None:
    frame, logit = made(5)
    label = labels(logit, 5)
    assert weak_segments(frame, label, label, SCHEMA, seed=0) == ()
    found = weak_segments(frame, 1 - label, label, SCHEMA, seed=0)
    assert all(isinstance(one, WeakSegment) and np.isfinite(one.log_loss) for one in found)


@pytest.mark.parametrize("dtype", ["str", "category"])
def test_the_same_seed_finds_the_same(dtype: str) -> None:
    frame, probability, label = with_planted(4)
    texts = frame.astype({"contract": dtype, "region": dtype})
    found = weak_segments(texts, probability.astype(np.float32), label, SCHEMA, seed=1)
    assert found == weak_segments(frame, probability.astype(np.float32), label, SCHEMA, seed=1)
    assert found


def test_rows_that_cannot_be_searched() -> None:
    frame, logit = made(0, ROWS_NEEDED)
    label = labels(logit, 0)
    nothing = Schema((), "churn", "1", "0")
    for rows, of, schema, reason in (
        (frame, label, SCHEMA, ""),
        (frame[1:], label[1:], SCHEMA, "there are 199 rows, and 200 are needed"),
        (frame[:0], label[:0], SCHEMA, "there are 0 rows, and 200 are needed"),
        (frame, np.zeros(ROWS_NEEDED), SCHEMA, "all rows are customers who stayed"),
        (frame, np.ones(ROWS_NEEDED), SCHEMA, "all rows are churners"),
        (frame[[]], label, nothing, "the model has no columns"),
    ):
        assert reason_not_searched(of, schema) == reason
        if reason:
            found = weak_segments(rows, np.full(len(of), 0.5), of, schema, seed=0)
            assert found == ()

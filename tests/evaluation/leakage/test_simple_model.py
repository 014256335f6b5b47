"""The simple model: a logistic regression with a small penalty, and its inputs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from churn_torch.evaluation.leakage import simple_model
from churn_torch.evaluation.leakage.simple_model import fit, inputs_of
from churn_torch.tables.schema import Column, Kind, Schema, Storage

RANDOM = np.random.default_rng(0)
N = 600
COLUMNS = (
    Column("x", Kind.NUMERIC, Storage.NUMBER),
    Column("plan", Kind.CATEGORICAL, Storage.TEXT),
    Column("day", Kind.DATETIME, Storage.DATETIME),
    Column("none", Kind.NUMERIC, Storage.NUMBER),
)
SCHEMA = Schema(COLUMNS, "churn", "1", "0")
PARSED = pd.DataFrame(
    {
        "x": np.where(RANDOM.random(N) < 0.2, np.nan, RANDOM.normal(5, 2, N)),
        "plan": pd.Series(RANDOM.choice(["a", "b", ""], N), dtype="str"),
        "day": RANDOM.integers(19_000, 19_300, N).astype(np.float64),
        "none": np.full(N, np.nan),
    }
)
LABEL = (RANDOM.random(N) < 0.2 + 0.4 * (PARSED["plan"] == "a")).to_numpy().astype(np.float32)


def test_inputs_are_values_and_marks() -> None:
    inputs = inputs_of(PARSED, SCHEMA, ["x", "plan", "none"])
    value, marks, plans = inputs[:, 1], inputs[:, 2:11], inputs[:, 11:]
    assert (inputs[:, 0] == 1).all()
    missing = PARSED["x"].isna()
    assert (value[missing] == 0).all()
    assert value[~missing].mean() == pytest.approx(0, abs=0.01)  # but for the clipped ones
    assert (marks.sum(axis=1) == 1).all()
    assert (marks[:, 0] == missing).all()
    assert (plans.sum(axis=1) == 1).all()
    assert plans.shape[1] == 3
    assert np.isfinite(inputs).all()
    dated = inputs_of(PARSED, SCHEMA, ["day"])
    assert dated.shape[1] > 20  # a date has more bins
    assert np.abs(dated[:, 1]).max() <= 3


def test_the_fit_is_that_of_scikit_learn() -> None:
    inputs = inputs_of(PARSED, SCHEMA, ["x", "plan"])
    reference = LogisticRegression(C=1 / simple_model._L2, tol=1e-8, max_iter=1000)
    reference.fit(inputs[:, 1:], LABEL)
    weights = fit(inputs, LABEL)
    np.testing.assert_allclose(weights[1:], reference.coef_[0], atol=1e-3)
    assert weights[0] == pytest.approx(reference.intercept_[0], abs=1e-3)

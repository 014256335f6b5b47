"""A treatment that chance decided passes; one that the columns tell is refused by name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from churn_torch.errors import InputError
from churn_torch.evaluation.uplift.randomisation import _logistic, balance, check_randomised


def features(rng: np.random.Generator, n: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "tenure": np.where(rng.random(n) < 0.1, np.nan, rng.exponential(20, n)),
            "charges": rng.normal(60, 20, n),
            "plan": rng.choice(["month", "year", ""], n),
            "same": np.ones(n),
        }
    )


def test_chance_is_not_refused():
    rng = np.random.default_rng(0)
    outside = 0
    for seed in range(60):
        table = features(rng, 500)
        found = balance(table, (rng.random(500) < 0.4).astype(float), seed=seed)
        assert not found.told
        assert not found.imbalanced
        outside += not found.interval[0] <= 0.5 <= found.interval[1]
        assert list(found.differences.keys() - {"tenure", "charges", "plan"}) == []
    assert outside <= 7  # 3 of 60 are expected


def test_a_treatment_that_follows_a_column_is_refused_unless_its_probability_is_given():
    rng = np.random.default_rng(0)
    table = features(rng, 2000)
    e = 1 / (1 + np.exp(-(table["charges"] - 60) / 20)).to_numpy()
    treatment = (rng.random(2000) < e).astype(float)
    found = balance(table, treatment)
    assert found.imbalanced == ["charges"]
    assert next(iter(found.differences)) == "charges"
    sentence = r"^data\.treatment: expected a treatment that chance decided.* 0\.7\d\d .*charges \+"
    with pytest.raises(InputError, match=sentence):
        check_randomised(found, probability_given=False)
    check_randomised(found, probability_given=True)
    weighted = balance(table, treatment, weight=1 / np.where(treatment == 1, e, 1 - e))
    assert abs(weighted.differences["charges"]) < 0.15 < found.differences["charges"]


def test_categories_and_missing_cells_can_tell_too():
    rng = np.random.default_rng(0)
    table = features(rng, 2000)
    for told_by, cells in (("plan", table["plan"] == "year"), ("tenure", table["tenure"].isna())):
        treatment = np.where(rng.random(2000) < 0.7, cells, rng.random(2000) < 0.5)
        found = balance(table, treatment.astype(float))
        assert told_by in found.imbalanced
        assert found.told


def test_few_customers_and_no_columns():
    table = features(np.random.default_rng(0), 4)
    assert not balance(table, np.array([0.0, 1.0, 0.0, 0.0])).told
    assert balance(table[["same"]], np.array([0.0, 1.0, 0.0, 0.0])).auroc == 0.5


def test_the_regression_is_scikit_learns():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 3))
    y = rng.random(300) < 1 / (1 + np.exp(-x[:, 0]))
    assert _logistic(x, y) == pytest.approx(
        LogisticRegression(C=1.0, tol=1e-8).fit(x, y).coef_[0], abs=1e-5
    )

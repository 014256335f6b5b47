"""Coefficients in raw units: against a fit on the raw columns, and what is said where none are."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import t as student

from churn_torch.explanation import coefficients as module
from churn_torch.explanation.coefficients import coefficients, has_coefficients
from churn_torch.explanation.logistic_inference import fit_logistic
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.tables.encode import encode, parse


def made(n: int = 900, seed: int = 3) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": random.normal(45, 12, n),
            "calls": random.poisson(2, n).astype(float),
            "plan": random.choice(["basic", "plus", "gold"], n, p=[0.5, 0.3, 0.2]),
            "member": random.choice([0, 1], n),
            "joined": pd.Timestamp("2020-01-01")
            + pd.to_timedelta(random.integers(0, 900, n), unit="D"),
        }
    )
    logit = -3 + 0.04 * frame["age"] + 0.8 * (frame["plan"] == "gold") - 0.5 * frame["member"]
    frame["churned"] = random.random(n) < 1 / (1 + np.exp(-logit))
    return frame


@pytest.fixture(scope="module")
def run_on(train_run, tmp_path_factory):
    def train(frame: pd.DataFrame, *keys: str):
        folder = tmp_path_factory.mktemp("coefficients") / "run"
        keys = ("data=table", "data.target=churned", "debug=fast", *keys)
        run = train_run(folder, *keys, source=frame)
        columns = Columns.from_arrays(encode(parse(frame, run.schema), run.schema))
        return run, columns, frame["churned"].to_numpy()

    return train


@pytest.fixture(scope="module")
def linear(run_on):
    return run_on(made(), "model=logreg", "preprocess.outliers=none")


def rows_of(found) -> dict:
    return {(row.column, row.term): row for row in found.rows}


def test_they_are_those_of_a_fit_on_the_raw_columns(linear) -> None:
    run, columns, label = linear
    frame = made()
    found = coefficients(run.scorer, run.schema, columns, label, l2=1e-4)
    rows = rows_of(found)
    at = pd.DatetimeIndex(frame["joined"])
    raw = np.column_stack(
        [
            frame["age"], frame["calls"], frame["member"], frame["plan"] == "plus",
            frame["plan"] == "gold",
        ]
    ).astype(float)  # fmt: skip
    # The date has further features, which are the same ones in both fits.
    x = run.scorer.preprocess(*columns).detach().double().numpy()
    dated = [i for i, c in enumerate(run.scorer.preprocess.feature_columns) if c == "joined"]
    fit = fit_logistic(np.column_stack([raw, x[:, dated]]), label)
    named = [("age", "per unit"), ("calls", "per unit"), ("member", "yes against no"),
             ("plan", "plus against basic"), ("plan", "gold against basic")]  # fmt: skip
    for i, name in enumerate(named):
        row = rows[name]
        estimate, error = fit.estimate(np.eye(raw.shape[1] + len(dated))[i])
        assert (row.estimate, row.std_error) == pytest.approx((estimate, error), rel=2e-5)
        assert row.odds_ratio == pytest.approx(np.exp(estimate), rel=1e-4)
        assert row.odds_low == pytest.approx(np.exp(estimate - 1.959964 * error), rel=1e-4)
        assert row.odds_high == pytest.approx(np.exp(row.high))
    age = rows["age", "per unit"]
    assert age.odds_ratio_per_sd == pytest.approx(
        np.exp(age.estimate * frame["age"].std(ddof=0)), rel=1e-4
    )
    assert rows["joined", "per year"].unit == "year"
    assert len(at) == len(frame)


def test_intervals_of_few_customers_are_those_of_students_t(linear) -> None:
    run, columns, label = linear
    customer = np.arange(len(label)) % 15
    found = coefficients(run.scorer, run.schema, columns, label, l2=1e-4, group=customer)
    for row in found.rows:
        freedom = student(14)
        assert row.high - row.low == pytest.approx(2 * freedom.ppf(0.975) * row.std_error)
        expected = 2 * freedom.sf(abs(row.estimate) / row.std_error)
        assert row.p_value == pytest.approx(expected)


def test_the_models_own_stand_beside(linear) -> None:
    run, columns, label = linear
    found = coefficients(run.scorer, run.schema, columns, label, l2=1e-4)
    row = rows_of(found)["age", "per unit"]
    older = columns._replace(float32=columns.float32.clone())
    place = run.scorer.preprocess.columns.index("age")
    older.float32[:, place] += 1
    with torch.no_grad():
        moved = run.scorer.raw_logit(*older) - run.scorer.raw_logit(*columns)
    assert row.model == pytest.approx(float(moved.mean()), rel=1e-3)
    assert "without the model's penalty" in found.method


def test_the_most_certain_column_is_first_and_columns_stay_together(linear) -> None:
    run, columns, label = linear
    rows = coefficients(run.scorer, run.schema, columns, label, l2=1e-4).rows
    order = [row.column for row in rows]
    assert order[0] == "age"
    changes = sum(a != b for a, b in itertools.pairwise(order))
    assert changes == len(set(order)) - 1


def test_copies_and_levels_of_churners_alone_are_named_and_left_out(run_on) -> None:
    frame = made()
    frame["copy"] = frame["plan"].str.upper()
    frame["odd"] = np.where(np.arange(900) % 45 == 0, "special", "usual")
    frame.loc[frame["odd"] == "special", "churned"] = True
    run, columns, label = run_on(frame, "model=logreg")
    found = coefficients(run.scorer, run.schema, columns, label, l2=1e-4)
    assert {"plan", "copy", "odd"}.isdisjoint(row.column for row in found.rows)
    said = " ".join(found.warnings)
    assert "plan (plus against basic)" in said
    assert "odd (special against usual): all rows of one side" in said
    assert "copy (exactly)" in said


def test_where_columns_separate_the_classes_the_penalised_estimate_is_shown(linear) -> None:
    run, columns, _ = linear
    found = coefficients(run.scorer, run.schema, columns, made()["age"] > 45, l2=1e-3)
    assert found.rows
    assert all(np.isfinite(row.std_error) for row in found.rows)
    assert "penalised" in found.method
    assert "without an error" in found.warnings[0]


def test_rows_are_worth_their_time_up_to_a_size_of_the_design(linear, monkeypatch) -> None:
    run, _, _ = linear
    n_features = run.scorer.preprocess.n_features
    monkeypatch.setattr(module, "MOST_CELLS", 450 * n_features)
    monkeypatch.setattr(module, "_FEWEST_FEATURES", 1)
    assert module.most_rows(run.scorer) == 450
    monkeypatch.setattr(module, "_FEWEST_FEATURES", 2 * n_features)
    assert module.most_rows(run.scorer) == 225


def test_a_column_of_one_customer_among_few_is_left_out_and_said(linear) -> None:
    run, columns, label = linear
    customer = np.where(made()["member"] == 1, 0, 1 + np.arange(len(label)) % 14)
    found = coefficients(run.scorer, run.schema, columns, label, l2=1e-4, group=customer)
    assert ("member", "yes against no") not in rows_of(found)
    assert ("age", "per unit") in rows_of(found)
    assert "member (yes against no): the rows of one customer alone" in " ".join(found.warnings)


def test_rows_of_one_class_have_no_odds_ratios(linear) -> None:
    run, columns, label = linear
    found = coefficients(run.scorer, run.schema, columns, 0 * label, l2=1e-4)
    assert found.rows == ()
    assert found.warnings == ("The 900 rows are all of customers who stay.",)


def test_a_scorecard_compares_bins_with_the_most_frequent_one(run_on) -> None:
    frame = made(400)
    run, columns, label = run_on(frame, "model=scorecard")
    found = coefficients(run.scorer, run.schema, columns, label, l2=1e-4)
    rows = rows_of(found)
    assert ("plan", "gold against basic") in rows
    assert all(" against " in row.term for row in found.rows)
    assert all(row.std_error > 0 for row in found.rows)
    assert "pairs of columns are part of the fit" in found.method
    assert found.inflation == {}
    assert found.condition_number is None


def test_other_nets_have_none(customers_run, linear) -> None:
    assert has_coefficients(linear[0].scorer)
    net = torch.nn.Sequential()
    scorer = type(linear[0].scorer)(linear[0].scorer.preprocess, net, linear[0].scorer.calibrator)
    assert not has_coefficients(scorer)

"""The coefficients of a run, on its own training rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_torch.workflows.explanation import coefficients as workflow
from churn_torch.workflows.explanation.coefficients import TrainingRows, coefficients_of
from churn_torch.workflows.rows.own_rows import own_rows


@pytest.fixture(scope="module")
def grouped(train_run, tmp_path_factory):
    """Return a run of customers with four rows each, three in a row the same."""
    random = np.random.default_rng(0)
    customer = np.repeat(np.arange(150), 4)
    calls = random.poisson(2, 150)[customer]
    churned = (random.random(150) < 1 / (1 + np.exp(-(0.6 * calls[::4] - 1.5))))[customer]
    folder = tmp_path_factory.mktemp("grouped")
    path = folder / "rows.csv"
    frame = pd.DataFrame({"customer": customer, "calls": calls, "churned": churned})
    frame.assign(noise=random.normal(size=600)).to_csv(path, index=False)
    keys = ["data=table", f"data.source={path}", "data.target=churned", "data.split.by=group"]
    keys += ["data.split.column=customer", "debug=fast"]
    return train_run(folder / "run", *keys)


def test_rows_of_one_customer_are_taken_together(grouped, monkeypatch) -> None:
    found = coefficients_of(grouped, announce=lambda sentence: None)
    assert "rows of one customer together" in found.method
    monkeypatch.setattr(workflow, "customers", lambda run, carried: None)
    naive = coefficients_of(grouped, announce=lambda sentence: None)
    error, alone = (
        next(row.std_error for row in one.rows if row.column == "calls") for one in (found, naive)
    )
    # Four rows say no more than one: the error is twice as large.
    assert error / alone == pytest.approx(2, rel=0.2)


def test_many_rows_are_drawn_as_they_arrive_and_this_is_said(grouped, monkeypatch) -> None:
    monkeypatch.setattr(workflow, "most_rows", lambda scorer: n_train // 3)
    n_train = grouped.metrics["data"]["n_train"]
    (whole,) = own_rows(grouped, None, announce=lambda sentence: None)
    at_once, in_chunks = TrainingRows(grouped), TrainingRows(grouped)
    at_once.add(whole)
    for start in range(0, len(whole.label), 70):
        in_chunks.add(whole.take(np.arange(start, min(start + 70, len(whole.label)))))
    drawn = at_once.joined()
    pd.testing.assert_frame_equal(drawn.parsed, in_chunks.joined().parsed)
    # One in four, of rows in all places of a customer's four.
    assert len(drawn.label) == pytest.approx(n_train / 4, rel=0.25)
    assert set(drawn.carried["row"] % 4) == {0, 1, 2, 3}
    found = coefficients_of(grouped, announce=lambda sentence: None)
    assert found.warnings[0] == f"One in 4 of the {n_train:,} training rows was taken."


def test_robust_errors_are_asked_for(customers_run, telco_run) -> None:
    found = coefficients_of(telco_run, robust=True, announce=lambda sentence: None)
    assert "sandwich" in found.method
    assert {"tenure", "contract"} <= {row.column for row in found.rows}

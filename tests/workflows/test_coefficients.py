"""The coefficients of a run, on its own training rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_torch.workflows import coefficients as workflow
from churn_torch.workflows.coefficients import coefficients_of


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


def test_many_rows_are_thinned_out_in_step(grouped, monkeypatch) -> None:
    seen = []
    keep = workflow.coefficients
    monkeypatch.setattr(
        workflow, "coefficients", lambda *a, **k: seen.append(len(a[3])) or keep(*a, **k)
    )
    monkeypatch.setattr(workflow, "MOST_ROWS", grouped.metrics["data"]["n_train"] // 3)
    coefficients_of(grouped, announce=lambda sentence: None)
    assert seen == [-(-grouped.metrics["data"]["n_train"] // 4)]


def test_robust_errors_are_asked_for(customers_run, telco_run) -> None:
    found = coefficients_of(telco_run, robust=True, announce=lambda sentence: None)
    assert "sandwich" in found.method
    assert {"tenure", "contract"} <= {row.column for row in found.rows}

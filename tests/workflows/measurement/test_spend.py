"""Expected spend, from the column of a table to the list of a campaign."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from churn_torch.cli.compose import compose
from churn_torch.errors import InputError
from churn_torch.serving.scoring import score_table
from churn_torch.workflows.campaign import campaign
from churn_torch.workflows.configuration.check_config import check_choices
from churn_torch.workflows.configuration.options import train_options
from churn_torch.workflows.runs.run_folder import Run, load_run

KEYS = ("data=table", "data.target=churned", "data.spend=next", "data.value=predicted")


def customers(n: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    risk, orders = rng.normal(size=n), rng.poisson(3, n)
    churned = rng.random(n) < expit(risk - 1)
    spend = np.where(churned, np.nan, rng.gamma(2, 10 * np.exp(0.2 * orders)))
    return pd.DataFrame(
        {"risk": risk, "orders": orders, "next": spend, "churned": np.where(churned, "yes", "no")}
    )


@pytest.fixture(scope="module")
def run(train_run: Callable[..., Run], tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("spend") / "run"
    choices = ("data.horizon=2", "offer=call", "threshold=profit")
    return train_run(folder, *KEYS, *choices, source=customers())


def test_the_spend_is_learned_measured_and_in_the_file(run, tmp_path):
    measured, frame = run.metrics["test"]["spend"], customers()
    assert measured["explained"] > 0.1
    assert measured["ratio"] == pytest.approx(1, abs=0.3)
    assert run.metrics["fit"]["spend"]["penalty"] > 0
    predicted = pd.read_parquet(run.folder / "predictions.parquet")
    assert "next" in predicted  # carried, and no input
    assert [column.name for column in run.schema.inputs] == ["risk", "orders"]
    np.testing.assert_allclose(predicted["value"], 2 * predicted["expected_spend"], rtol=1e-6)
    assert run.metrics["test"]["profit"]["call"]  # by the predicted value

    score_table(run.model, frame.drop(columns=["next", "churned"]), tmp_path / "scores.parquet")
    scores = pd.read_parquet(tmp_path / "scores.parquet")
    assert list(scores)[-1] == "expected_spend"
    tested = scores["expected_spend"].iloc[predicted["row"]]
    np.testing.assert_allclose(tested, predicted["expected_spend"], rtol=1e-5)
    again = load_run(run.folder).scorer.spend
    assert again is not None
    assert float(again.high) == float(run.scorer.spend.high)


def test_a_campaign_takes_the_predicted_value(run, tmp_path):
    frame = customers().drop(columns=["next", "churned"])
    config = compose("campaign", [f"run={run.folder}", "offer=call", f"out={tmp_path}/calls.csv"])
    figures = campaign(config, source=frame)
    calls = pd.read_csv(tmp_path / "calls.csv")
    assert figures.value["value"] == "predicted"
    score_table(run.model, frame, tmp_path / "scores.parquet")
    spend = pd.read_parquet(tmp_path / "scores.parquet")["expected_spend"]
    np.testing.assert_allclose(calls["value"], 2 * spend.iloc[calls["row"]], rtol=1e-4)
    assert json.loads((tmp_path / "campaign.json").read_text())["value"]["horizon"] == 2


def test_a_file_without_it_cannot_say_the_value(telco_run, tmp_path):
    config = compose(
        "campaign",
        [f"run={telco_run.folder}", "offer=call", "value=predicted", f"out={tmp_path}/c.csv"],
    )
    with pytest.raises(InputError, match="value: expected a file that tells what customers are"):
        campaign(config, source=customers())


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (("data.value=predicted",), "data.value: expected data.spend beside predicted"),
        (("data.spend=next", "cv.folds=3"), "data.spend: expected one training"),
        (
            (*KEYS[2:], "loss=profit", "offer=call", "optimizer=adam"),
            "data.value: expected a number, a column or an expression with loss=profit",
        ),
    ],
)
def test_choices_that_do_not_go_along(keys, said):
    config = compose("train", ["data=table", "data.source=x", "data.target=churned", *keys])
    with pytest.raises(InputError, match=said):
        check_choices(train_options(config))


@pytest.mark.parametrize(("cell", "shown"), [(np.nan, "no number"), (-3.0, "-3")])
def test_a_spend_that_is_no_amount_is_refused(train_run, tmp_path, cell, shown):
    frame = customers(120)
    frame.loc[frame.index[frame["churned"] == "no"][5], "next"] = cell
    with pytest.raises(
        InputError, match=rf"data.spend: expected an amount.*got {shown} in the row"
    ):
        train_run(tmp_path / "run", *KEYS, "debug=fast", source=frame)
    assert not (tmp_path / "run" / "metrics.json").exists()

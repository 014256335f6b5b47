"""threshold=profit and the profit figures, from the training to the file and the evaluation."""

from __future__ import annotations

import json
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import churn_torch
from churn_torch.decisions.offers import Offer, payoffs
from churn_torch.decisions.profit import profit_curve
from churn_torch.errors import InputError
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.serving.describe import describe_file
from churn_torch.serving.model_file import ModelFile
from churn_torch.tables.encode import encode
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.tables.labelled.rows import Rows
from churn_torch.workflows.configuration.check_config import check_choices
from churn_torch.workflows.configuration.options import train_options
from churn_torch.workflows.cross_validate import cross_validate
from churn_torch.workflows.evaluate import evaluate
from churn_torch.workflows.export import export
from churn_torch.workflows.runs.run_folder import Run
from tests.composing import composed

CALL = Offer(contact_cost=10, keep_rate=0.3)
KEYS = ("threshold=profit", "offer=call", "data.value=household", "debug=fast")


@pytest.fixture(scope="module")
def profit_run(shared_run, table_keys, customers_csv) -> Run:
    keys = (*table_keys, f"data.source={customers_csv}", *KEYS, "data.horizon=2")
    return shared_run("profit", *keys)


def curve_of_validation(run: Run):
    """The profit curve of the validation rows, from the table and the finished model."""
    table = read_labelled(run.options.data, seed=run.options.seed)
    rows = Rows.joined([chunk.of("validation") for chunk in table.chunks()])
    p = run.scorer.score(Columns.from_arrays(encode(rows.parsed, run.schema))).numpy()
    return profit_curve(p, rows.label, payoffs(CALL, rows.carried["value"].to_numpy()))


@pytest.mark.usefixtures("without_export")
def test_the_threshold_earns_most_on_the_validation_rows(
    profit_run, train_run, table_keys, customers_csv, tmp_path
):
    keys = (*table_keys, f"data.source={customers_csv}", "data.streaming=true", *KEYS)
    for run in (profit_run, train_run(tmp_path / "run", *keys)):
        curve = curve_of_validation(run)
        chosen = curve.at(run.threshold, 0.3)
        assert chosen.profit == pytest.approx(curve.profit(0.3).max(), rel=1e-9)
        assert 0 < chosen.share < 1
        assert run.metrics["validation"]["threshold"] == run.threshold


def test_the_figures_are_those_of_the_test_rows(profit_run, customers, capsys):
    test = pd.read_parquet(profit_run.folder / "predictions.parquet")
    worth = test.merge(customers)["household"] * 2.0
    assert (test["value"] == worth).all()
    p = test["churn_probability"].to_numpy()
    curve = profit_curve(p, test["label"].to_numpy(), payoffs(CALL, worth.to_numpy()))
    (figures,) = profit_run.metrics["test"]["profit"].values()
    assert figures["mpc"] == pytest.approx(curve.best(0.3).profit)
    assert figures["profit"] == pytest.approx(curve.at(profit_run.threshold, 0.3).profit)
    assert figures["share"] == (p >= np.float32(profit_run.threshold)).mean()
    again = evaluate(composed("evaluate", [f"run={profit_run.folder}"]))
    assert json.loads(json.dumps(again)) == profit_run.metrics["test"]
    said = capsys.readouterr().out
    assert "call (keeps 30.0%)" in said
    assert "maximum profit a customer (MPC)" in said


def test_the_file_says_at_which_costs_it_decides(profit_run, customers):
    file = ModelFile(profit_run.model)
    said = file.metadata["decision"]
    assert said == profit_run.metrics["decision"]
    assert said["meaning"] == "worth contacting"
    assert (said["offer"]["call"]["contact_cost"], said["value"]) == (10, "household")
    assert (said["horizon"], said["discount_rate"]) == (2, 0)
    answers = file.run(file.feed(customers))
    flagged = answers["churn_probability"] >= np.float32(profit_run.threshold)
    assert np.array_equal(answers["churn_decision"], flagged)
    console = Console(file=StringIO(), width=200)
    for table in describe_file(file, 1):
        console.print(table)
    text = console.file.getvalue()
    assert "1 means worth contacting" in text
    assert "most profit with the offer call (contact_cost 10" in text
    assert "worth household for 2 periods" in text


def test_a_threshold_of_the_users_is_chosen_for_nothing(profit_run, tmp_path):
    keys = [f"run={profit_run.folder}", f"out={tmp_path / 'm.onnx'}", "threshold=0.4"]
    assert "decision" not in ModelFile(export(composed("export", keys))).metadata


def test_new_rows_are_measured_with_other_offers_and_values(profit_run, customers, tmp_path):
    source = tmp_path / "new.csv"
    customers.iloc[:150].to_csv(source, index=False)
    base = [f"run={profit_run.folder}", "data=table", f"data.source={source}"]
    metrics = evaluate(composed("evaluate", [*base, "offer=[call,discount]", "data.value=200"]))
    assert metrics["profit"].keys() == {"call", "discount"}
    p = profit_run.predict_proba(customers.iloc[:150])
    label = (customers["churned"][:150] == "yes").to_numpy()
    curve = profit_curve(p, label, payoffs(CALL, 200.0))
    assert metrics["profit"]["call"]["profit"] == pytest.approx(
        curve.at(profit_run.threshold, 0.3).profit
    )
    assert "empc" in metrics["profit"]["discount"]
    # The value of the training where none is said, its offer where none is named.
    valued = evaluate(composed("evaluate", [*base, "offer=call"]))["profit"]["call"]
    worth = customers["household"][:150].to_numpy() * 2.0
    assert valued["mpc"] == pytest.approx(
        profit_curve(p, label, payoffs(CALL, worth)).best(0.3).profit
    )
    named = evaluate(composed("evaluate", [*base, "data.value=200"]))["profit"]
    assert named == {"call": metrics["profit"]["call"]}
    assert "profit" not in evaluate(composed("evaluate", base))


def test_an_offer_without_a_value_is_refused_at_an_evaluation(customers_run):
    with pytest.raises(InputError, match=r"^data.value: expected what a kept customer is worth"):
        evaluate(composed("evaluate", [f"run={customers_run.folder}", "offer=call"]))


def test_nobody_worth_contacting_is_said_and_flagged_by_no_file(
    train_run, table_keys, customers_csv, customers, tmp_path, capsys
):
    keys = (*table_keys, f"data.source={customers_csv}", "threshold=profit", "offer=call")
    run = train_run(
        tmp_path / "run", *keys, "data.value=1", "debug=fast", "offer.call.where='add > 0'"
    )
    assert run.threshold == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "no share of the validation rows is worth contacting" in said
    assert "counts all customers as open to the offer call" in said
    (figures,) = run.metrics["test"]["profit"].values()
    assert (figures["mpc"], figures["profit"], figures["share"]) == (0, 0, 0)
    assert figures["best_threshold"] is None
    file = ModelFile(run.model)
    assert not file.run(file.feed(customers))["churn_decision"].any()


def test_each_fold_chooses_its_own_threshold(table_keys, customers_csv, tmp_path):
    keys = (*table_keys, f"data.source={customers_csv}", *KEYS[:-1], "cv.folds=2")
    metrics = cross_validate(composed("train", [*keys, "optimizer=newton"]), tmp_path / "run")
    first, second = (fold["test"]["threshold"] for fold in metrics["folds"])
    assert 0 < first != second > 0
    assert metrics["decision"]["value"] == "household"


def test_a_classifier_takes_it_too(customers):
    X, y = customers.drop(columns=["churned", "customer id"]), customers["churned"]
    overrides = ["threshold=profit", "offer=call", "data.value=household", "optimizer=newton"]
    model = churn_torch.ChurnClassifier(overrides=overrides).fit(X, y)
    assert 0 < model.threshold_ < 1
    assert model.metrics_["decision"]["offer"]["call"]["keep_rate"] == 0.3


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        (["threshold=profit"], "offer: expected one offer with threshold=profit, got none"),
        (["threshold=profit", "offer=[call,discount]", "data.value=1"], "offer: expected one"),
        (["threshold=profit", "offer=call"], "data.value: expected what a kept customer"),
        (["offer=call"], "data.value: expected what a kept customer is worth"),
        (["offer=call", "data.value=1", "offer.call.keep_rate=tenure"], "offer.call.keep_rate"),
        (["offer=call", "data.value=1", "offer.call.contact_cost=-1"], "offer.call.contact_cost"),
        (["offer=call", "data.value=1", "offer.call.keep_rate=1.1"], "offer.call.keep_rate"),
        (["threshold=benefit"], "threshold: expected f1, top_share, profit or a number"),
    ],
)
def test_choices_that_cannot_be_weighed_are_refused_before_the_fit(keys, named):
    with pytest.raises(InputError, match=f"^{named}"):
        check_choices(train_options(composed("train", keys)))


def test_negative_values_are_refused_while_reading(train_run, table_keys, customers_csv, tmp_path):
    keys = (*table_keys, f"data.source={customers_csv}", *KEYS[:2], "data.value='household - 10'")
    with pytest.raises(InputError, match=r"^data.value: expected a number of 0 or more"):
        train_run(tmp_path / "run", *keys)

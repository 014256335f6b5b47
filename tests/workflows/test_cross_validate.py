from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import log_loss, roc_auc_score

import churn_torch
from churn_torch.decisions.offer_profit import OfferProfit
from churn_torch.decisions.offers import Offer
from churn_torch.errors import InputError
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.serving.model_file import ModelFile
from churn_torch.serving.outputs import PROBABILITY
from churn_torch.tables.encode import encode, parse
from churn_torch.tables.labelled.folds import folds
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.tables.labelled.splits import Split
from churn_torch.training.fit_preprocessing import fit_preprocessing
from churn_torch.workflows.configuration.options import train_options
from churn_torch.workflows.cross_validate import cross_validate
from churn_torch.workflows.evaluate import evaluate
from churn_torch.workflows.fit import fitted
from churn_torch.workflows.runs.run_folder import load_run
from tests.composing import composed


@pytest.fixture(scope="module")
def keys(table_keys, customers_csv):
    return (*table_keys, f"data.source={customers_csv}", "optimizer=newton", "cv.folds=3")


@pytest.fixture(scope="module")
def done(keys, tmp_path_factory):
    """A finished cross-validation: its folder, its configuration, what was returned."""
    folder = tmp_path_factory.mktemp("cv") / "run"
    config = composed("train", [*keys, "calibration=platt", "threshold=f1", "cv.repeats=2"])
    return folder, config, cross_validate(config, folder)


def test_the_folder_holds_exactly_this(done):
    folder, _, metrics = done
    assert {path.name for path in folder.iterdir()} == {
        "config.yaml", "metrics.json", "predictions.parquet",
    }  # fmt: skip
    stored = json.loads((folder / "metrics.json").read_text())
    assert stored == json.loads(json.dumps(metrics))
    assert set(stored) == {
        "validation", "test", "spread", "standard_error", "folds", "data", "version",
        "suspicions",
    }  # fmt: skip
    with pytest.raises(InputError, match="got the cross-validation in"):
        load_run(folder)


def test_every_row_is_predicted_once_a_repeat(done, customers):
    folder, _, _ = done
    predictions = pd.read_parquet(folder / "predictions.parquet")
    assert list(predictions.columns) == [
        "customer id", "repeat", "fold", "label", "churn_probability",
    ]  # fmt: skip
    label = (customers["churned"] == "yes").to_numpy()
    for _, one in predictions.groupby("repeat"):
        ordered = one.sort_values("customer id")
        assert ordered["customer id"].tolist() == customers["customer id"].tolist()
        assert np.array_equal(ordered["label"] == 1, label)
        assert sorted(one["fold"].unique()) == [0, 1, 2]
    first, second = (
        one.set_index("customer id")["fold"] for _, one in predictions.groupby("repeat")
    )
    assert (first != second.loc[first.index]).any()


def test_means_and_spreads_are_those_of_the_folds(done):
    folder, _, metrics = done
    predictions = pd.read_parquet(folder / "predictions.parquet")
    by_fold = [one for _, one in predictions.groupby(["repeat", "fold"])]
    assert len(metrics["folds"]) == len(by_fold) == 6
    for measured, one in zip(metrics["folds"], by_fold, strict=True):
        expected = roc_auc_score(one["label"], one["churn_probability"])
        assert measured["test"]["auroc"] == pytest.approx(expected)
        assert measured["test"]["threshold"] == measured["validation"]["threshold"]
    losses = [log_loss(one["label"], one["churn_probability"].astype(float)) for one in by_fold]
    assert metrics["test"]["log_loss"] == pytest.approx(np.mean(losses), abs=1e-6)
    spread = np.std(losses, ddof=1)
    assert metrics["spread"]["test"]["log_loss"] == pytest.approx(spread, abs=1e-6)
    # Each of three folds tests half as many rows as it learns from (Nadeau & Bengio 2003).
    error = spread * np.sqrt(1 / 6 + 1 / 2)
    assert metrics["standard_error"]["log_loss"] == pytest.approx(error, rel=0.01)
    assert "base_rate" not in metrics["standard_error"]
    assert len({fold["test"]["threshold"] for fold in metrics["folds"]}) > 1


def test_a_fold_is_the_fit_of_its_own_rows(done, tmp_path):
    """The one order of a fit, on the fold's table: statistics, calibration and threshold."""
    folder, config, metrics = done
    options = train_options(config)
    table = read_labelled(options.data, seed=options.seed, with_test=False)
    one = list(folds(table, options.data.split, n_folds=3, seed=0))[1]
    with fitted(options, one, tmp_path, n_threads=1, announce=lambda line: None) as model:
        assert model.threshold == metrics["folds"][1]["test"]["threshold"]
        assert model.validation == metrics["folds"][1]["validation"]
        predictions = pd.read_parquet(folder / "predictions.parquet")
        mine = predictions[(predictions["repeat"] == 0) & (predictions["fold"] == 1)]
        assert model.schema["add"].minimum == one.parsed["add"].iloc[one.split.train].min()
    names = table.carried["customer id"].iloc[one.split.test]
    assert mine["customer id"].tolist() == names.tolist()


def test_columns_are_chosen_inside_the_fold(keys, tmp_path, capsys):
    config = composed("train", [*keys, "features.select=mutual_info", "features.k=2"])
    metrics = churn_torch.cross_validate(config, tmp_path / "run")
    chosen = [fold["features"]["chosen"] for fold in metrics["folds"]]
    assert all(len(columns) == 2 for columns in chosen)
    scores = [fold["features"]["scores"] for fold in metrics["folds"]]
    assert scores[0] != scores[1] != scores[2]
    out = capsys.readouterr().out
    assert "Fold 2 of 3: " in out
    assert "in how many of 3 folds: Größe/Call  Failure 3" in out
    assert "spread: standard deviation" in out


def test_an_offer_is_weighed_on_every_row_once(keys, tmp_path, capsys):
    offer = ("offer=call", "data.value=100", "cv.folds=2", "cv.repeats=2", "debug=fast")
    metrics = cross_validate(composed("train", [*keys, *offer]), tmp_path / "run")
    tested = pd.read_parquet(tmp_path / "run" / "predictions.parquet").query("repeat == 0")
    found = metrics["test"]["profit"]["call"]
    weighed = OfferProfit(Offer(**composed("train", offer).offer.call), name="call")
    weighed.update(
        tested[PROBABILITY].to_numpy(), tested["label"].to_numpy(), np.full(len(tested), 100.0)
    )
    assert found == json.loads(json.dumps(weighed.figures()))
    assert found["n"] == len(tested)
    assert "maximum profit a customer (MPC)" in capsys.readouterr().out


def test_by_time_the_oldest_rows_are_not_tested(keys, tmp_path):
    config = composed("train", [*keys, "data.split.by=time", "data.split.column=joined"])
    metrics = cross_validate(config, tmp_path / "run")
    sizes = [fold["test"]["n"] for fold in metrics["folds"]]
    assert sum(sizes) == pytest.approx(300, abs=10)


def test_a_logger_keeps_a_folder_a_fold(keys, tmp_path):
    config = composed("train", [*keys, "logger=csv"])
    cross_validate(config, tmp_path / "run")
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "config.yaml", "metrics.json", "predictions.parquet", "fold_1", "fold_2", "fold_3",
    }  # fmt: skip


def test_training_refuses_what_is_a_cross_validation(keys, tmp_path):
    with pytest.raises(InputError, match=r"churn_torch\.cross_validate measures"):
        churn_torch.train(composed("train", keys), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_sweep_of_cross_validations_is_sorted_by_their_means(keys, command, tmp_path):
    more = ["cv.folds=2", "penalty.l2=10,0.001", f"outputs={tmp_path}"]
    code, out, err = command("train", "-m", *keys[:-1], *more)
    assert code == 0, err
    (summary,) = tmp_path.glob("sweeps/*/*/sweep.csv")
    table = pd.read_csv(summary)
    assert table["overrides"].str.contains("l2=0.001").tolist() == [True, False]
    for row in table.itertuples():
        stored = json.loads((summary.parent / str(row.job) / "metrics.json").read_text())
        assert stored["test"]["auroc"] == pytest.approx(row.test_auroc)
        assert (summary.parent / str(row.job) / "train.log").exists()
    assert out.count("Fold 2 of 2: ") == 2
    assert table["test_log_loss_minus_best"].notna().tolist() == [False, True]


# The mean of the folds as one model


@pytest.fixture(scope="module")
def averaged(keys, tmp_path_factory):
    """A cross-validation that leaves a model, calibrated and weighted in each fold."""
    folder = tmp_path_factory.mktemp("cv") / "run"
    more = ["cv.average=true", "calibration=platt", "threshold=f1", "class_weight=balanced"]
    config = composed("train", [*keys, *more])
    return folder, config, cross_validate(config, folder)


def test_an_average_is_a_run(averaged, customers):
    folder, _, metrics = averaged
    assert {path.name for path in folder.iterdir()} == {
        *("config.yaml", "metrics.json", "predictions.parquet", "schema.json", "weights.pt"),
        *("model.onnx", "model.lean.onnx"),
    }
    assert metrics["test"]["n"] == metrics["data"]["n_train"] == len(customers)
    assert metrics["data"]["n_test"] == 0
    run, file = load_run(folder), ModelFile(folder / "model.onnx")
    assert file.threshold == run.threshold == metrics["validation"]["threshold"]
    thresholds = [fold["validation"]["threshold"] for fold in metrics["folds"]]
    assert run.threshold == pytest.approx(np.mean(thresholds))
    assert file.metadata["calibration"] == {"method": "platt in each of 3 folds"}
    with pytest.raises(InputError, match="learned from every row"):
        evaluate(composed("evaluate", [f"run={folder}"]))
    new_rows = ["data=table", f"data.source={run.options.data.source}"]
    assert evaluate(composed("evaluate", [f"run={folder}", *new_rows]))["auroc"] > 0.5


def test_an_average_is_the_mean_of_the_folds_probabilities(averaged, customers):
    """Each fold fitted anew on features of all rows."""
    folder, config, _ = averaged
    run = load_run(folder)
    options = train_options(config)
    options = replace(options, cv=replace(options.cv, average=False))
    table = read_labelled(options.data, seed=options.seed, with_test=False)
    columns = Columns.from_arrays(encode(parse(customers, run.schema), run.schema))
    every = replace(table, split=Split(np.arange(len(customers)), np.arange(0), np.arange(0)))
    learned = fit_preprocessing(options, every, watch=lambda rows: rows)
    medians, each = run.scorer.preprocess.get_buffer("float32_fill_"), []
    (folder / "again").mkdir()
    for one in folds(table, options.data.split, n_folds=3, seed=0):
        with fitted(
            options, one, folder / "again", n_threads=1, learned=learned, announce=lambda line: None
        ) as model:
            assert torch.equal(model.scorer.preprocess.get_buffer("float32_fill_"), medians)
            each.append(model.scorer.score(columns).numpy())
    np.testing.assert_allclose(run.predict_proba(customers), np.mean(each, axis=0), atol=1e-6)


@pytest.mark.parametrize(
    "choice", ["features.select=chi2", "model=scorecard", "data.split.by=time"], ids=str
)
def test_labels_and_later_rows_teach_no_features_of_an_average(keys, tmp_path, choice):
    more = ["data.split.column=joined"] if "time" in choice else []
    config = composed("train", [*keys, "cv.average=true", choice, *more])
    with pytest.raises(InputError, match=rf"cv\.average: expected false with {choice}"):
        cross_validate(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_average_wants_folds(keys, tmp_path):
    config = composed("train", [*keys, "cv.folds=0", "cv.average=true"])
    with pytest.raises(InputError, match=r"set cv\.folds=5"):
        churn_torch.train(config, tmp_path / "run")

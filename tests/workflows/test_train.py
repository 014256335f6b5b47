from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import onnxruntime as ort
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from churn_torch import samples
from churn_torch.errors import InputError
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.models.scorecard.layout import ScorecardLayout
from churn_torch.tables.encode import encode
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.tables.labelled.rows import LabelledTable
from churn_torch.training.callbacks import CHECKPOINT, BestWeights, LastCheckpoint
from churn_torch.workflows.evaluate import evaluate
from churn_torch.workflows.runs.run_folder import Run, load_run
from churn_torch.workflows.score import score
from tests.composing import composed

Train = Callable[..., Run]


def weights(run: Run) -> dict[str, torch.Tensor]:
    """The tensors of weights.pt, as they are on disk."""
    return torch.load(run.folder / "weights.pt", weights_only=True)


def same(first: Run, second: Run) -> bool:
    """Tell whether two runs have bitwise equal weights."""
    one, two = weights(first), weights(second)
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def columns_of(run: Run, table: LabelledTable, rows: np.ndarray) -> Columns:
    return Columns.from_arrays(encode(table.parsed.take(rows), run.schema))


def features_of(run: Run, table: LabelledTable, rows: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return run.scorer.preprocess(*columns_of(run, table, rows)).double().numpy()


def table_of(run: Run) -> LabelledTable:
    return read_labelled(run.options.data, seed=run.options.seed)


# Against references


def test_the_default_logistic_regression_is_scikit_learns_optimum(telco_run):
    """Its penalised training loss, against the optimum on the same preprocessed rows."""
    table, l2 = table_of(telco_run), telco_run.options.penalty.l2
    x, y = features_of(telco_run, table, table.split.train), table.label[table.split.train]
    optimum = LogisticRegression(C=1 / (l2 * len(y)), tol=1e-10, max_iter=10_000).fit(x, y)

    def objective(weight: np.ndarray, bias: float) -> float:
        z = x @ weight + bias
        return float(np.mean(np.logaddexp(0, z) - y * z) + l2 / 2 * np.sum(weight**2))

    linear = telco_run.scorer.net.linear
    ours = objective(linear.weight.detach().double().numpy()[0], linear.bias.item())
    theirs = objective(optimum.coef_[0], optimum.intercept_[0])
    assert -1e-9 <= ours - theirs < 1e-7 * theirs
    assert telco_run.metrics["fit"]["exact"]["converged"]


@pytest.mark.usefixtures("without_export")
def test_plain_gradient_descent_is_the_textbook(train_run, tmp_path):
    """Every step of the experiment, against NumPy in float64."""
    run = train_run(tmp_path / "run", "experiment=plain_gradient_descent", "trainer.max_epochs=40")
    rate, penalty = 0.5, run.options.penalty.l2
    assert (run.options.optimizer.arguments["lr"], run.options.optimizer.arguments["momentum"]) == (
        rate,
        0.0,
    )
    table = table_of(run)
    x, y = features_of(run, table, table.split.train), table.label[table.split.train]
    x_val, y_val = (
        features_of(run, table, table.split.validation),
        table.label[table.split.validation],
    )
    weight, bias = np.zeros(x.shape[1]), 0.0
    for epoch in run.metrics["fit"]["history"]:
        z = x @ weight + bias
        assert epoch["train_loss"] == pytest.approx(np.mean(np.logaddexp(0, z) - y * z), abs=1e-5)
        residual = 1 / (1 + np.exp(-z)) - y
        weight = weight - rate * (x.T @ residual / len(y) + penalty * weight)
        bias = bias - rate * residual.mean()
        z = x_val @ weight + bias
        expected = np.mean(np.logaddexp(0, z) - y_val * z)
        assert epoch["validation_log_loss"] == pytest.approx(expected, abs=1e-5)
    assert run.metrics["fit"]["best_epoch"] == run.metrics["fit"]["epochs"] == 40
    linear = run.scorer.net.linear
    np.testing.assert_allclose(linear.weight.detach().numpy()[0], weight, atol=1e-5)
    assert linear.bias.item() == pytest.approx(bias, abs=1e-5)


@pytest.mark.usefixtures("without_export")
def test_class_weight_is_corrected_back_to_the_base_rate(train_run, telco_run, tmp_path):
    table = table_of(telco_run)
    everyone = columns_of(telco_run, table, np.arange(len(table.label)))
    plain = telco_run.scorer.score(everyone).numpy()
    base_rate = table.label.mean()
    for choice, weight in (("balanced", 1 / base_rate - 1), ("0.5", 0.5)):
        run = train_run(tmp_path / choice, f"class_weight={choice}")
        assert run.scorer.prior_shift.item() == pytest.approx(math.log(weight), abs=2e-3)
        corrected = run.scorer.score(everyone).numpy()
        assert corrected.mean() == pytest.approx(base_rate, abs=0.015)
        assert np.abs(corrected - plain).mean() < 0.02
        with torch.no_grad():
            uncorrected = torch.sigmoid(run.scorer.raw_logit(*everyone)).mean().item()
        assert abs(uncorrected - base_rate) > 0.08  # the shift is what mends it
        log_loss = run.metrics["test"]["log_loss"]
        assert log_loss == pytest.approx(telco_run.metrics["test"]["log_loss"], abs=0.005)


@pytest.mark.usefixtures("without_export")
def test_no_statistic_sees_a_validation_or_test_row(train_run, table_keys, customers, tmp_path):
    """Rows outside the training split may hold anything: what is learned stays bit for bit."""
    source = tmp_path / "customers.parquet"
    customers.to_parquet(source)
    keys = [*table_keys, f"data.source={source}", "debug=fast", "preprocess.outliers=quantile"]
    first = train_run(tmp_path / "first", *keys)
    split = table_of(first).split
    held_back = np.concatenate([split.validation, split.test])
    changed = customers.copy()
    generator = np.random.default_rng(1)
    changed.loc[held_back, "plan"] = generator.choice(["new", "newer"], len(held_back))
    changed.loc[held_back, "cat"] = None
    changed.loc[held_back, "add"] = generator.normal(-1e6, 1e5, len(held_back))
    changed.loc[held_back, "Größe/Call  Failure"] = 1e9
    changed.loc[held_back, "joined"] = pd.Timestamp("1970-01-02 03:04:05")
    changed.to_parquet(source)
    second = train_run(tmp_path / "second", *keys)
    again = table_of(second)
    assert np.array_equal(again.split.train, split.train)
    learned = [
        {name: tensor for name, tensor in weights(run).items() if name.startswith("preprocess.")}
        for run in (first, second)
    ]
    assert len(learned[0]) > 10
    assert learned[0].keys() == learned[1].keys()
    for name, tensor in learned[0].items():
        assert torch.equal(tensor, learned[1][name]), name
    for column in first.schema.features:
        other = second.schema[column.name]
        for fact in (
            "vocabulary",
            "has_missing",
            "has_rare",
            "needs_float64",
            "minimum",
            "maximum",
        ):
            assert getattr(column, fact) == getattr(other, fact), (column.name, fact)


def test_metrics_are_those_of_the_split(telco_run):
    """Log-loss and confusion counts anew from predictions.parquet, with NumPy alone."""
    predictions = pd.read_parquet(telco_run.folder / "predictions.parquet")
    p, y = predictions["churn_probability"].to_numpy(np.float64), predictions["label"].to_numpy()
    test = telco_run.metrics["test"]
    assert test["n"] == len(y) == telco_run.metrics["data"]["n_test"]
    assert test["log_loss"] == pytest.approx(-np.mean(np.log(np.where(y, p, 1 - p))), abs=1e-6)
    assert test["brier"] == pytest.approx(np.mean((p - y) ** 2), abs=1e-6)
    decision = p >= test["threshold"]
    assert test["true_positives"] == (decision & (y == 1)).sum()
    assert test["false_positives"] == (decision & (y == 0)).sum()
    assert test["threshold"] == telco_run.metrics["validation"]["threshold"]
    assert set(test["intervals"]) >= {"auroc", "lift_at_10"}
    low, high = test["intervals"]["auroc"]
    assert low < test["auroc"] < high
    assert "intervals" not in telco_run.metrics["validation"]


# The four ways to a probability


def hand_made_feed(frame: pd.DataFrame, session: ort.InferenceSession) -> dict[str, np.ndarray]:
    """What a stranger with the ONNX file and a table would write: no code of ours."""
    feed = {}
    for node in session.get_inputs():
        column = frame[node.name]
        if node.type == "tensor(string)":
            values = np.array(["" if pd.isna(v) else str(v) for v in column], dtype=object)
        else:
            dtype = {"tensor(float)": np.float32, "tensor(double)": np.float64}[node.type]
            values = column.to_numpy().astype(np.float64).astype(dtype)
        feed[node.name] = values.reshape(-1, 1)
    return feed


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_the_four_ways_agree(telco_run, tmp_path, suffix):
    source = samples.path("telco")
    predictions = pd.read_parquet(telco_run.folder / "predictions.parquet")
    raw = pd.read_parquet(source).iloc[predictions["row"]].reset_index(drop=True)
    table = table_of(telco_run)
    assert np.array_equal(table.split.test, predictions["row"])

    torch_scorer = telco_run.scorer.score(columns_of(telco_run, table, table.split.test)).numpy()
    loaded = load_run(telco_run.folder).predict_proba(raw)
    test_rows = tmp_path / f"test.{suffix}"
    raw.to_parquet(test_rows) if suffix == "parquet" else raw.to_csv(test_rows, index=False)
    out = tmp_path / f"scores.{suffix}"
    keys = [f"run={telco_run.folder}", f"source={test_rows}", f"out={out}", "chunk_rows=100"]
    assert score(composed("score", keys)) == len(raw)
    written = pd.read_parquet(out) if suffix == "parquet" else pd.read_csv(out)
    session = ort.InferenceSession(telco_run.model)
    probability, decision, _, _ = session.run(None, hand_made_feed(raw, session))

    ways = [torch_scorer, loaded, written["churn_probability"].to_numpy(), probability]
    for way in ways:
        assert way.shape == (len(raw),)
        np.testing.assert_allclose(way, predictions["churn_probability"], atol=1e-6, rtol=0)
    assert np.array_equal(written["churn_decision"], decision)
    assert np.array_equal(decision, probability >= np.float32(telco_run.threshold))
    assert decision.dtype == np.int64
    stored = session.get_modelmeta().custom_metadata_map["threshold"]
    assert float(stored) == telco_run.threshold
    assert raw["total_charges"].isna().any()  # a missing number was among them


def test_the_four_ways_agree_on_odd_names_dates_and_missing_cells(customers_run, customers):
    predictions = pd.read_parquet(customers_run.folder / "predictions.parquet")
    raw = customers.set_index("customer id").loc[predictions["customer id"]].reset_index()
    assert raw["Größe/Call  Failure"].isna().any()
    days = (raw["joined"] - pd.Timestamp(0)) / pd.Timedelta(days=1)
    loaded = load_run(customers_run.folder).predict_proba(raw)
    session = ort.InferenceSession(customers_run.model)
    feed = hand_made_feed(raw.assign(joined=days), session)
    probability, _, _, _ = session.run(None, feed)
    np.testing.assert_allclose(loaded, predictions["churn_probability"], atol=1e-6, rtol=0)
    np.testing.assert_allclose(probability, predictions["churn_probability"], atol=1e-6, rtol=0)


# Chosen columns


@pytest.mark.parametrize(
    ("method", "model"),
    [("chi2", "logreg"), ("permutation", "logreg"), ("permutation", "scorecard")],
)
def test_columns_that_are_not_chosen_are_no_inputs(
    train_run, customers, customers_csv, table_keys, tmp_path, method, model
):
    keys = (*table_keys, f"data.source={customers_csv}", "optimizer=newton", f"model={model}")
    run = train_run(tmp_path / "run", *keys, f"features.select={method}", "features.k=2")
    chosen = {"plan", "Größe/Call  Failure"}
    session = ort.InferenceSession(run.model)
    assert {node.name for node in session.get_inputs()} == chosen
    stored = json.loads((run.folder / "metrics.json").read_text())["features"]
    assert set(stored["chosen"]) == chosen
    assert len(stored["scores"]) == 6
    assert list(stored["scores"].values()) == sorted(stored["scores"].values(), reverse=True)
    probability = load_run(run.folder).predict_proba(customers[sorted(chosen)])
    assert np.array_equal(probability, run.predict_proba(customers))
    evaluated = evaluate(composed("evaluate", [f"run={run.folder}"]))
    assert evaluated["auroc"] == pytest.approx(run.metrics["test"]["auroc"])


# Repeat and resume


def test_the_same_seed_twice_gives_the_same_run(train_run, customers_csv, table_keys, tmp_path):
    keys = (*table_keys, f"data.source={customers_csv}", *MLP, "trainer.max_epochs=2", "seed=0")
    first = train_run(tmp_path / "first", *keys)
    torch.rand(17)
    np.random.default_rng().random()
    second = train_run(tmp_path / "second", *keys)
    assert same(first, second)
    for name in ("model.onnx", "predictions.parquet", "schema.json"):
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes(), name
    assert first.metrics["fit"]["history"] == second.metrics["fit"]["history"]


@pytest.mark.usefixtures("without_export")
def test_another_seed_gives_another_run(train_run, customers_csv, table_keys, tmp_path):
    """Seed 0 is a seed like any other, not the lack of one."""
    keys = (*table_keys, f"data.source={customers_csv}", *MLP, "trainer.max_epochs=1")
    runs = [train_run(tmp_path / str(seed), *keys, f"seed={seed}") for seed in (0, 1)]
    default = train_run(tmp_path / "default", *keys)
    assert same(default, runs[0])
    assert not same(*runs)
    ids = [pd.read_parquet(run.folder / "predictions.parquet")["customer id"] for run in runs]
    assert set(ids[0]) != set(ids[1])


class Killed(Exception):
    """Stands for the power going out."""


def killed(train: Callable[[], Run], owner: type, hook: str, *, epoch: int, when: str) -> None:
    """Let a training die in a callback's hook of the given epoch, before or after its work."""
    original = getattr(owner, hook)

    def die(self, trainer, module):
        if when == "before" and trainer.current_epoch >= epoch:
            raise Killed
        original(self, trainer, module)
        if when == "after" and trainer.current_epoch >= epoch:
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("churn_torch.training.callbacks.PAUSE_SECONDS", 0.0)
        patch.setattr(owner, hook, die)
        with pytest.raises(Killed):
            train()


def killed_in_epoch(train: Callable[[], Run], epoch: int, when: str = "after") -> None:
    """Let a training die around the checkpoint of an epoch."""
    killed(train, LastCheckpoint, "on_train_epoch_end", epoch=epoch, when=when)


MLP = (
    "model=mlp", "model.width=16", "model.dropout=0.3", "model.n_frequencies=0",
    "trainer.max_epochs=9", "batch_size=64",
)  # fmt: skip
CASES = {
    "plain": ("callbacks=none", "scheduler=none", "seed=1"),
    "cosine": ("callbacks=none", "scheduler=cosine"),
    "plateau": ("callbacks=none", "scheduler=plateau", "scheduler.patience=0", "optimizer.lr=0.05"),
    "momentum": ("callbacks=none", "optimizer=sgd", "model.normalization=batch", "seed=5"),
    # Stops before the last epoch: the epochs without progress before the interruption must count.
    "early stopping": (
        "patience=4", "optimizer=sgd", "optimizer.lr=1", "scheduler=none",
    ),
}  # fmt: skip


@pytest.mark.usefixtures("without_export")
@pytest.mark.parametrize(
    ("case", "when"),
    [*((case, "after") for case in CASES), ("plain", "before"), ("early stopping", "before")],
)
def test_resumed_is_the_same_as_unbroken(
    train_run, customers_csv, table_keys, tmp_path, case, when
):
    keys = [*table_keys, f"data.source={customers_csv}", *MLP, *CASES[case]]
    unbroken = train_run(tmp_path / "unbroken", *keys)
    epochs = unbroken.metrics["fit"]["epochs"]
    assert (epochs < 9) == (case == "early stopping")
    folder = tmp_path / "broken"
    for epoch in (2, epochs - 2):  # killed twice
        more = [f"resume={folder}"] if folder.exists() else []
        killed_in_epoch(partial(train_run, folder, *keys, *more), epoch, when)
        assert (folder / CHECKPOINT).exists()
        assert not (folder / "metrics.json").exists()
    resumed = train_run(folder, f"resume={folder}")
    assert resumed.folder == folder
    assert same(unbroken, resumed)
    for key in ("history", "best_epoch", "epochs"):
        assert resumed.metrics["fit"][key] == unbroken.metrics["fit"][key]
    files = [sorted(path.name for path in run.folder.iterdir()) for run in (unbroken, resumed)]
    assert files[0] == files[1]
    for split in ("validation", "test"):
        assert resumed.metrics[split] == unbroken.metrics[split]


@pytest.mark.usefixtures("without_export")
@pytest.mark.parametrize("case", ["plain", "early stopping"])
def test_killed_after_the_last_epoch_still_ends_with_the_best_weights(
    train_run, customers_csv, table_keys, tmp_path, case
):
    keys = [
        *table_keys,
        f"data.source={customers_csv}",
        *MLP,
        *CASES[case],
        "optimizer.lr=1",
        "ema_decay=0",
    ]
    unbroken = train_run(tmp_path / "unbroken", *keys)
    fit = unbroken.metrics["fit"]
    assert fit["best_epoch"] < fit["epochs"]  # or last weights would do

    broken = partial(train_run, tmp_path / "broken", *keys)
    killed(broken, BestWeights, "on_fit_end", epoch=0, when="before")
    resumed = train_run(tmp_path / "broken", f"resume={tmp_path / 'broken'}")
    assert same(unbroken, resumed)
    assert resumed.metrics["fit"]["history"] == fit["history"]


@pytest.mark.usefixtures("without_export")
def test_resume_takes_the_interrupted_runs_own_choices(
    train_run, customers_csv, table_keys, tmp_path, capsys
):
    keys = (*table_keys, f"data.source={customers_csv}", "model=mlp", "model.width=8")
    keys += ("callbacks=none", "trainer.max_epochs=3")
    killed_in_epoch(partial(train_run, tmp_path / "run", *keys), epoch=1)
    run = train_run(tmp_path / "run", f"resume={tmp_path / 'run'}", "model=logreg", "seed=3")
    assert run.options.seed == 0
    assert run.scorer.net.head.in_features == 8
    assert run.metrics["fit"]["epochs"] == 3
    said = " ".join(capsys.readouterr().out.split())
    assert "with the choices in its config.yaml" in said


@pytest.mark.usefixtures("without_export")
def test_resume_of_changed_data_is_refused(train_run, customers, table_keys, tmp_path):
    source = tmp_path / "customers.csv"
    customers.to_csv(source, index=False)
    keys = [*table_keys, f"data.source={source}", "optimizer=adam", "trainer.max_epochs=3"]
    killed_in_epoch(partial(train_run, tmp_path / "run", *keys), epoch=1)
    customers.assign(add=customers["add"] + 1).to_csv(source, index=False)
    before = (tmp_path / "run" / CHECKPOINT).read_bytes()
    with pytest.raises(InputError, match=r"^resume: .* the source has changed, so start a new run"):
        train_run(tmp_path / "run", f"resume={tmp_path / 'run'}")
    assert (tmp_path / "run" / CHECKPOINT).read_bytes() == before


def test_resume_of_a_finished_run_is_refused(train_run, customers_run):
    before = {path: path.read_bytes() for path in customers_run.folder.iterdir()}
    with pytest.raises(InputError, match=r"^resume: expected an interrupted run, got .* finished"):
        train_run(customers_run.folder, f"resume={customers_run.folder}")
    assert {path: path.read_bytes() for path in customers_run.folder.iterdir()} == before


def test_resume_without_a_checkpoint_is_refused(train_run, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text("seed: 0\n")
    with pytest.raises(
        InputError, match=r"^resume: expected last\.ckpt in .*, got none: .*; start"
    ):
        train_run(tmp_path / "run", f"resume={tmp_path / 'run'}")


def test_resume_of_a_missing_folder_is_refused(train_run, tmp_path):
    with pytest.raises(InputError, match=r"^run: expected a run folder, got '.*nothing', which is"):
        train_run(tmp_path, f"resume={tmp_path / 'nothing'}")
    assert list(tmp_path.iterdir()) == []


# Exact solvers


@pytest.fixture(scope="module")
def newton_run(train_run, customers_csv, table_keys, tmp_path_factory) -> Run:
    folder = tmp_path_factory.mktemp("newton") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "churn_torch.workflows.runs.publish.write_model", lambda *arguments, **options: []
        )
        return train_run(folder, *table_keys, f"data.source={customers_csv}", "optimizer=newton")


@pytest.mark.usefixtures("without_export")
def test_newton_is_scikit_learns_optimum_on_telco(train_run, tmp_path, capsys):
    run = train_run(tmp_path / "run", "optimizer=newton")
    table, l2 = table_of(run), run.options.penalty.l2
    x, y = features_of(run, table, table.split.train), table.label[table.split.train]
    optimum = LogisticRegression(
        C=1 / (l2 * len(y)), solver="newton-cholesky", tol=1e-10, max_iter=1000
    ).fit(x, y)
    linear = run.scorer.net.linear
    np.testing.assert_allclose(linear.weight.detach()[0], optimum.coef_[0], rtol=1e-5, atol=1e-5)
    assert linear.bias.item() == pytest.approx(optimum.intercept_[0], abs=1e-5)
    exact = run.metrics["fit"]["exact"]
    assert exact["converged"]
    said = " ".join(capsys.readouterr().out.split())
    assert re.search(r"Converged \(Newton, \d+ pass(es)?, [\d.]+ s\)\.", said)


@pytest.mark.usefixtures("without_export")
def test_lbfgs_is_newton(train_run, customers_csv, table_keys, newton_run, tmp_path):
    keys = [*table_keys, f"data.source={customers_csv}", "optimizer=lbfgs"]
    run = train_run(tmp_path / "run", *keys, "optimizer.tolerance=1e-13")
    for name, tensor in weights(newton_run).items():
        torch.testing.assert_close(weights(run)[name], tensor, rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("without_export")
def test_the_l2_that_was_chosen_is_said(train_run, customers_csv, table_keys, tmp_path, capsys):
    keys = [*table_keys, f"data.source={customers_csv}", "optimizer=newton"]
    run = train_run(tmp_path / "run", *keys, "penalty.l2=[0.001,0.1]", "penalty.folds=3")
    chosen = run.metrics["fit"]["exact"]["l2"]
    said = " ".join(capsys.readouterr().out.split())
    assert f"Chose penalty.l2={chosen:g} out of 2 values." in said


@pytest.mark.usefixtures("without_export")
def test_a_fit_that_has_not_converged_is_said(
    train_run, customers_csv, table_keys, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("churn_torch.training.logistic.warm_start.SAMPLE_ROWS", 100)
    keys = [*table_keys, f"data.source={customers_csv}", "optimizer=lbfgs"]
    train_run(tmp_path / "run", *keys, "trainer.max_epochs=1", "optimizer.tolerance=1e-15")
    said = " ".join(capsys.readouterr().out.split())
    assert "Did not converge (L-BFGS, 1 pass, " in said
    assert "Raise trainer.max_epochs" in said


@pytest.mark.usefixtures("without_export")
def test_classes_without_overlap_are_said(train_run, customers, table_keys, tmp_path, capsys):
    source = tmp_path / "c.csv"
    separable = customers.assign(churned=np.where(customers["add"] > 1000, "yes", "no"))
    separable.to_csv(source, index=False)
    keys = [*table_keys, f"data.source={source}", "optimizer=newton", "penalty.l2=0"]
    run = train_run(tmp_path / "run", *keys)
    assert run.metrics["fit"]["exact"]["separable"]
    said = " ".join(capsys.readouterr().out.split())
    assert "separates the two classes of the training rows without error" in said
    assert "Set penalty.l2 above 0." in said


# Sample weights


@pytest.fixture(scope="module")
def weighted_source(customers, tmp_path_factory) -> Path:
    """Customers who count by the column ``worth``, some of them not at all."""
    rng = np.random.default_rng(1)
    worth = rng.exponential(3.0, len(customers)) * (rng.random(len(customers)) < 0.8)
    path = tmp_path_factory.mktemp("weighted") / "customers.parquet"
    customers.assign(worth=worth).to_parquet(path)
    return path


STREAMED = ("data.streaming=true",)
# Two processes, with the same rows and with Adam, are in tests/test_configs.py.
PLACES = {"memory": (), "streamed": STREAMED, "files": STREAMED}


@pytest.mark.usefixtures("without_export")
@pytest.mark.parametrize("place", PLACES)
def test_weighted_rows_give_scikit_learns_optimum(
    train_run, weighted_source, customers, table_keys, tmp_path, monkeypatch, place
):
    if place == "files":
        monkeypatch.setattr("churn_torch.training.rows.materialize.MEMORY_BYTES", 0)
    monkeypatch.setattr("churn_torch.tables.labelled.streamed.READ_ROWS", 90)
    keys = [
        *table_keys, f"data.source={weighted_source}", "data.weight=worth", "data.split.by=hash",
        "optimizer=newton", "penalty.l2=0.01", "class_weight=balanced",
    ]  # fmt: skip
    run = train_run(tmp_path / "run", *keys, *PLACES[place])
    assert run.schema["worth"].kind == "weight"
    assert "worth" not in [column.name for column in run.schema.features]

    chunks = [rows.of("train") for rows in read_labelled(run.options.data, seed=0).chunks()]
    parsed = pd.concat([rows.parsed for rows in chunks], ignore_index=True)
    y, w = (
        np.concatenate([getattr(rows, name) for rows in chunks]) for name in ("label", "weight")
    )
    with torch.no_grad():
        columns = Columns.from_arrays(encode(parsed, run.schema))
        x = run.scorer.preprocess(*columns).double().numpy()
    expected = LogisticRegression(
        C=1 / (0.01 * w.sum()), solver="newton-cholesky", tol=1e-12, max_iter=1000,
        class_weight={0: 1.0, 1: w[y == 0].sum() / w[y == 1].sum()},
    ).fit(x, y, sample_weight=w)  # fmt: skip
    linear = run.scorer.net.linear
    np.testing.assert_allclose(linear.weight.detach()[0], expected.coef_[0], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(linear.bias.detach(), expected.intercept_, rtol=1e-5, atol=1e-5)

    # Metrics count rows; rows to score or to measure need no weight.
    test = pd.read_parquet(run.folder / "predictions.parquet")
    p, label = test["churn_probability"].to_numpy(), test["label"].to_numpy()
    loss = -np.mean(np.log(np.where(label == 1, p, 1 - p)))
    assert run.metrics["test"]["log_loss"] == pytest.approx(loss, abs=1e-6)
    assert len(run.predict_proba(customers)) == len(customers)
    customers.to_csv(tmp_path / "new.csv", index=False)
    keys = [f"run={run.folder}", "data=table", f"data.source={tmp_path / 'new.csv'}"]
    assert evaluate(composed("evaluate", keys))["n"] == len(customers)
    own = evaluate(composed("evaluate", [f"run={run.folder}"]))
    assert own["log_loss"] == pytest.approx(loss, abs=1e-6)


@pytest.mark.usefixtures("without_export")
@pytest.mark.parametrize("keys", [("optimizer=newton", "penalty.l2=0.01"), ("debug=fast",)])
def test_equal_weights_change_nothing(train_run, customers, table_keys, tmp_path, keys):
    keys = (*table_keys, *keys, "calibration=platt", "class_weight=balanced")
    plain = train_run(tmp_path / "plain", *keys, source=customers)
    keys = (*keys, "data.weight=worth")
    run = train_run(tmp_path / "run", *keys, source=customers.assign(worth=0.1))
    for name, tensor in weights(plain).items():
        torch.testing.assert_close(weights(run)[name], tensor, rtol=1e-5, atol=1e-6)
    assert run.metrics["test"]["log_loss"] == pytest.approx(plain.metrics["test"]["log_loss"])


@pytest.mark.usefixtures("without_export")
def test_train_rows_keep_their_weights(train_run, weighted_source, table_keys, tmp_path):
    """Those that are taken average 1 again: as many as there are is the same as all of them."""
    keys = (*table_keys, f"data.source={weighted_source}", "data.weight=worth", "optimizer=newton")
    keys = (*keys, "class_weight=balanced", "penalty.l2=0.01")
    one, other = (
        weights(train_run(tmp_path / name, *keys, more))
        for name, more in (("all", "train_rows=null"), ("taken", "train_rows=280"))
    )
    for name, tensor in one.items():
        torch.testing.assert_close(other[name], tensor, rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("without_export")
@pytest.mark.parametrize("streaming", [True, False])
def test_a_test_source_needs_no_weights(
    train_run, weighted_source, customers, table_keys, tmp_path, streaming
):
    customers.to_csv(tmp_path / "test.csv", index=False)
    run = train_run(
        tmp_path / "run", *table_keys, f"data.source={weighted_source}", "data.weight=worth",
        f"data.test_source={tmp_path / 'test.csv'}", f"data.streaming={streaming}", "debug=fast",
    )  # fmt: skip
    assert run.metrics["test"]["n"] == len(customers)


@pytest.mark.usefixtures("without_export")
def test_a_weighted_fit_killed_and_resumed_is_the_same(
    train_run, weighted_source, table_keys, tmp_path
):
    keys = [*table_keys, f"data.source={weighted_source}", "data.weight=worth", "debug=fast"]
    keys += ["optimizer=adam", "trainer.max_epochs=4"]
    unbroken = train_run(tmp_path / "unbroken", *keys)
    folder = tmp_path / "broken"
    killed_in_epoch(partial(train_run, folder, *keys), epoch=1)
    assert same(unbroken, train_run(folder, f"resume={folder}"))


@pytest.mark.usefixtures("without_export")
def test_a_weighted_exact_fit_killed_and_resumed_is_the_same(
    train_run, weighted_source, table_keys, tmp_path, monkeypatch
):
    monkeypatch.setattr("churn_torch.training.logistic.warm_start.SAMPLE_ROWS", 100)
    keys = [*table_keys, f"data.source={weighted_source}", "data.weight=worth", "optimizer=lbfgs"]
    unbroken = train_run(tmp_path / "unbroken", *keys)
    assert unbroken.metrics["fit"]["epochs"] > 3
    folder = tmp_path / "broken"
    killed_in_epoch(partial(train_run, folder, *keys), epoch=1)
    resumed = train_run(folder, f"resume={folder}")
    assert same(unbroken, resumed)
    assert resumed.metrics["fit"]["history"] == unbroken.metrics["fit"]["history"]
    assert resumed.metrics["fit"]["exact"] == unbroken.metrics["fit"]["exact"]


@pytest.mark.usefixtures("without_export")
def test_cached_features_are_those_of_the_same_weights(
    train_run, weighted_source, table_keys, tmp_path, capsys
):
    keys = (*table_keys, f"data.source={weighted_source}", *STREAMED, "debug=fast")
    keys = (*keys, f"cache.folder={tmp_path / 'cache'}", "data.ignore=[household,worth]")
    used = []
    for i, more in enumerate(([], ["data.weight=worth"], ["data.weight=worth"], [])):
        capsys.readouterr()
        train_run(tmp_path / str(i), *keys, *more)
        used.append("run are used again" in " ".join(capsys.readouterr().out.split()))
        assert (tmp_path / "cache" / "train.weight").exists() == bool(more)
    assert used == [False, False, True, False]


# Tables larger than memory


@pytest.fixture(scope="module")
def by_hash(train_run, customers, table_keys, tmp_path_factory) -> tuple[Run, tuple[str, ...]]:
    """A run in memory, and the keys to repeat it streamed."""
    folder = tmp_path_factory.mktemp("hash")
    customers.to_parquet(folder / "customers.parquet")
    keys = (
        *table_keys, f"data.source={folder / 'customers.parquet'}", "data.split.by=hash",
        "optimizer=newton", "calibration=platt", "threshold=f1",
    )  # fmt: skip
    return train_run(folder / "run", *keys), keys


FILES = {
    "config.yaml", "schema.json", "weights.pt", "metrics.json", "predictions.parquet",
    "model.onnx", "last.ckpt", "shapes.csv", "shapes.html",
}  # fmt: skip


@pytest.mark.parametrize("store", ["memory", "disk"])
def test_streamed_is_the_same_run(train_run, by_hash, tmp_path, monkeypatch, store, capsys):
    memory, keys = by_hash
    if store == "disk":
        monkeypatch.setattr("churn_torch.training.rows.materialize.MEMORY_BYTES", 0)
    monkeypatch.setattr("churn_torch.tables.labelled.streamed.READ_ROWS", 90)
    run = train_run(tmp_path / "run", *keys, "data.streaming=true")
    for name, tensor in weights(memory).items():
        torch.testing.assert_close(weights(run)[name], tensor, rtol=1e-6, atol=5e-6)
    for part in ("validation", "test"):
        for name, value in memory.metrics[part].items():
            if name in ("intervals", "calibration"):
                assert set(run.metrics[part][name]) == set(value)
            else:
                assert run.metrics[part][name] == pytest.approx(value, abs=1e-6), (part, name)
    counts = {key: value for key, value in run.metrics["data"].items() if key != "fingerprint"}
    assert counts.items() <= memory.metrics["data"].items()
    predictions = [pd.read_parquet(r.folder / "predictions.parquet") for r in (run, memory)]
    pd.testing.assert_frame_equal(*predictions, atol=1e-6)
    assert run.schema == memory.schema
    said = capsys.readouterr().out
    assert ("on disk" in said) == (store == "disk")
    # The features are gone.
    assert {path.name for path in run.folder.iterdir()} == FILES
    sessions = [ort.InferenceSession(r.model) for r in (run, memory)]
    row = hand_made_feed(
        pd.DataFrame({i.name: [np.nan] for i in sessions[0].get_inputs()}), sessions[0]
    )
    probability = [session.run(None, row)[0] for session in sessions]
    np.testing.assert_allclose(*probability, atol=1e-6)
    metrics = evaluate(composed("evaluate", [f"run={run.folder}"]))
    assert metrics["n"] == len(predictions[0])
    assert metrics["log_loss"] == pytest.approx(run.metrics["test"]["log_loss"], abs=1e-6)


@pytest.mark.usefixtures("without_export")
@pytest.mark.parametrize("keys", [("optimizer=adam",), MLP])
def test_minibatches_from_disk_train_too(train_run, by_hash, tmp_path, monkeypatch, keys):
    """The order of the rows is the same as in memory: so are the weights."""
    _, given = by_hash
    given = [key for key in given if not key.startswith("optimizer=")]
    monkeypatch.setattr("churn_torch.training.rows.batches.BLOCK_BYTES", 20_000)
    keys = (*given, *keys, "trainer.max_epochs=3", "batch_size=64")
    memory = train_run(tmp_path / "memory", *keys)
    monkeypatch.setattr("churn_torch.training.rows.materialize.MEMORY_BYTES", 0)
    run = train_run(tmp_path / "disk", *keys, "data.streaming=true")
    for name, tensor in weights(memory).items():
        torch.testing.assert_close(weights(run)[name], tensor, rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("without_export")
def test_a_cache_folder_is_kept_and_used_again(train_run, by_hash, tmp_path, capsys):
    _, keys = by_hash
    keys = (*keys, "data.streaming=true", f"cache.folder={tmp_path / 'cache'}")
    first = train_run(tmp_path / "first", *keys)  # however small the table is
    assert "complete.json" in {path.name for path in (tmp_path / "cache").iterdir()}
    capsys.readouterr()
    second = train_run(tmp_path / "second", *keys)
    assert "Features of an earlier run are used again" in " ".join(capsys.readouterr().out.split())
    assert same(first, second)
    assert first.metrics["test"] == second.metrics["test"]
    train_run(tmp_path / "third", *keys, "data.streaming=false")
    assert "so cache.folder is not used" in " ".join(capsys.readouterr().out.split())


# Tables of every origin


@pytest.mark.usefixtures("without_export")
def test_a_data_frame_trains_like_its_file(
    train_run, customers, customers_run, table_keys, tmp_path
):
    """Typed cells and the text of a CSV are read alike."""
    shuffled = customers.sample(frac=1, random_state=0)  # its odd index must not matter
    original = shuffled.copy()
    run = train_run(tmp_path / "run", *table_keys, "debug=fast", source=shuffled.sort_index())
    pd.testing.assert_frame_equal(shuffled, original)
    for name, value in customers_run.metrics["test"].items():
        if name not in ("intervals", "calibration"):
            assert run.metrics["test"][name] == pytest.approx(value, abs=1e-6), name
    predictions = [pd.read_parquet(r.folder / "predictions.parquet") for r in (run, customers_run)]
    pd.testing.assert_frame_equal(*predictions, atol=1e-6)


@pytest.mark.usefixtures("without_export")
def test_semicolons_and_latin1(train_run, customers, table_keys, tmp_path):
    source = tmp_path / "kunden.csv"
    plain = customers.assign(cat=customers["cat"].replace("日本", "Zürich"))
    plain.to_csv(source, index=False, sep=";", encoding="latin-1")
    run = train_run(tmp_path / "run", *table_keys, f"data.source={source}", "debug=fast")
    assert run.schema["cat"].vocabulary == ("Zürich", "x", "y")
    assert run.schema["Größe/Call  Failure"].kind == "numeric"


@pytest.mark.usefixtures("without_export")
def test_a_query_with_commas_and_quotes(train_run, customers, tmp_path):
    source = tmp_path / "c.parquet"
    customers.to_parquet(source)
    query = (
        f"""SELECT "customer id", plan, add, churned = 'yes' AS "left?" FROM '{source}' """
        "WHERE cat IN ('x', 'y') AND plan <> 'the \"best\"'"
    )
    kept = customers[customers["cat"].isin(["x", "y"]) & (customers["plan"] != 'the "best"')]
    run = train_run(
        tmp_path / "run", "data=table", f"data.source={query}", "data.target=left?",
        "data.id=customer id", "debug=fast",
    )  # fmt: skip
    assert run.options.data.source == query
    assert run.metrics["data"]["n_rows"] == len(kept)
    assert run.schema["plan"].vocabulary == ("basic", "plus, more")


@pytest.mark.usefixtures("without_export")
def test_a_query_in_a_database(train_run, customers, table_keys, tmp_path):
    database = tmp_path / "crm.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.register("frame", customers)
        connection.execute("CREATE TABLE customers AS SELECT * FROM frame")
    run = train_run(
        tmp_path / "run", *table_keys, "data.source=SELECT * FROM customers",
        f"data.database={database}", "debug=fast",
    )  # fmt: skip
    assert run.metrics["data"]["n_rows"] == len(customers)
    assert run.schema["joined"].kind == "datetime"


@pytest.mark.usefixtures("without_export")
def test_split_by_time_tests_on_the_newest(
    train_run, customers, customers_csv, table_keys, tmp_path
):
    run = train_run(
        tmp_path / "run", *table_keys, f"data.source={customers_csv}", "data.split.by=time",
        "data.split.column=joined", "debug=fast",
    )  # fmt: skip
    joined = customers.set_index("customer id")["joined"]
    test_ids = pd.read_parquet(run.folder / "predictions.parquet")["customer id"]
    table = table_of(run)
    ids = table.carried["customer id"]
    train, validation = joined[ids[table.split.train]], joined[ids[table.split.validation]]
    assert train.max() < validation.min()
    assert validation.max() < joined[test_ids].min()
    data = run.metrics["data"]
    assert data["first_time"] == f"{train.min():%Y-%m-%d}"
    assert data["last_time"] == f"{train.max():%Y-%m-%d}"
    assert len(test_ids) == pytest.approx(60, abs=3)
    assert run.schema["joined"].kind == "ignored"
    assert "orders the split" in run.schema["joined"].note


@pytest.mark.usefixtures("without_export")
def test_split_by_group_keeps_households_whole(train_run, customers, customers_csv, tmp_path):
    run = train_run(
        tmp_path / "run", "data=table", "data.target=churned", "data.id=customer id",
        f"data.source={customers_csv}", "data.split.by=group", "data.split.column=household",
        "debug=fast",
    )  # fmt: skip
    table = table_of(run)
    household = customers["household"].to_numpy()
    parts = [set(household[rows]) for rows in table.split]
    assert all(parts)
    assert parts[0].isdisjoint(parts[1])
    assert parts[0].isdisjoint(parts[2])
    assert parts[1].isdisjoint(parts[2])
    assert sum(map(len, table.split)) == len(customers)
    assert run.schema["household"].kind == "ignored"


@pytest.mark.usefixtures("without_export")
def test_a_test_source_is_the_test(train_run, customers, table_keys, tmp_path):
    train, test = tmp_path / "train.csv", tmp_path / "test.csv"
    customers[:300].to_csv(train, index=False)
    customers[300:].to_csv(test, index=False)
    run = train_run(
        tmp_path / "run", *table_keys, f"data.source={train}", f"data.test_source={test}",
        "debug=fast",
    )  # fmt: skip
    predictions = pd.read_parquet(run.folder / "predictions.parquet")
    assert predictions["customer id"].tolist() == customers["customer id"][300:].tolist()
    counts = {name: run.metrics["data"][f"n_{name}"] for name in ("train", "validation", "test")}
    assert counts["test"] == 100
    assert counts["train"] + counts["validation"] == 300
    assert counts["validation"] == pytest.approx(45, abs=1)
    assert evaluate(composed("evaluate", [f"run={run.folder}"])) == run.metrics["test"]


@pytest.mark.usefixtures("without_export")
def test_rows_without_a_label_are_dropped_and_counted(
    train_run, customers, table_keys, tmp_path, capsys
):
    source = tmp_path / "c.csv"
    missing = customers.copy()
    missing.loc[[3, 50, 399], "churned"] = None
    missing.loc[[7], "churned"] = " "
    missing.to_csv(source, index=False)
    run = train_run(tmp_path / "run", *table_keys, f"data.source={source}", "debug=fast")
    assert run.metrics["data"]["n_dropped"] == 4
    assert run.metrics["data"]["n_rows"] == 396
    said = " ".join(capsys.readouterr().out.split())
    assert "396 rows" in said
    assert "4 rows without a label dropped" in said
    dropped = set(customers["customer id"].iloc[[3, 7, 50, 399]])
    assert dropped.isdisjoint(table_of(run).carried["customer id"])


# Calibration and threshold


@pytest.mark.usefixtures("without_export")
@pytest.mark.parametrize(
    "calibration", ["none", "auto", "temperature", "platt", "beta", "quadratic", "isotonic"]
)
def test_calibration_is_fitted_on_validation(
    train_run, customers, customers_csv, table_keys, tmp_path, calibration
):
    keys = (*table_keys, f"data.source={customers_csv}", "debug=fast", "optimizer.lr=0.05")
    run = train_run(tmp_path / "run", *keys, f"calibration={calibration}")
    table = table_of(run)
    with torch.no_grad():
        raw = run.scorer.raw_logit(*columns_of(run, table, table.split.validation)).double()
    logit = raw - run.scorer.prior_shift
    label = torch.from_numpy(table.label[table.split.validation]).double()
    before = torch.nn.functional.binary_cross_entropy_with_logits(logit, label).item()
    after = run.metrics["validation"]["log_loss"]
    if calibration == "none" or run.metrics["fit"].get("calibration", {}).get("chosen") == "none":
        assert after == pytest.approx(before, abs=1e-6)
    else:
        assert after < before
    assert load_run(run.folder).predict_proba(customers).std() > 0.01


@pytest.mark.usefixtures("without_export")
@pytest.mark.parametrize("rule", ["0.3", "f1", "top_share"])
def test_threshold_is_chosen_on_validation(train_run, customers_csv, table_keys, tmp_path, rule):
    keys = (*table_keys, f"data.source={customers_csv}", "debug=fast", "optimizer.lr=0.1")
    run = train_run(tmp_path / "run", *keys, f"threshold={rule}", "top_share=0.2")
    table = table_of(run)
    p = run.scorer.score(columns_of(run, table, table.split.validation)).numpy()
    y = table.label[table.split.validation]
    threshold = run.metrics["validation"]["threshold"]
    if rule == "0.3":
        assert threshold == 0.3
    elif rule == "top_share":
        assert (p >= threshold).sum() == math.ceil(0.2 * len(p))
    else:

        def f1(cut: float) -> float:
            return 2 * (y[p >= cut]).sum() / ((p >= cut).sum() + y.sum())

        assert f1(threshold) == pytest.approx(max(f1(cut) for cut in p))
        assert run.metrics["validation"]["f1"] == pytest.approx(f1(threshold), abs=1e-6)
    assert run.metrics["test"]["threshold"] == threshold


# Artefacts of additive models


def test_a_scorecard_lists_its_points(train_run, table_keys, customers, customers_csv, tmp_path):
    """The base and one line of each term add up to the logit that the probability is made of."""
    run = train_run(
        tmp_path / "run", *table_keys, f"data.source={customers_csv}", "model=scorecard",
        "model.bins=6", "model.pair_bins=3",
    )  # fmt: skip
    card = pd.read_csv(run.folder / "scorecard.csv", keep_default_na=False)
    assert card["column"].iloc[0] == "base"
    assert run.metrics["reasons"]["method"] == "exact"
    assert run.metrics["fit"]["exact"]["converged"]
    assert (run.folder / "scorecard.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    # A column alone: what its bin says is its reason, where no pair shares it.
    paired = {name for pair in ScorecardLayout.of(run.schema).pairs for name in pair}
    alone = next(
        c for c in ("plan", "cat", "is member")
        if c in set(card["column"]) and c not in paired
    )  # fmt: skip
    lines = card[(card["column"] == alone) & (card["with_column"] == "")].set_index("bin")
    reasons = run.reasons(customers)
    word = customers[alone].iloc[0]
    np.testing.assert_allclose(reasons[alone].iloc[0], lines.loc[word, "log_odds"], atol=1e-5)

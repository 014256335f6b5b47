from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pandas as pd
import pytest

from churn_torch.cli.compose import compose
from churn_torch.errors import InputError
from churn_torch.evaluation.concordance import concordance
from churn_torch.models.nets.linear import Linear
from churn_torch.serving.outputs import MEDIAN_PERIODS, PROBABILITY, SURVIVAL
from churn_torch.serving.scoring import score_table
from churn_torch.tables.labelled.in_memory import MemoryTable
from churn_torch.tables.labelled.lifetimes import LifetimeColumns
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.workflows.coefficients import TrainingRows, coefficients_of
from churn_torch.workflows.compare import compare
from churn_torch.workflows.cross_validate import cross_validate
from churn_torch.workflows.evaluate import evaluate
from churn_torch.workflows.explain import explain
from churn_torch.workflows.report import report
from churn_torch.workflows.run_folder import Run, load_run
from churn_torch.workflows.tested_runs import read_tested_run
from churn_torch.workflows.tune import tune
from tests.reference.survival import newton_logit, person_periods

KEYS = ("data=table", "data.source=x", "data.target=left", "model=survival")
DAYS = 30
# The coefficients of usage, of the days stayed before and of the plan, then of each baseline, in
# statsmodels 0.15: Logit(outcome, design).fit(method="newton", tol=1e-12), on the rows below.
STATSMODELS = [
    *(0.7971012173, -0.0023392889, -1.0412222123),
    *(-0.628563538, -0.9683689586, -0.92154126, -1.0595554264, -0.6349233921),
    *(-1.0378668635, -0.9662793433, -1.6391697372, -1.2763650323, -1.9386149535),
]


def lifetimes(n: int, *, late: bool = False, seed: int = 0) -> pd.DataFrame:
    """Customers whose hazard falls with time and depends on usage and plan.

    With ``late`` they are observed from some day on, and durations are days; else periods.
    """
    rng = np.random.default_rng(seed)
    usage, plan = rng.normal(size=n), rng.choice(["basic", "plus"], n)
    stayed = rng.integers(0, 5, n) if late else np.zeros(n, dtype=int)
    ends = stayed + rng.integers(1, 11, n)
    last, left = stayed.copy(), np.zeros(n, dtype=bool)
    for period in range(1, 16):
        logit = -1.5 - 0.1 * period + 0.8 * usage + 0.7 * (plan == "basic")
        leaves = rng.random(n) < 1 / (1 + np.exp(-logit))
        here = (last == period - 1) & (period > stayed) & (period <= ends) & ~left
        last[here], left[here & leaves] = period, True
    frame = pd.DataFrame({"usage": usage, "plan": plan, "left": np.where(left, "yes", "no")})
    if not late:
        return frame.assign(tenure=last)
    # Who left did so some days before the end of the period.
    frame["stayed"] = stayed * DAYS
    return frame.assign(days=last * DAYS - np.where(left, rng.integers(0, DAYS, n), 0))


@pytest.fixture(scope="module")
def tenure_run(train_run: Callable[..., Run], tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("survival") / "run"
    keys = (*KEYS, "data.duration=tenure", "data.horizon=3")
    return train_run(folder, *keys, source=lifetimes(1_500))


def test_the_file_takes_how_long_a_customer_has_stayed(tenure_run: Run, tmp_path: Path) -> None:
    new = lifetimes(200, seed=1).drop(columns="left")
    curve = tenure_run.predict_survival(new.assign(tenure=0)).to_numpy()
    within = tenure_run.predict_proba(new.assign(tenure=0))
    np.testing.assert_allclose(within, 1 - curve[:, 2], atol=1e-6)
    stayed = tenure_run.predict_survival(new.assign(tenure=2)).to_numpy()
    np.testing.assert_allclose(stayed[:, :-2], curve[:, 2:] / curve[:, 1:2], rtol=1e-4)
    unknown = tenure_run.predict_survival(new.assign(tenure=np.nan)).to_numpy()
    np.testing.assert_array_equal(unknown, curve)
    # It moves the curve along time and is no reason.
    assert (tenure_run.reasons(new)["tenure"] == 0).all()

    session = ort.InferenceSession(tenure_run.model, providers=["CPUExecutionProvider"])
    assert [output.name for output in session.get_outputs()][-2:] == [SURVIVAL, MEDIAN_PERIODS]
    assert "tenure" in [value.name for value in session.get_inputs()]
    told = json.loads(session.get_modelmeta().custom_metadata_map["survival"])
    assert (told["stayed"], told["horizon"], told["n_periods"]) == ("tenure", 3, curve.shape[1])
    assert "within the next 3 periods" in told["outputs"][PROBABILITY]

    new.to_parquet(tmp_path / "new.parquet")
    score_table(tenure_run.model, tmp_path / "new.parquet", tmp_path / "scores.parquet")
    scores = pd.read_parquet(tmp_path / "scores.parquet")
    np.testing.assert_allclose(scores[PROBABILITY], tenure_run.predict_proba(new), atol=1e-5)
    now = tenure_run.predict_survival(new).to_numpy()
    half = (now > 0.5).sum(1) + 1.0
    half[now[:, -1] > 0.5] = np.nan
    np.testing.assert_array_equal(scores[MEDIAN_PERIODS], half)


def test_the_run_keeps_what_was_measured(tenure_run: Run) -> None:
    run = load_run(tenure_run.folder)
    new = lifetimes(50, seed=2)
    pd.testing.assert_frame_equal(run.predict_survival(new), tenure_run.predict_survival(new))
    measured = run.metrics["survival"]
    low, high = measured["intervals"]["c_index"]
    assert 0.5 < low < measured["c_index"] < high
    assert measured["integrated_brier"] < measured["integrated_brier_without_features"]
    low, high = measured["intervals"]["observed_within_horizon"]
    assert low < measured["predicted_within_horizon"] < high
    assert run.metrics["data"]["base_rate"] == measured["predicted_within_horizon"]
    with pytest.raises(InputError, match="actionable: expected columns that the model learns"):
        run.explain(new[:2], actionable=["tenure"])
    predicted = pd.read_parquet(run.folder / "predictions.parquet")
    known = (predicted["label"] == 1) | (predicted["tenure"] >= 3)
    assert run.metrics["test"]["n"] == known.sum() < len(predicted) == measured["n"]
    assert "<svg" in (run.folder / "survival.html").read_text(encoding="utf-8")


def test_new_rows_are_measured_from_their_start(tenure_run: Run) -> None:
    new = lifetimes(400, seed=3)
    measured = evaluate({"run": str(tenure_run.folder)}, source=new)
    risk = tenure_run.predict_proba(new.assign(tenure=0))
    index = concordance(risk, new["tenure"].to_numpy(), (new["left"] == "yes").to_numpy())
    assert index is not None
    assert measured["survival"]["c_index"] == pytest.approx(index.value, abs=1e-6)
    assert measured["n"] == ((new["left"] == "yes") | (new["tenure"] >= 3)).sum()


def test_factors_are_of_the_customers_of_whom_it_is_known(
    train_run: Callable[..., Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lifetimes(600).to_parquet(tmp_path / "customers.parquet")
    keys = [*KEYS, "data.duration=tenure", "data.horizon=3"]
    keys[1] = f"data.source={tmp_path / 'customers.parquet'}"
    run = train_run(tmp_path / "run", *keys, "report=true")
    page = run.folder / "report.html"
    written = page.read_text(encoding="utf-8")
    n_known = run.metrics["test"]["n"]
    assert f"Measured on {n_known} test customers of whom it is known" in written
    assert f"C-index<td class=n>{run.metrics['survival']['c_index']:.4f} [" in written
    report({"run": str(run.folder)})
    assert page.read_text(encoding="utf-8") == written
    found = explain({"run": str(run.folder), "source": None})
    assert [one.columns for one in found.importance] == [("usage",), ("plan",)]
    assert found.coefficients is not None
    assert {row.column for row in found.coefficients.rows} == {"usage", "plan"}
    assert f"by {run.metrics['test']['n']} rows" in capsys.readouterr().out
    for given in ({"source": "x.csv"}, {"run": str(run.model), "source": None}):
        with pytest.raises(
            InputError, match=r"expected the run folder of a model of time to churn"
        ):
            explain({"run": str(run.folder), **given})


def test_what_counts_on_labels_alone_is_refused(tenure_run: Run) -> None:
    folder = str(tenure_run.folder)
    with pytest.raises(InputError, match=r"^by: expected nothing for a run of model=survival"):
        evaluate({"run": folder, "by": ["plan"]})


def test_runs_are_compared_at_the_horizon(tenure_run: Run, tmp_path: Path) -> None:
    runs = [str(tmp_path / name) for name in ("better", "worse", "other")]
    for run in runs:
        shutil.copytree(tenure_run.folder, run)
    predictions = pd.read_parquet(Path(runs[1], "predictions.parquet"))
    noise = np.random.default_rng(0).normal(0, 0.25, len(predictions))
    worse = (predictions[PROBABILITY] + noise).clip(0, 1).astype("float32")
    predictions.assign(**{PROBABILITY: worse}).to_parquet(Path(runs[1], "predictions.parquet"))
    found = compare(compose("compare", [f"runs=[{runs[0]},{runs[1]}]"]))
    measured = tenure_run.metrics["survival"]
    for metric in ("auroc", "brier", "c_index"):
        assert found.values[metric][0] == pytest.approx(measured[metric], abs=1e-5)
    assert found.differences["brier"][0].is_real
    assert "test rows" in found.measured_on
    assert any("leaving within 3 periods" in note for note in found.notes)
    for keys, said in (
        ([f"runs=[{runs[0]},{runs[1]}]", "metric=lift_at_10"], "expected one of auroc, log_loss"),
        ([f"runs=[{runs[0]},{runs[2]}]"], "within 3 periods in .* and within 4 periods"),
    ):
        config = Path(runs[2], "config.yaml")
        text = config.read_text(encoding="utf-8").replace("horizon: 3", "horizon: 4")
        config.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=said):
            compare(compose("compare", keys))
    with pytest.raises(InputError, match=r"^runs: expected models of churn, got one of time to"):
        report(compose("report", [f"runs=[{runs[0]},{runs[1]}]", f"out={tmp_path / 'x.html'}"]))


def test_each_fold_measures_when_customers_leave(tmp_path: Path) -> None:
    table = lifetimes(900)
    keys = [*KEYS, "data.duration=tenure", "data.horizon=3", "cv.folds=3", "leakage=ignore"]
    metrics = cross_validate(compose("train", keys), tmp_path / "run", source=table)
    assert metrics["survival"]["n"] * 3 == len(table)
    assert metrics["test"]["n"] < len(table)
    assert 0.5 < metrics["survival"]["c_index"] < 1
    assert metrics["data"]["base_rate"] == metrics["survival"]["predicted_within_horizon"]
    of_folds = [fold["survival"]["c_index"] for fold in metrics["folds"]]
    assert metrics["survival"]["c_index"] == pytest.approx(np.mean(of_folds))
    with pytest.raises(InputError, match="folds of a model of time to churn"):
        read_tested_run(str(tmp_path / "run"))


@pytest.mark.usefixtures("without_export")
def test_a_study_is_of_the_net_and_of_the_loss_of_periods(tmp_path: Path) -> None:
    keys = [*KEYS, "data.duration=tenure", "data.horizon=3", "net=mlp", f"outputs={tmp_path}"]
    with pytest.raises(InputError, match=r"^tune: .* for the net chosen .*MLP.*, got .*Linear"):
        tune(compose("tune", keys), lambda: tmp_path / "no")
    keys += ["tune=mlp", "tune.trials=2", "trainer.max_epochs=2", "leakage=ignore"]
    run = tune(compose("tune", keys), lambda: tmp_path / "run", source=lifetimes(600))
    assert run is not None
    trials = pd.read_csv(next((tmp_path / "studies").glob("*/trials.csv")))
    best = trials.loc[trials["log_loss"].idxmin()]
    assert run.options.own_net.arguments["width"] == best["net.width"]
    losses = [epoch["validation_log_loss"] for epoch in run.metrics["fit"]["history"]]
    assert min(losses) == pytest.approx(best["log_loss"], rel=1e-4)


@pytest.mark.usefixtures("without_export")
def test_the_optimum_is_that_of_the_logit_of_person_periods(
    train_run: Callable[..., Run], tmp_path: Path
) -> None:
    """Late entries, days in periods of 30; against a slow Newton and statsmodels."""
    table = lifetimes(700, late=True)
    lived = ("data.duration=days", "data.entry=stayed", f"data.period={DAYS}", "data.horizon=2")
    run = train_run(tmp_path / "run", *KEYS, *lived, "penalty.l2=0", source=table)
    assert run.metrics["fit"]["exact"]["converged"]
    columns, scorer = LifetimeColumns.of(run.schema), run.scorer
    assert columns is not None
    assert scorer.hazard is not None
    assert isinstance(scorer.net, Linear)
    design, outcome = design_of(train_rows(run, table), columns.ends)
    slow = newton_logit(design, outcome, l2=np.zeros(design.shape[1]), n_rows=len(design))
    np.testing.assert_allclose(slow, STATSMODELS, atol=1e-8)

    weight = scorer.net.linear.weight[0].double().detach().numpy()
    named = dict(zip(scorer.preprocess.feature_names, weight, strict=True))
    buffers = [scorer.preprocess.get_buffer(f"float32_{n}_").numpy() for n in ("center", "scale")]
    order = [c.name for c in run.schema.float32]
    center, scale = ({n: float(x) for n, x in zip(order, b, strict=True)} for b in buffers)
    got = [named[name] / scale[name] for name in ("usage", "stayed")]
    assert [*got, named["plan = plus"] - named["plan = basic"]] == pytest.approx(slow[:3], abs=1e-6)
    # A baseline is that of a customer whose features are all 0 in model space.
    rows = TrainingRows(run)
    for chunk in read_labelled(run.options.table, seed=run.options.seed, source=table).chunks():
        rows.add(chunk)
    found = coefficients_of(run, rows)
    assert found is not None
    assert found.method.startswith("The odds are those of leaving in a period")
    estimates = {f"{row.column} {row.term}": row for row in found.rows}
    assert estimates["usage per unit"].estimate == pytest.approx(slow[0], abs=1e-6)
    assert estimates["stayed per unit"].estimate == pytest.approx(slow[1], abs=1e-6)
    chance = 1 / (1 + np.exp(-design @ slow))
    information = design.T @ (design * (chance * (1 - chance))[:, None])
    errors = np.sqrt(np.diag(np.linalg.inv(information)))
    assert estimates["usage per unit"].std_error == pytest.approx(errors[0], rel=1e-6)
    assert estimates["stayed per unit"].std_error == pytest.approx(errors[1], rel=1e-6)
    share = dict(zip(["basic", "plus"], scorer.preprocess.get_buffer("frequencies_"), strict=True))
    mean = [center["usage"], center["stayed"], float(share["plus"])]
    hazards = scorer.hazard.baseline.double().detach().numpy()
    np.testing.assert_allclose(hazards, slow[3:] + np.dot(mean, slow[:3]), atol=2e-6)


def design_of(rows: pd.DataFrame, ends: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the person-periods of rows of `lifetimes` with ``late``."""
    left = (rows["left"] == "yes").to_numpy()
    last = np.where(left, np.ceil(rows["days"] / DAYS), rows["days"] // DAYS)
    x = np.stack([rows["usage"], rows["stayed"], rows["plan"] == "plus"], axis=1).astype(float)
    return person_periods(x, (rows["stayed"] // DAYS).to_numpy(), last, left, ends)


def train_rows(run: Run, table: pd.DataFrame) -> pd.DataFrame:
    """Return the training rows, as the run split the table."""
    parts = read_labelled(run.options.table, seed=run.options.seed, source=table)
    assert isinstance(parts, MemoryTable)
    return table.iloc[parts.split.train]

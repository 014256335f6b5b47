from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pandas as pd
import pytest
from scipy.special import expit

from churn_torch.cli.compose import compose
from churn_torch.decisions.offers import payoffs
from churn_torch.errors import InputError
from churn_torch.evaluation.uplift.experiment import experiment
from churn_torch.evaluation.uplift.uplift_metrics import uplift_metrics
from churn_torch.serving.outputs import NET_VALUE, PROBABILITY, UPLIFT
from churn_torch.serving.scoring import score_table
from churn_torch.workflows.configuration.check_config import check_choices
from churn_torch.workflows.configuration.options import TrainOptions, train_options
from churn_torch.workflows.evaluate import evaluate
from churn_torch.workflows.measurement.net_value import net_value_of
from churn_torch.workflows.runs.run_folder import Run, load_run

TRUE = "true uplift"
KEYS = (
    *("data=table", "data.source=x", "data.target=churned", "data.treatment=contacted"),
    *("model=uplift", f"data.ignore=[{TRUE}]", "optimizer=adam", "callbacks.progress=false"),
)


def campaign(n: int, *, dogs: bool, seed: int = 0) -> pd.DataFrame:
    """A randomised campaign with known effects.

    With ``dogs`` a contact keeps customers of most plans and drives those of one away; else it
    lowers everybody's log-odds by the same.
    """
    rng = np.random.default_rng(seed)
    risk, other = rng.normal(size=(2, n))
    plan = rng.choice(["a", "b", "dog"], n)
    effect = np.where(plan == "dog", 1.2, -1.0 + 0.5 * other) if dogs else np.full(n, -0.6)
    logit = -1 + risk
    contacted = rng.integers(0, 2, n)
    alone, called = expit(logit), expit(logit + effect)
    churned = rng.random(n) < np.where(contacted == 1, called, alone)
    return pd.DataFrame(
        {
            "risk": risk,
            "other": other,
            "charges": rng.uniform(10, 90, n).round(2),
            "plan": plan,
            "contacted": contacted,
            "churned": np.where(churned, "yes", "no"),
            TRUE: alone - called,
            "alone": alone,
        }
    )


@pytest.fixture(scope="module")
def dogs_run(train_run: Callable[..., Run], tmp_path_factory: pytest.TempPathFactory) -> Run:
    frame = campaign(8_000, dogs=True).drop(columns="alone")
    folder = tmp_path_factory.mktemp("uplift") / "run"
    offer = ("offer=call", "data.value=charges", "data.horizon=12", "data.discount_rate=0.01")
    return train_run(folder, *KEYS, *offer, source=frame)


def test_it_finds_whom_a_contact_keeps_and_whom_it_drives_away(dogs_run: Run) -> None:
    new = campaign(20_000, dogs=True, seed=1)
    uplift, probability = dogs_run.predict_uplift(new), dogs_run.predict_proba(new)
    assert uplift.shape == (20_000,)
    assert np.corrcoef(uplift, new[TRUE])[0, 1] > 0.9
    assert (uplift[new["plan"] == "dog"] < 0).mean() > 0.95
    assert (uplift[new["plan"] == "a"] > 0).mean() > 0.85
    assert abs(uplift.mean() - new[TRUE].mean()) < 0.03
    # The probability is that of a customer who is left alone.
    assert np.abs(probability - new["alone"]).mean() < 0.03
    assert ((uplift <= probability + 1e-6) & (uplift >= probability - 1 - 1e-6)).all()


def test_the_file_gives_the_uplift_and_the_net_value_of_the_offer(
    dogs_run: Run, tmp_path: Path
) -> None:
    new = campaign(3_000, dogs=True, seed=2)
    new.loc[5, "charges"] = np.nan
    new.to_parquet(tmp_path / "new.parquet")
    score_table(dogs_run.model, tmp_path / "new.parquet", tmp_path / "scores.parquet")
    scores = pd.read_parquet(tmp_path / "scores.parquet")
    np.testing.assert_allclose(scores[UPLIFT], dogs_run.predict_uplift(new), atol=1e-5)
    np.testing.assert_allclose(scores[PROBABILITY], dogs_run.predict_proba(new), atol=1e-5)
    worth = new["charges"].to_numpy() * sum(1.01**-t for t in range(12))
    pays = payoffs(dogs_run.options.offer["call"], worth)
    p = scores[PROBABILITY].to_numpy(np.float64)
    by_hand = scores[UPLIFT] * pays.kept - p * pays.leaver_cost - (1 - p) * pays.stayer_cost
    np.testing.assert_allclose(scores[NET_VALUE], by_hand, rtol=1e-4, atol=1e-3)
    assert np.isnan(scores[NET_VALUE][5])
    assert scores[NET_VALUE].notna().sum() == 2_999
    session = ort.InferenceSession(dogs_run.model, providers=["CPUExecutionProvider"])
    outputs = [output.name for output in session.get_outputs()]
    assert outputs[-2:] == [UPLIFT, NET_VALUE]
    assert "contacted" not in [value.name for value in session.get_inputs()]
    told = json.loads(session.get_modelmeta().custom_metadata_map["uplift"])
    assert "below 0 a contact does harm" in told[UPLIFT]
    assert "with the offer call" in told[NET_VALUE]


def test_the_run_keeps_what_was_measured(dogs_run: Run) -> None:
    run = load_run(dogs_run.folder)
    new = campaign(100, dogs=True, seed=3)
    np.testing.assert_array_equal(run.predict_uplift(new), dogs_run.predict_uplift(new))
    measured = run.metrics["uplift"]
    assert measured["qini"] > 0
    assert measured["intervals"]["qini"][0] > 0
    assert len(measured["deciles"]) == 10
    predicted = pd.read_parquet(run.folder / "predictions.parquet")
    alone = predicted[predicted["contacted"] == 0]
    assert run.metrics["test"]["n"] == len(alone)
    own = predicted[PROBABILITY] - predicted["contacted"] * predicted[UPLIFT]
    losses = -np.log(np.where(predicted["label"] == 1, own, 1 - own))
    expected = losses[predicted["contacted"] == 1].mean()
    assert measured["log_loss"]["contacted"] == pytest.approx(expected, rel=1e-4)
    best = measured["profit"]["call"]
    value = predicted["value"].to_numpy()
    worth = 0.5 * (predicted[UPLIFT] * value - 10).clip(lower=0).mean()
    assert best["intervals"]["mpu"][0] <= best["mpu"]
    assert best["mpu"] > worth
    assert 0 < best["best_share"] < 1
    assert "<svg" in (run.folder / "uplift.html").read_text(encoding="utf-8")
    assert measured["log_loss"]["not_contacted"] == pytest.approx(run.metrics["test"]["log_loss"])


@pytest.mark.usefixtures("without_export")
def test_a_constant_effect_shows_no_false_spread(
    train_run: Callable[..., Run], tmp_path: Path
) -> None:
    run = train_run(
        tmp_path / "run", *KEYS, source=campaign(20_000, dogs=False).drop(columns="alone")
    )
    new = campaign(20_000, dogs=False, seed=1)
    error = run.predict_uplift(new) - new[TRUE]
    assert error.std() < 0.03
    assert abs(error.mean()) < 0.03
    # The ranking gains little over a random one: all of it is the risk.
    assert run.metrics["uplift"]["intervals"]["qini"][0] < 0.03


@pytest.mark.usefixtures("without_export")
def test_a_treatment_that_the_columns_tell_is_refused(
    train_run: Callable[..., Run], tmp_path: Path
) -> None:
    frame = campaign(4_000, dogs=True).drop(columns="alone")
    chosen = np.random.default_rng(0).random(4_000) < expit(1.5 * frame["risk"])
    frame["contacted"] = chosen.astype(int)
    with pytest.raises(InputError, match=r"^data\.treatment: expected a treatment that chance"):
        train_run(tmp_path / "run", *KEYS, source=frame)


def options(*overrides: str) -> TrainOptions:
    return train_options(compose("train", [*KEYS[:4], *overrides]))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model=uplift", "data.treatment=null"], r"^data\.treatment: .* got nothing"),
        (["model=uplift", "optimizer=newton"], r"^optimizer: .* exact solver"),
        (["model=uplift", "ensemble=3"], r"^ensemble: expected 1 with model=uplift, got 3"),
        (["model=uplift", "cv.folds=5"], r"^cv\.folds: expected 0 with model=uplift"),
        (["model=mlp", "net=tabm"], r"^net: .* got TabM with another model"),
    ],
)
def test_a_choice_that_uplift_cannot_follow_is_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_choices(options(*overrides))


def test_another_model_leaves_the_treatment_out_and_carries_it() -> None:
    table = options("model=mlp").table
    assert table.treatment is None
    assert "contacted" in table.ignore
    assert "contacted" in table.carry
    assert options("model=uplift").table.treatment == "contacted"


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["offer=call"], "data.value does not say"),
        (["offer=[call,discount]", "data.value=charges"], "of one offer, and there are 2"),
        (["offer=call", "data.value='2 * charges'"], "and not data.value=2"),
        (["offer=call", "data.value=plan"], "and not data.value=plan"),
        (["data.value=charges"], ""),
    ],
)
def test_a_net_value_that_a_file_cannot_compute_is_left_out(
    overrides: list[str], reason: str, dogs_run: Run
) -> None:
    found, why = net_value_of(options("model=uplift", *overrides), dogs_run.schema)
    assert found is None
    assert reason in why
    assert bool(why) == bool(reason)


def test_a_number_is_a_value_too(dogs_run: Run) -> None:
    chosen: Any = options("model=uplift", "offer=discount", "data.value=500", "data.horizon=2")
    found, why = net_value_of(chosen, dogs_run.schema)
    assert not why
    assert found is not None
    pays = payoffs(chosen.offer["discount"], 1_000.0)
    assert found.value * found.factor - found.incentive == pytest.approx(pays.kept)
    assert (found.leaver_cost, found.stayer_cost) == (pays.leaver_cost, pays.stayer_cost)


def test_an_evaluation_measures_it_on_new_rows(
    dogs_run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    new = campaign(3_000, dogs=True, seed=2)
    keys = compose("evaluate", [f"run={dogs_run.folder}"])
    found = evaluate(keys, source=new)["uplift"]
    rows = experiment((new["churned"] == "yes").astype(float), new["contacted"])
    expected = uplift_metrics(dogs_run.predict_uplift(new).astype(float), rows)
    for name, value in expected.numbers.items():
        assert found[name] == pytest.approx(value, rel=1e-6)
    assert len(found["deciles"]) == 10
    assert "Qini" in capsys.readouterr().out
    for without, said in (
        (new.drop(columns="contacted"), "lack 'contacted'"),
        (new.assign(contacted=0), "none were contacted"),
    ):
        assert "uplift" not in evaluate(keys, source=without)
        assert said in " ".join(capsys.readouterr().out.split())

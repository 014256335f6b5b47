"""A training on events, from lists in a Parquet file to an ONNX file that answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_torch.cli.compose import compose
from churn_torch.errors import InputError
from churn_torch.serving.model_file import ModelFile
from churn_torch.serving.scoring import score_table
from churn_torch.workflows.configuration.check_config import check_choices
from churn_torch.workflows.configuration.options import train_options
from churn_torch.workflows.explain import explain
from churn_torch.workflows.runs.run_folder import Run, load_run
from churn_torch.workflows.train import train
from tests.workflows.planted_words import found_in

N = 320
SECRETS = {"id": "Aardvark", "rare value": "Ibex", "list that is not named": "Badger"}
CHOICES = (
    *("data=table", "data.target=churned", "data.positive='yes'", "data.id=customer"),
    "data.sequences.orders.columns=[orders_amount,orders_channel,orders_days_before]",
    *("data.sequences.orders.days_before=orders_days_before", "data.sequences.orders.last=4"),
    *("model.width=8", "trainer.max_epochs=12", "optimizer.lr=0.03", "report=false"),
)


def table() -> pd.DataFrame:
    """Who bought less in the last order than in the one before it leaves."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(2, 8, N)
    amounts = [rng.gamma(2.0, 20.0, n) for n in lengths]
    leaves = np.array([a[-1] < a[-2] for a in amounts]) ^ (rng.random(N) < 0.1)
    channels = [list(rng.choice(["web", "shop"], n)) for n in lengths]
    days = [np.sort(rng.integers(1, 300, n))[::-1].tolist() for n in lengths]
    channels[0][0] = channels[1][-1] = SECRETS["rare value"]
    return pd.DataFrame(
        {
            "customer": [f"{SECRETS['id']}{i}" for i in range(N)],
            "tenure": rng.integers(1, 60, N),
            "orders_amount": amounts,
            "orders_channel": channels,
            "orders_days_before": days,
            "orders_note": [[SECRETS["list that is not named"]] * n for n in lengths],
            "churned": np.where(leaves, "yes", "no"),
        }
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("events") / "customers.parquet"
    table().to_parquet(path)
    return path


@pytest.fixture(scope="module")
def run(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("run") / "run"
    config = compose("train", ["model=gru", *CHOICES, f"data.source={source}"])
    return train(config, folder)


def test_the_order_of_events_is_learned(run: Run):
    assert run.metrics["test"]["auroc"] > 0.75
    assert run.metrics["reasons"]["method"] == "exact"
    assert run.metrics["reasons"]["completeness_error"] < 1e-4


def test_no_file_but_the_predictions_holds_what_few_customers_have(run: Run):
    found = {name: kinds for name, kinds in found_in(run.folder, SECRETS).items() if kinds}
    assert found == {"predictions.parquet": {"id"}}


def test_lists_tell_when_customers_leave(source: Path, tmp_path: Path):
    choices = [choice.replace("model.width", "net.width") for choice in CHOICES]
    lived = ("model=survival", "net=gru", "data.duration=tenure", "data.horizon=12")
    config = compose("train", [*choices, *lived, f"data.source={source}", "data.period=2"])
    run = train(config, tmp_path / "run")
    assert run.metrics["survival"]["c_index"] > 0.6
    assert run.metrics["reasons"]["method"] == "exact"
    rows = pd.read_parquet(source).assign(tenure=9.0)
    rows.loc[:2, ["orders_amount", "orders_channel", "orders_days_before"]] = None
    rows.to_parquet(tmp_path / "changed.parquet")
    score_table(run.model, tmp_path / "changed.parquet", tmp_path / "scores.parquet")
    scores = pd.read_parquet(tmp_path / "scores.parquet")
    expected = load_run(run.folder).predict_proba(rows)
    np.testing.assert_allclose(scores["churn_probability"], expected, atol=1e-5)
    steps = run.event_reasons(rows[3:6])
    assert set(steps["row"]) == {3, 4, 5}


def test_run_file_and_scores_agree(run: Run, source: Path, tmp_path: Path):
    rows = pd.read_parquet(source)
    rows.loc[:2, ["orders_amount", "orders_channel", "orders_days_before"]] = None
    rows.loc[3, "orders_channel"][:] = "never seen"
    changed = tmp_path / "changed.parquet"
    rows.to_parquet(changed)
    loaded = load_run(run.folder)
    expected = loaded.predict_proba(rows)
    score_table(run.model, changed, tmp_path / "scores.parquet")
    scores = pd.read_parquet(tmp_path / "scores.parquet")
    assert list(scores["customer"]) == list(rows["customer"])
    np.testing.assert_allclose(scores["churn_probability"], expected, atol=1e-5)
    file = ModelFile(run.model)
    given = file.run(file.feed(rows))
    np.testing.assert_allclose(given["churn_probability"], expected, atol=1e-5)
    np.testing.assert_allclose(given["reasons"], loaded.reasons(rows), atol=1e-4)
    names = [*loaded.reasons(rows)]
    assert names == ["tenure", "orders_amount", "orders_days_before", "orders_channel"]
    quality = pd.DataFrame(given["quality"], columns=names)
    assert (quality.iloc[:3, 1:] == 1).all(axis=None)  # missing: no events
    assert quality.loc[3, "orders_channel"] == 2  # unseen
    # Amounts decide; the other columns hardly matter.
    size = loaded.reasons(rows).abs().mean()
    assert size.idxmax() == "orders_amount"


def test_events_add_up_to_the_difference_to_no_events(run: Run, source: Path):
    rows = pd.read_parquet(source).iloc[10:16]
    loaded = load_run(run.folder)
    told = loaded.event_reasons(rows)
    assert set(told["group"]) == {"orders"}
    assert told.groupby("row").size().to_dict() == {
        row: min(4, len(amounts)) for row, amounts in rows["orders_amount"].items()
    }
    for row, event, amount in told[["row", "event", "orders_amount"]].itertuples(index=False):
        assert rows["orders_amount"][row][event] == amount
    lists = [name for name in rows if name.startswith("orders")]
    nothing = rows.assign(**dict.fromkeys(lists, None))
    difference = loaded.reasons(rows).sum(axis=1) - loaded.reasons(nothing).sum(axis=1)
    added = told.groupby("row")["log_odds"].sum()
    np.testing.assert_allclose(added, difference, atol=1e-4)


def test_one_customer_is_explained(run: Run, source: Path):
    told = explain(
        compose("explain", [f"run={run.folder}", f"source={source}", f"id={SECRETS['id']}7"])
    )
    assert any(reason.column.startswith("orders") for reason in (*told.raises, *told.lowers))


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (["ensemble=3"], r"^ensemble: expected 1 with data.sequences, got 3;"),
        (["features.select=chi2"], r"^features.select: expected none"),
        (["cv.folds=3", "cv.average=true"], r"^cv.average: expected false"),
        (["data.spend=tenure"], r"^data.spend: expected nothing with data.sequences"),
        (["~data.sequences"], r"^data.sequences: expected columns of lists for GRU"),
        (
            ["model=logreg", "~model.width"],
            r"^model: expected gru .* got Linear, which cannot read",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_the_table_is_read(choices, message):
    known = list(CHOICES)
    for left_out in [choice[1:] for choice in choices if choice.startswith("~")]:
        known = [choice for choice in known if not choice.startswith(left_out)]
    added = [choice for choice in choices if not choice.startswith("~")]
    config = compose("train", ["model=gru", "data.source=x.parquet", *known, *added])
    with pytest.raises(InputError, match=message):
        check_choices(train_options(config))

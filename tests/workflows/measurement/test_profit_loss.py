"""loss=profit from a table to a calibrated scorer, and the choices that it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import log_loss

from churn_torch.cli.compose import compose
from churn_torch.errors import InputError
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.training.inference import scored
from churn_torch.training.rows import materialize
from churn_torch.workflows.configuration.check_config import check_choices, check_study
from churn_torch.workflows.configuration.options import train_options
from churn_torch.workflows.fit import fitted

PROFIT = ("loss=profit", "offer=call", "data.value=value")
TABLE = (
    *("data=table", "data.target=churn", "data.positive=1", "data.split.by=hash"),
    *("batch_size=256", "trainer.max_epochs=25"),
    *("offer=call", "offer.call.contact_cost=5", "offer.call.keep_rate=0.5", "data.value=value"),
)
# A call costs 5 and keeps half of those who would leave.
CONTACT, KEEP = 5.0, 0.5


@pytest.fixture(scope="module")
def segments() -> pd.DataFrame:
    """Usage moves churn up in a few customers who are worth much, and down in all others."""
    rng = np.random.default_rng(0)
    n = 1500
    business = rng.random(n) < 0.15
    usage = rng.normal(size=n)
    churn = rng.random(n) < 1 / (1 + np.exp(1.5 - 2 * usage * np.where(business, 1, -1)))
    value = np.where(business, 500.0, 20.0)
    return pd.DataFrame(
        {
            "usage": usage, "segment": np.where(business, "business", "home"), "value": value,
            "churn": churn.astype(int), "noise": rng.normal(size=n),
        }
    )  # fmt: skip


def fit(folder: Path, source, *keys: str):
    """Fit; return probabilities and labels by part, the net's weights, the record, the payoffs."""
    options = train_options(compose("train", [*TABLE, "data.source=made", *keys]))
    check_choices(options)
    table = read_labelled(options.data, seed=options.seed, source=source)
    folder.mkdir(exist_ok=True)
    with fitted(options, table, folder, n_threads=1, announce=lambda line: None) as model:
        rows = {
            part: [
                torch.cat(each).numpy()
                for each in zip(*(r[:2] for r in scored(model.scorer, one)), strict=True)
            ]
            for part, one in model.store.parts.items()
        }
        train = model.store.parts["train"]
        payoff = train.read([slice(0, train.n_rows)]).payoff
        kept = None if payoff is None else payoff.clone()
        return rows, model.scorer.net.state_dict(), model.fit, kept


def most(score: np.ndarray, payoff: np.ndarray) -> float:
    """What the best threshold on the score earns."""
    return max(0.0, np.cumsum(payoff[np.argsort(-score, kind="stable")]).max())


@pytest.fixture(scope="module")
def in_memory(segments: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory):
    source = tmp_path_factory.mktemp("source") / "segments.parquet"
    segments.to_parquet(source)
    return source, fit(source.parent / "run", source, "loss=profit")


def test_a_linear_model_earns_more_where_it_must_choose_whom_to_get_right(in_memory, tmp_path):
    source, (rows, _, record, payoff) = in_memory
    plain, *_ = fit(tmp_path, source)
    payoff = payoff.double().numpy()
    score, label = rows["train"]
    assert (payoff[label == 0] == -CONTACT).all()
    assert set(payoff[label == 1]) == {KEEP * 500 - CONTACT, KEEP * 20 - CONTACT}
    earned, of_cross_entropy = (most(of, payoff) for of in (score, plain["train"][0]))
    assert earned > 1.2 * of_cross_entropy > 0
    assert record["validation_profit"] > 0
    # Cross-entropy fits the probabilities better, which is what it is for.
    assert log_loss(label, plain["train"][0]) < log_loss(label, score)


def test_probabilities_are_calibrated_again(in_memory):
    probability, label = in_memory[1][0]["validation"]
    assert probability.mean() == pytest.approx(label.mean(), abs=0.01)
    assert log_loss(label, probability) < log_loss(label, np.full(len(label), label.mean()))


def test_streamed_rows_in_files_give_the_same_model(in_memory, tmp_path, monkeypatch):
    source, (rows, weights, record, _) = in_memory
    monkeypatch.setattr(materialize, "MEMORY_BYTES", 0)
    monkeypatch.setattr("churn_torch.tables.labelled.streamed.READ_ROWS", 400)
    streamed = fit(tmp_path, source, "loss=profit", "data.streaming=true")
    assert all(torch.equal(streamed[1][name], weights[name]) for name in weights)
    for part, (probability, _) in rows.items():
        np.testing.assert_array_equal(streamed[0][part][0], probability)
    assert streamed[2]["validation_profit"] == record["validation_profit"]


def test_kept_files_are_of_one_offer(in_memory, tmp_path, monkeypatch):
    monkeypatch.setattr(materialize, "MEMORY_BYTES", 0)
    source, (_, _, _, payoff) = in_memory
    keys = ("loss=profit", "data.streaming=true", f"cache.folder={tmp_path / 'cache'}")
    keys = (*keys, "trainer.max_epochs=1", "patience=1")
    first = fit(tmp_path, source, *keys)[3]
    assert torch.equal(first, payoff)
    dearer = fit(tmp_path, source, *keys, "offer.call.contact_cost=6")[3]
    assert torch.equal(dearer, payoff - 1)


def test_a_negative_value_is_named(segments, tmp_path):
    source = segments.assign(value=segments["value"].where(segments.index != 7, -2.0))
    with pytest.raises(
        InputError, match=r"^data\.value: expected a number of 0 or more .* got -2.0 in "
    ):
        fit(tmp_path, source, "loss=profit")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["offer=null"], r"^offer: expected one offer with loss=profit, got none; name one"),
        (["offer=[call,discount]"], r"^offer: expected one offer .* got call, discount;"),
        (
            ["data.value=null"],
            r"^data\.value: expected what a kept customer is worth.* got noth",
        ),
        (["offer.call.keep_rate=1.5"], r"^offer\.call\.keep_rate: expected a chance between"),
        (["offer.call.contact_cost=-1"], r"^offer\.call\.contact_cost: expected an amount of 0"),
        (
            ["offer.call.keep_rate=usage"],
            r"^offer\.call\.keep_rate: expected one keep rate for",
        ),
        (["optimizer=newton"], r"^optimizer: expected gradient descent .* got newton;"),
        (["optimizer=lbfgs"], r"^optimizer: expected gradient descent .* got lbfgs;"),
        (["model=scorecard"], r"^optimizer: expected gradient descent .* got newton; .*scorecard"),
        (["calibration=none"], r"^calibration: expected a calibrator with loss=profit"),
        (["class_weight=balanced"], r"^class_weight: expected none with loss=profit.* balanced;"),
        (["class_weight=3"], r"^class_weight: expected none with loss=profit.* got 3;"),
    ],
    ids=str,
)
def test_a_choice_that_cannot_work_is_refused(overrides: list[str], message: str) -> None:
    keys = [key for key in PROFIT if key.split("=")[0] not in {o.split("=")[0] for o in overrides}]
    options = train_options(compose("train", [*keys, *overrides]))
    with pytest.raises(InputError, match=message):
        check_choices(options)


def test_a_loss_that_there_is_not_is_refused() -> None:
    with pytest.raises(InputError, match=r"^loss: expected cross_entropy or profit, got 'money'"):
        train_options(compose("train", ["loss=money"]))


def test_a_study_compares_by_log_loss() -> None:
    options = train_options(compose("train", list(PROFIT)))
    with pytest.raises(InputError, match=r"^loss: expected cross_entropy for a study"):
        check_study(options, options.model.target)

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from churn_torch.cli.compose import compose
from churn_torch.errors import InputError
from churn_torch.tables.labelled.in_memory import MemoryTable
from churn_torch.tables.labelled.lifetimes import LifetimeColumns
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.tables.labelled.rows import LabelledTable
from churn_torch.workflows.configuration.check_config import check_choices
from churn_torch.workflows.configuration.options import TrainOptions, train_options
from churn_torch.workflows.measurement.lifetimes import sentences, with_baselines

KEYS = ("data=table", "data.source=x", "data.target=left")


def options(*overrides: str) -> TrainOptions:
    return train_options(compose("train", [*KEYS, *overrides]))


def table(n: int = 400, *overrides: str) -> LabelledTable:
    rng = np.random.default_rng(0)
    tenure = rng.integers(1, 13, n)
    frame = pd.DataFrame(
        {
            "tenure": tenure,
            "paid so far": tenure * rng.uniform(20, 30, n),
            "usage": rng.normal(size=n),
            "left": rng.choice(["yes", "no"], n),
        }
    )
    data = options("model=survival", "data.duration=tenure", *overrides).data
    return read_labelled(data, seed=0, source=frame)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([], r"^data\.duration: .* got nothing; name it"),
        (
            ["data.duration=t", "cv.folds=5", "cv.average=true"],
            r"^cv\.average: expected false with",
        ),
        (["data.duration=t", "ensemble=3", "optimizer=adam"], r"^ensemble: expected 1"),
        (
            ["data.duration=t", "loss=profit", "offer=call", "data.value=9"],
            r"^loss: expected cross",
        ),
        (["data.duration=t", "offer=call", "data.value=9"], r"^offer: expected none .* got call"),
        (["data.duration=t", "threshold=profit"], r"^threshold: .* got profit"),
        (["data.duration=t", "class_weight=balanced"], r"^class_weight: expected none"),
        (["data.duration=t", "calibration=platt"], r"^calibration: .* contradict .* got platt"),
        (["data.duration=t", "features.select=chi2"], r"^features\.select: expected none"),
        (["data.duration=t", "data.treatment=called"], r"^data\.treatment: expected nothing"),
        (["data.duration=t", "data.horizon=0"], r"^data\.horizon: expected 1 or more"),
        (["data.duration=t", "data.period=0"], r"^data\.period: expected a number above 0"),
        (["data.entry=t"], r"^data\.duration: .* got nothing; name it"),
    ],
)
def test_what_survival_lacks_or_cannot_do_is_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_choices(options("model=survival", *overrides))


def test_another_model_takes_no_duration() -> None:
    with pytest.raises(InputError, match=r"^data\.duration: .* got 'tenure' with another model"):
        check_choices(options("data.duration=tenure"))


def test_the_training_rows_say_how_many_periods_there_are() -> None:
    read = table(400)
    columns = LifetimeColumns.of(with_baselines(read.schema, read))
    assert columns is not None
    assert columns.n_periods == 12
    assert columns.ends == tuple(range(1, 13))
    entry = with_baselines(read.schema, read)["tenure"]
    assert (entry.minimum, entry.maximum) == (0, 12)


@pytest.mark.parametrize(
    ("n", "overrides", "message"),
    [
        (400, ["data.horizon=13"], r"^data\.horizon: expected up to 12 periods, .* got 13"),
        (400, ["data.period=0.01"], r"^data\.period: .* 1,200; set data\.period=0\.02 or more"),
        (
            400,
            ["data.period=6", "data.horizon=3"],
            r"^data\.horizon: expected up to 2 .*period, or",
        ),
        (400, ["data.period=20"], r"^data\.period: .* for which 0 stayed; choose a shorter"),
        (40, [], r"^data\.target: expected 20 or more training customers who leave"),
    ],
)
def test_lifetimes_that_cannot_be_learned_from_are_refused(
    n: int, overrides: list[str], message: str
) -> None:
    read = table(n, *overrides)
    with pytest.raises(InputError, match=message):
        with_baselines(read.schema, read)


def test_a_horizon_that_nobody_left_within_is_refused() -> None:
    read = table(400)
    assert isinstance(read, MemoryTable)
    assert read.lifetime is not None
    late = replace(read, lifetime=read.lifetime + np.float32([0, 3]))
    with pytest.raises(InputError, match=r"^data\.horizon: .* got 1, within which 0 left and for"):
        with_baselines(read.schema, late)


def test_customers_who_were_not_observed_are_counted() -> None:
    frame = pd.DataFrame(
        {
            "tenure": np.resize([0, 0, 3, 5, 2, 4], 60),
            "seen": np.resize([0, 0, 3, 5, 1, 1], 60),
            "left": np.resize(["yes", "no", "yes", "no"], 60),
        }
    )

    def said(*keys: str) -> str:
        data = options("model=survival", "data.duration=tenure", *keys).data
        return " ".join(sentences(read_labelled(data, seed=0, source=frame)))

    left = frame["left"] == "yes"
    n_left, n_there = (int(((frame["tenure"] == 0) & own).sum()) for own in (left, ~left))
    assert f"tenure is 0 for {n_left} customers who left; they count" in said()
    assert f"{n_there} customers were observed for no whole period" in said()
    at_once = frame["tenure"] == frame["seen"]
    late = said("data.entry=seen")
    assert f"tenure is no longer than seen for {int((at_once & left).sum())} customers" in late
    assert f"{int((at_once & ~left).sum())} customers were observed for no whole" in late


def test_columns_that_tell_the_duration_are_named() -> None:
    said = list(sentences(table()))
    assert said[0].startswith("tenure: ")
    assert "is how long a customer has stayed so far" in said[0]
    assert len(said) == 2
    assert said[1].startswith("paid so far: rises with tenure (rank correlation 0.9")
    assert "data.ignore=[paid so far]" in said[1]

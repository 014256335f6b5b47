from __future__ import annotations

import functools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from churn_torch.cli.compose import compose
from churn_torch.cli.error_messages import CONF
from churn_torch.errors import InputError
from churn_torch.tuning.space import (
    current_values,
    deciding_choices,
    prepares_anew,
    read_space,
    with_values,
)
from churn_torch.workflows.configuration.typed_config import plain_config


@functools.cache
def choices(*overrides: str) -> dict[str, Any]:
    """Every choice of a study, as plain values; tests share them."""
    return plain_config(compose("tune", list(overrides)))


MLP = choices("model=mlp")


def test_ranges_become_distributions():
    space = read_space(
        {
            "optimizer": {"lr": {"low": 1e-4, "high": 1e-2, "log": True}},
            "model.width": {"low": 32, "high": 500, "step": 32},
            "model": {"dropout": {"low": 0.0, "high": 0.55, "step": 0.1}},
            "gradient_clip": {"choices": [None, 1.0]},
        },
        MLP,
    )
    assert space == {
        "optimizer.lr": FloatDistribution(1e-4, 1e-2, log=True),
        "model.width": IntDistribution(32, 480, step=32),
        "model.dropout": FloatDistribution(0.0, 0.5, step=0.1),
        "gradient_clip": CategoricalDistribution([None, 1.0]),
    }


@pytest.mark.parametrize(
    ("space", "sentence"),
    [
        ({}, "expected at least one key"),
        ({"model": {"widht": {"low": 1, "high": 2}}}, "did you mean 'model.width'"),
        ({"model": {"low": 1, "high": 2}}, "got 'model', which is a group of keys"),
        ({"seed": {"low": 1, "high": 2}}, "'seed', which decides the rows"),
        ({"data.split.by": {"choices": ["random", "hash"]}}, "decides the rows"),
        ({"model.width": {"low": 9, "high": 2}}, "expected low below high, got low=9 high=2"),
        ({"model.width": {"low": 9}}, "expected numbers for low, .* got low=9 high=None"),
        ({"model.width": {"low": 1, "high": "x"}}, "got low=1 high='x'"),
        ({"model.width": {"low": 0, "high": 9, "log": True}}, "only with low above 0"),
        ({"model.width": {"low": 1, "high": 9, "log": True, "step": 2}}, "without a step"),
        ({"model.width": {"low": 1, "high": 9, "step": 9}}, "expected a step above 0 and at most"),
        ({"model.width": {"low": 1, "hihg": 9}}, "did you mean 'high'"),
        ({"model._target_": {"choices": ["a.B", "c.D"]}}, "_target_', which decides .* a class"),
        ({"model.width": 3}, r"expected \{low, high\} or \{choices\}, got 3"),
        ({"model.activation": {"choices": []}}, "two or more"),
        ({"model.activation": {"choices": [["relu"], ["silu"]]}}, "two or more words, numbers"),
        ({"model.width": {"choices": [1, 2], "low": 1}}, "expected choices alone"),
    ],
)  # fmt: skip
def test_spaces_that_cannot_be_used(space, sentence):
    with pytest.raises(InputError, match=sentence):
        read_space(space, MLP)


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"low": 200, "high": 300}, "a number from 200 to 300 in the configuration, .* got 128"),
        ({"low": 30, "high": 300, "step": 20}, "in steps of 20 in the configuration, .* got 128"),
        ({"choices": [1, 2]}, r"one of its choices \(1, 2\) in the configuration, .* got 128"),
    ],
)
def test_the_configuration_itself_must_lie_inside(entry, sentence):
    space = read_space({"model.width": entry}, MLP)
    with pytest.raises(InputError, match=sentence):
        current_values(MLP, space)


@given(st.integers(1, 1000), st.integers(1, 1000), st.integers(1, 50))
def test_the_end_of_a_range_is_on_its_grid(low, width, step):
    entry = {"low": low, "high": low + width + step, "step": step}
    (distribution,) = read_space({"model.width": entry}, {"model": {"width": 1}}).values()
    assert (distribution.high - distribution.low) % step == 0
    assert entry["high"] - step < distribution.high <= entry["high"]


def test_values_go_where_they_belong():
    changed = with_values(MLP, {"model.width": 7, "gradient_clip": 1.0})
    assert (changed["model"]["width"], MLP["model"]["width"]) == (7, 128)
    assert (changed["gradient_clip"], MLP["gradient_clip"]) == (1.0, None)


def test_what_is_compared_when_a_study_goes_on():
    deciding = deciding_choices(choices("scheduler=cosine"))
    assert deciding["trainer.max_epochs"]
    assert {"seed", "data.split.by", "optimizer.lr", "preprocess.scaling"} <= set(deciding)
    assert not any(key.startswith(("tune", "outputs", "export", "data.source")) for key in deciding)


@pytest.mark.parametrize("path", sorted((CONF / "tune").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_space_fits_its_model(path):
    model = choices(f"model={path.stem}")
    space = read_space(model["tune"]["space"], model)
    assert set(current_values(model, space)) == set(space)
    net = model["net"] if path.stem == "survival" else model["model"]
    assert model["tune"]["target"] == net["_target_"]
    rows = {"preprocess", "model.bins"}  # what decides how rows are prepared
    assert prepares_anew(space) == any(key.startswith(tuple(rows)) for key in space)


def test_every_model_has_a_space():
    models = {path.name for path in (CONF / "model").glob("*.yaml")}
    # What uplift wraps is tuned alone: a study compares by log-loss.
    assert models - {"uplift.yaml"} == {path.name for path in (CONF / "tune").glob("*.yaml")}

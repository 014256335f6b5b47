from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from churn_torch.cli.compose import compose
from churn_torch.cli.error_messages import CONF
from churn_torch.errors import InputError
from churn_torch.tuning.space import (
    choices_of,
    current_values,
    prepares_anew,
    read_space,
    with_values,
)


def config(space, *overrides):
    """The configuration of an mlp with a space of its own."""
    composed = compose("tune", ["model=mlp", *overrides])
    OmegaConf.update(composed, "tune.space", space, merge=False)
    return composed


def test_ranges_become_distributions():
    space = read_space(
        config(
            {
                "optimizer": {"lr": {"low": 1e-4, "high": 1e-2, "log": True}},
                "model.width": {"low": 32, "high": 500, "step": 32},
                "model": {"dropout": {"low": 0.0, "high": 0.55, "step": 0.1}},
                "gradient_clip": {"choices": [None, 1.0]},
            }
        )
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
        (None, "expected at least one key"),
        ({"model": {"widht": {"low": 1, "high": 2}}}, "did you mean 'model.width'"),
        ({"model": {"low": 1, "high": 2}}, "got 'model', which stands for several"),
        ({"seed": {"low": 1, "high": 2}}, "'seed', which decides the rows"),
        ({"data.split.by": {"choices": ["random", "hash"]}}, "decides the rows"),
        ({"model.width": {"low": 9, "high": 2}}, "expected low below high, got low=9 high=2"),
        ({"model.width": {"low": 9}}, "expected numbers for low, .* got low=9 high=None"),
        ({"model.width": {"low": 1, "high": "x"}}, "got low=1 high='x'"),
        ({"model.width": {"low": 0, "high": 9, "log": True}}, "only with low above 0"),
        ({"model.width": {"low": 1, "high": 9, "log": True, "step": 2}}, "without a step"),
        ({"model.width": {"low": 1, "high": 9, "step": 9}}, "expected a step above 0 and at most"),
        ({"model.width": {"low": 1, "hihg": 9}}, "did you mean 'high'"),
        ({"model.width": 3}, "expected {low, high} or {choices}, got 3"),
        ({"model.activation": {"choices": []}}, "two or more"),
        ({"model.activation": {"choices": [["relu"], ["silu"]]}}, "two or more words, numbers"),
        ({"model.width": {"choices": [1, 2], "low": 1}}, "expected choices alone"),
    ],
)  # fmt: skip
def test_spaces_that_cannot_be_used(space, sentence):
    with pytest.raises(InputError, match=sentence):
        read_space(config(space))


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"low": 200, "high": 300}, "a number from 200 to 300, got 128"),
        ({"low": 30, "high": 300, "step": 20}, "in steps of 20, got 128"),
        ({"choices": [1, 2]}, r"one of its choices \(1, 2\), got 128"),
    ],
)
def test_the_configuration_itself_must_lie_inside(entry, sentence):
    composed = config({"model.width": entry})
    with pytest.raises(InputError, match=sentence):
        current_values(composed, read_space(composed))


@given(st.integers(1, 1000), st.integers(1, 1000), st.integers(1, 50))
def test_the_end_of_a_range_is_on_its_grid(low, width, step):
    entry = {"low": low, "high": low + width + step, "step": step}
    composed = OmegaConf.create({"model": {"width": 1}, "tune": {"space": {"model.width": entry}}})
    (found,) = read_space(composed).values()
    assert (found.high - found.low) % step == 0
    assert entry["high"] - step < found.high <= entry["high"]


def test_values_go_where_they_belong():
    composed = config({"model.width": {"low": 1, "high": 999}})
    changed = with_values(composed, {"model.width": 7})
    assert (changed.model.width, composed.model.width) == (7, 128)
    assert "tune" not in changed
    assert "tune" in composed


def test_what_is_compared_when_a_study_goes_on():
    choices = choices_of(compose("tune", ["scheduler=cosine"]))
    assert choices["trainer.max_epochs"]
    assert "scheduler.T_max" not in choices  # it says the same
    assert {"seed", "data.split.by", "optimizer.lr", "preprocess.scaling"} <= set(choices)
    assert not any(key.startswith(("tune", "outputs", "export", "data.source")) for key in choices)


@pytest.mark.parametrize("path", sorted((CONF / "tune").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_space_fits_its_model(path):
    composed = compose("tune", [f"model={path.stem}"])
    space = read_space(composed)
    assert set(current_values(composed, space)) == set(space)
    assert composed.tune.target == composed.model._target_
    rows = {"preprocess", "model.bins"}  # what decides how rows are prepared
    assert prepares_anew(space) == any(key.startswith(tuple(rows)) for key in space)


def test_every_model_has_a_space():
    assert {path.name for path in (CONF / "model").glob("*.yaml")} == {
        path.name for path in (CONF / "tune").glob("*.yaml")
    }

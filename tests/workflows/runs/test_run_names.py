"""Names tell runs apart by what differs between them."""

from __future__ import annotations

from typing import Any

import pytest
from omegaconf import OmegaConf

from churn_torch.cli.error_messages import CONF
from churn_torch.workflows.runs.run_names import differing, model_name, run_names


def config(model: str, **choices: Any) -> dict[str, Any]:
    return {"model": {"_target_": f"churn_torch.models.nets.{model}"}, **choices}


@pytest.mark.parametrize("file", sorted((CONF / "model").glob("*.yaml")), ids=lambda p: p.stem)
def test_a_model_is_called_as_on_the_command_line(file) -> None:
    assert model_name({"model": OmegaConf.to_container(OmegaConf.load(file))}) == file.stem


def test_other_models_are_named_by_the_model_alone() -> None:
    configs = [config("mlp.MLP", patience=5), config("linear.Linear", patience=9)]
    assert run_names(["a", "b"], configs) == ["mlp", "logreg"]


def test_runs_of_one_model_are_named_by_what_differs() -> None:
    configs = [
        config("mlp.MLP", outputs="x", optimizer={"lr": 0.1, "betas": [1, 2]}),
        config("linear.Linear"),
        config("mlp.MLP", outputs="y", optimizer={"lr": 0.2, "betas": [1, 2]}, seed=1),
    ]
    assert run_names(["a", "b", "c"], configs) == [
        "mlp optimizer.lr=0.1", "logreg", "mlp optimizer.lr=0.2 seed=1",
    ]  # fmt: skip


def test_equal_choices_are_told_apart_by_the_folder() -> None:
    assert run_names(["a", "b"], [config("mlp.MLP")] * 2) == ["mlp (a)", "mlp (b)"]


@pytest.mark.parametrize("model", [None, "x", 3, {}, {"_target_": 5}])
def test_a_strange_model_has_some_name(model: Any) -> None:
    assert run_names(["a", "b"], [{"model": model}, {}])[0]


def test_differing_keys_are_dotted() -> None:
    assert differing([{"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}]) == {"a.c": [2, 3]}

"""The options and conf/ say the same: fields, defaults and groups."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from churn_torch.cli.compose import compose
from churn_torch.cli.error_messages import CONF
from churn_torch.errors import InputError
from churn_torch.tables.values.missing_words import MissingWords
from churn_torch.training.components import maker_of
from churn_torch.training.options import Component
from churn_torch.workflows.compare import CompareOptions
from churn_torch.workflows.configuration.campaign_options import CampaignOptions
from churn_torch.workflows.configuration.explain_options import ExplainOptions
from churn_torch.workflows.configuration.features_options import FeaturesOptions
from churn_torch.workflows.configuration.options import TrainOptions, stored_options, train_options
from churn_torch.workflows.configuration.typed_config import plain_config, read_options
from churn_torch.workflows.evaluate import EvaluateOptions
from churn_torch.workflows.export import ExportCommandOptions
from churn_torch.workflows.score import ScoreOptions
from churn_torch.workflows.serve import ServeOptions
from churn_torch.workflows.tune import StudyOptions

# Values that a choice of model or optimizer sets (conf/recipe), so that a default would mislead.
OF_A_CHOICE = {
    *("model", "net", "optimizer", "scheduler", "calibration", "data", "offer"),
    *("patience", "smallest_batch", "events"),
    "trainer.max_epochs",
}


def defaults(kind: type, prefix: str = "") -> dict[str, Any]:
    """Return the default of each field by its dotted key."""
    known: dict[str, Any] = {}
    for one in dataclasses.fields(kind):
        value = one.default
        if one.default_factory is not dataclasses.MISSING:
            value = one.default_factory()
        if isinstance(value, MissingWords):  # a list in the file
            known[f"{prefix}{one.name}"] = value.everywhere
        elif dataclasses.is_dataclass(value):
            known |= defaults(type(value), f"{prefix}{one.name}.")
        else:
            known[f"{prefix}{one.name}"] = value
    return known


def leaves(node: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in node.items():
        if isinstance(value, dict) and value:
            flat |= leaves(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = tuple(value) if isinstance(value, list) else value
    return flat


def test_the_defaults_of_a_training_are_those_of_conf() -> None:
    written = leaves(plain_config(compose("train", ["optimizer=sgd"])))
    for key, value in defaults(TrainOptions).items():
        if key in OF_A_CHOICE or key.partition(".")[0] in OF_A_CHOICE:
            continue
        assert written[key] == value, key


def test_the_keys_of_a_table_are_the_fields_of_its_options() -> None:
    content = leaves(OmegaConf.to_container(OmegaConf.load(CONF / "data" / "table.yaml")))
    fields = defaults(train_options(compose("train")).data.__class__)
    assert content.keys() == fields.keys()
    for key, value in fields.items():
        if content[key] != "???":
            assert content[key] == value, key


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("campaign", CampaignOptions),
        ("compare", CompareOptions),
        ("evaluate", EvaluateOptions),
        ("explain", ExplainOptions),
        ("export", ExportCommandOptions),
        ("features", FeaturesOptions),
        ("score", ScoreOptions),
        ("serve", ServeOptions),
    ],
)
def test_the_keys_of_a_command_are_the_fields_of_its_options(command: str, kind: type) -> None:
    written = leaves(plain_config(compose(command)))
    fields = defaults(kind)
    for group in ("data", "offer", "events"):  # groups that are not chosen
        fields.pop(group, None)
    assert written.keys() == fields.keys()
    for key, value in written.items():
        if value != "???":
            assert fields[key] == value, key


def test_the_budget_of_a_study_is_that_of_conf() -> None:
    written = plain_config(compose("tune"))["tune"]
    study = read_options(StudyOptions, written, "tune.")
    assert {f.name for f in dataclasses.fields(study)} == written.keys()
    for key, value in defaults(StudyOptions).items():
        if value is not dataclasses.MISSING:
            assert written[key] == value, key


@pytest.mark.parametrize(
    "file", sorted(CONF.glob("*/*.yaml")), ids=lambda path: f"{path.parent.name}={path.stem}"
)
def test_every_choice_can_be_read(file: Path) -> None:
    """Each file of a group, with what else it needs, becomes options."""
    group, name = file.parent.name, file.stem
    if group in {"recipe", "tune", "events"} or (group, name) == ("data", "table"):
        return
    exact = (group, name) in {("optimizer", "newton"), ("optimizer", "lbfgs")}
    filled = ["data.period=1", "data.horizon=1", "data.split.censor=false"]  # by a specification
    with_events = (group, name) == ("data", "events")
    options = train_options(compose("train", [f"{group}={name}", *(filled if with_events else ())]))
    assert isinstance(options.model, Component)
    assert (options.optimizer.target.endswith("ExactSolver")) == (
        exact or file.match("model/scorecard.yaml")
    )


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("patience=x", r"^patience: expected a whole number, got 'x'"),
        ("penalty.l2=[a]", r"^penalty\.l2: expected a number, got 'a'"),
        ("trainer.strategy=fsdp", r"^trainer\.strategy: expected auto or ddp, got 'fsdp'"),
        ("data.split.by=month", r"^data\.split\.by: expected random, hash, time or group"),
        ("+trainer.gpus=1", r"^trainer\.gpus: expected one of the keys .* got 'gpus'"),
        ("+model.widht=1", r"^model\.widht: expected one of .* got 'widht'"),
    ],
)
def test_a_wrong_value_or_key_is_named(override: str, message: str) -> None:
    config = compose("train", [override])
    with pytest.raises(InputError, match=message):
        maker_of("model", train_options(config).model)


def test_a_stored_config_is_read_as_it_was_written() -> None:
    config = plain_config(compose("train", ["model=mlp", "cv.folds=3"]))
    assert stored_options(config) == train_options(config)

from __future__ import annotations

import functools

import pytest
from omegaconf import OmegaConf

from churn_torch.cli.commands import COMMANDS
from churn_torch.cli.compose import compose
from churn_torch.cli.keys import (
    OTHER_NAMES,
    check_sample,
    known_keys,
    nearest,
    right_key,
    taken_keys,
    unknown_key,
)
from churn_torch.errors import InputError

NEEDED = {"score": ("source=a", "out=b"), "train": ("data=table", "data.source=a", "data.target=b")}
NEEDED["tune"] = NEEDED["train"]


@functools.cache
def taken(command: str) -> list[str]:
    return taken_keys(command, NEEDED.get(command, ()))


@pytest.mark.parametrize(
    ("written", "right"),
    [
        *[(name, "trainer.max_epochs") for name in ("max_epochs", "epochs", "n_epochs")],
        *[(name, "trainer.max_epochs") for name in ("max_iter", "num_epochs", "max-epochs")],
        *[(name, "trainer.max_epochs") for name in ("n_iter", "trainer.epochs", "maxepoch")],
        *[(name, "data.split.test") for name in ("test_size", "split.test", "data.test_size")],
        *[(name, "data.target") for name in ("target", "label", "data.label", "target_column")],
        *[(name, "seed") for name in ("random_state", "random_seed", "seeds", "SEED")],
        *[(name, "optimizer.lr") for name in ("learning_rate", "lr", "eta0", "model.lr")],
        *[(name, "optimizer.lr") for name in ("learnign_rate", "optimizer.learning_rate")],
        *[(name, "batch_size") for name in ("batch", "batchsize", "bs")],
        *[(name, "penalty.l2") for name in ("C", "alpha", "l2", "reg_lambda")],
        ("val_size", "data.split.validation"),
        ("path", "data.source"),
        ("n_splits", "cv.folds"),
        ("n_estimators", "ensemble"),
        ("solver", "optimizer"),
        ("optimiser", "optimizer"),
        ("output_dir", "outputs"),
        ("k", "features.k"),
        ("modle", "model"),
        ("kinds.tenure", "data.kinds.tenure"),
        ("dtype.tenure", "data.kinds.tenure"),
        *[(name, "data.missing") for name in ("na_values", "data.na_values", "missing")],
        *[(name, "data.skip") for name in ("skiprows", "header", "data.header")],
        ("data.thousands", "data.decimal"),
        ("data.date", "data.split.column"),
        ("data.sorce", "data.source"),
        ("xyzzy", None),
        ("", None),
    ],
)
def test_what_people_write_leads_to_a_key_of_a_training(written, right):
    assert right_key(written, taken("train")) == right


@pytest.mark.parametrize(
    ("command", "written", "right"),
    [
        ("score", "input", "source"),
        ("score", "data.source", "source"),
        ("score", "outputs", "out"),
        ("score", "model", "run"),
        ("score", "batch_size", "chunk_rows"),
        ("serve", "address", "host"),
        ("export", "output", "out"),
        ("export", "checkpoint", "run"),
        ("export", "opset", "export.opset"),
        ("evaluate", "groupby", "by"),
        ("tune", "n_trials", "tune.trials"),
        ("tune", "timeout", "tune.minutes"),
        ("tune", "lr", "optimizer.lr"),
    ],
)
def test_what_people_write_leads_to_a_key_of_the_command(command, written, right):
    assert right_key(written, taken(command)) == right


@pytest.mark.parametrize("command", COMMANDS)
def test_no_suggestion_is_itself_refused(command):
    """Whatever is written, what is suggested can be set: all suggestions at once."""
    names = {*OTHER_NAMES, *(key.rpartition(".")[2] for key in known_keys("train"))}
    suggested = {right for name in names if (right := right_key(name, taken(command)))}
    assert suggested <= set(taken(command))
    needed = NEEDED.get(command, ())
    config = compose(command, needed)
    set_keys = {override.partition("=")[0] for override in needed}
    values = {key: OmegaConf.select(config, key) for key in suggested - set_keys}
    values = {key: "null" if value is None else value for key, value in values.items()}
    overrides = [f"{k}={v}" for k, v in values.items() if not OmegaConf.is_config(v)]
    assert len(overrides) >= 2
    compose(command, [*needed, *(o for o in overrides if o != "data=null")])


def test_no_choice_that_is_suggested_is_refused():
    """The keys of choices that are not made: each is taken with the choice that is named first."""
    known, here = known_keys("train"), set(taken("train"))
    by_choice: dict[str, set[str]] = {}
    for key, owners in known.items():
        holds_value = not any(other.startswith(f"{key}.") for other in known)
        if owners and key not in here and holds_value and not key.endswith("_target_"):
            by_choice.setdefault(owners[0], set()).add(key)
    assert by_choice["optimizer=sgd"] == {"optimizer.momentum", "optimizer.nesterov"}
    assert len(by_choice) > 3
    while by_choice:  # one choice of each group at a time
        together = {choice.partition("=")[0]: choice for choice in by_choice}.values()
        keys = set.union(*(by_choice.pop(choice) for choice in together))
        assert keys <= set(taken_keys("train", [*together, "x=1"]))


def test_keys_of_other_choices_name_the_choice():
    assert str(unknown_key("optimizer.nesterov", "train")) == (
        "optimizer.nesterov: expected a key of the choices made, got one that belongs to "
        "optimizer=sgd; choose optimizer=sgd, or leave it out."
    )
    assert str(unknown_key("momentum", "train")) == (
        "momentum: expected a key of train, got an unknown one (did you mean 'optimizer.momentum' "
        "of optimizer=sgd?); choose optimizer=sgd with it."
    )
    assert "(did you mean 'optimizer.momentum'?)" in str(
        unknown_key("momentum", "train", ["optimizer=sgd", "momentum=0.9"])
    )
    assert "did you mean 'data.source' of data=table?" in str(unknown_key("csv", "train"))


def test_a_known_name_is_no_misspelt_other() -> None:
    assert right_key("data.file", taken_keys("train")) is None  # not data.id
    assert "did you mean 'data.source' of data=table?" in str(unknown_key("data.file", "train"))


def test_a_choice_that_cannot_be_composed_gets_the_suggestions_of_the_defaults():
    assert "'optimizer.lr'" in str(unknown_key("lr", "train", ["model=my_net", "lr=1"]))
    assert "'source'" in str(unknown_key("input", "score", ["model=my_net"]))


@pytest.mark.parametrize("override", ["data.source=a.csv", "+data.source=a.csv"])
def test_a_table_of_ones_own_is_no_sample(override):
    check_sample([override], {"data": "table"})
    check_sample(["data.target=churn", "data.source=sample:telco"], {"data": "telco"})
    with pytest.raises(InputError, match=r"^data\.source: expected data=table .*; add data=table"):
        check_sample([override], {"data": "telco"})
    with pytest.raises(InputError, match="add data=table"):
        compose("train", ["data.source=a.csv"])


def test_nearest_is_a_question_or_nothing():
    assert nearest("epochs", ["trainer.max_epochs"]) == " (did you mean 'trainer.max_epochs'?)"
    assert nearest("epochs", ["seed"]) == ""

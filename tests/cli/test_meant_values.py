from __future__ import annotations

import pytest

from churn_torch.cli.compose import compose
from churn_torch.cli.keys import unknown_key
from churn_torch.cli.meant_values import with_value
from churn_torch.workflows.configuration.check_config import check_choices
from churn_torch.workflows.configuration.options import train_options

TABLE = ["data=table", "data.source=a.csv", "data.target=b"]


@pytest.mark.parametrize(
    ("key", "written", "suggested"),
    [
        ("data.split.test", "test=other.csv", "'data.test_source=other.csv'"),
        ("data.split.test", "test_size=0.2", "'data.split.test'"),
        ("data.split.by", "stratify=true", "'data.split.by=random', stratified and the default"),
        ("data.split.by", "split=time", "'data.split.by'"),
        ("callbacks.progress", "verbose=1", "'callbacks.progress=true'"),
        ("callbacks.progress", "verbose=0", "'callbacks.progress=false'"),
        ("callbacks.progress", "progress=true", "'callbacks.progress=true'"),
        ("patience", "early_stopping=true", "'patience=15', the default"),
        ("patience", "early_stopping=False", "'callbacks.early_stopping=null'"),
        ("patience", "early_stopping=10", "'patience'"),
        ("penalty.l2", "C=0.5", "'penalty.l2', which is 1 / (C * training rows)"),
        ("penalty.l2", "alpha=0.5", "'penalty.l2'"),
        ("class_weight", "balanced=true", "'class_weight=balanced'"),
        ("cv.folds", "cv=true", "'cv.folds=5'"),
        ("preprocess.scaling", "scaler=minmax", "'preprocess.scaling=standard', the default"),
        ("trainer.accelerator", "gpu=1", "'trainer=gpu'"),
        ("trainer.accelerator", "device=cpu", "'trainer=cpu'"),
        ("trainer.precision", "fp16=true", "'trainer.precision=bf16-mixed'"),
        ("optimizer", "solver=saga", "'optimizer=auto'"),
        ("calibration", "calibrate=true", "'calibration=auto'"),
    ],
)
def test_a_value_of_another_library_leads_to_one_that_the_key_takes(key, written, suggested):
    name, _, value = written.partition("=")
    assert with_value(key, name, value) == suggested


@pytest.mark.parametrize(
    "suggested",
    [
        ["data.test_source=b.csv", "callbacks.progress=true", "patience=15", "trainer=cpu"],
        ["data.split.by=random", "callbacks.early_stopping=null", "class_weight=balanced"],
        ["cv.folds=5", "preprocess.scaling=standard", "trainer=gpu"],
    ],
)
def test_what_is_suggested_is_taken(suggested):
    check_choices(train_options(compose("train", [*TABLE, *suggested])))


def test_the_sentence_names_key_and_value():
    assert str(unknown_key("verbose", "train", ["+verbose=1"])) == (
        "verbose: expected a key of train, got an unknown one "
        "(did you mean 'callbacks.progress=true'?); --help explains all keys."
    )

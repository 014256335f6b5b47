from __future__ import annotations

import numpy as np
import pytest

from churn_torch.cli.compose import compose
from churn_torch.errors import InputError
from churn_torch.tables.schema import Column, Kind, Schema, Storage
from churn_torch.workflows.configuration.classifier_choices import (
    check_followed,
    classifier_options,
    left_out_sentence,
    unconverged_sentence,
)


@pytest.mark.parametrize(
    ("override", "instead"),
    [
        ("data.source=a.csv", "give the table to fit as X"),
        ("data.target=churn", "give the labels to fit as y"),
        ("data.positive=Yes", "set the parameter positive="),
        ("data.id=customer", r"name it in data\.ignore="),
        ("data.weight=w", "sample_weight"),
        ("data.test_source=b.csv", "predict_proba or score"),
        ("data.split.test=0.2", "train_test_split"),
        ("data=telco", "give the table"),
        ("resume=outputs/latest", "churn_torch.train does"),
        ("+outputs=o", "churn_torch.train does"),
        ("logger=mlflow", "churn_torch.train does"),
        ("logger.csv.name=x", "churn_torch.train does"),
        ("cache.max_gb=1", "keeps its rows in memory"),
        ("seed=3", "random_state="),
        ("model=mlp", "set the parameter model="),
        ("hydra.verbose=true", "leave it out"),
        ("hydra/job_logging=default", "leave it out"),
        ("~logger", "churn_torch.train does"),
    ],
)
def test_what_a_classifier_would_drop_is_refused(override, instead):
    key = override.lstrip("+~").partition("=")[0]
    message = f"^{key}: expected a choice that a classifier can follow, got .*; .*{instead}"
    with pytest.raises(InputError, match=message):
        check_followed(["optimizer=newton", override])


@pytest.mark.parametrize(
    ("overrides", "fix"),
    [
        ("optimizer=newton", r"write \['optimizer=newton'\]"),
        (None, "write such a list"),
        ([3], "write such a list"),
        ({"optimizer": "newton"}, "write such a list"),
    ],
)
def test_overrides_are_a_list_of_texts(overrides, fix):
    with pytest.raises(InputError, match=f"^overrides: expected a list of texts, .*; {fix}"):
        check_followed(overrides)


def test_what_it_follows_passes():
    check_followed(
        [
            *("optimizer.lr=0.1", "model.width=7", "data.kinds.x=categorical", "data.ignore=[a]"),
            *("data=table", "data.split.validation=0.2", "threshold=f1", "export.dtype=float16"),
        ]
    )


def test_the_state_becomes_a_seed():
    config = compose("train", ["data=table", "data.target=y"])

    def seed(state: object) -> int:
        return classifier_options(
            config, target="y", weight=None, numbers=["a"], random_state=state
        ).seed

    assert seed(3) == seed(np.int64(3)) == 3
    assert seed(np.random.RandomState(1)) == np.random.RandomState(1).randint(2**31 - 1)


def test_a_profile_has_nowhere_to_go():
    config = compose("train", ["data=table", "data.target=y", "debug=profile"])
    with pytest.raises(
        InputError, match=r"^trainer\.profiler: expected a choice that a classifier"
    ):
        classifier_options(config, target="y", weight=None, numbers=[], random_state=0)


def test_what_is_warned_of():
    columns = (
        Column("a", Kind.IGNORED, Storage.NUMBER, note="left out: constant"),
        Column("b", Kind.IGNORED, Storage.NUMBER, note="left out: asked for"),
        Column("c", Kind.NUMERIC, Storage.NUMBER, note="number"),
    )
    said = left_out_sentence(Schema(columns, "y", "1", "0"))
    assert said.startswith("Columns left out: 'a' (constant). ")
    assert left_out_sentence(Schema(columns[1:], "y", "1", "0")) == ""
    assert unconverged_sentence({"epochs": 3}) == ""
    exact = {
        "solver": "newton", "passes": 2, "converged": True, "separable": False,
        "gradient_norm": 0.5, "path": [{}],
    }  # fmt: skip
    fit = {"exact": exact, "seconds": 1.0}
    assert unconverged_sentence(fit) == ""
    exact["converged"] = False
    assert "Did not converge" in unconverged_sentence(fit)

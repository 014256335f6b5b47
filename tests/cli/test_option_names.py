"""Options by the names that they have elsewhere; every suggestion is an option."""

from __future__ import annotations

import pytest

from churn_torch.cli.keys import CONF
from churn_torch.cli.option_names import _OTHER_NAMES, nearest_option


def test_every_suggestion_is_an_option_and_no_name_is_one() -> None:
    for (group, name), option in _OTHER_NAMES.items():
        assert (CONF / group / f"{option}.yaml").is_file()
        assert not (CONF / group / f"{name}.yaml").is_file()


@pytest.mark.parametrize(
    ("group", "written", "option"),
    [
        ("model", "xgboost", "wide_deep"),
        ("model", "Logistic_Regression", "logreg"),
        ("model", "MLP", "mlp"),
        ("calibration", "sigmoid", "platt"),
        ("trainer", "cuda", "gpu"),
        ("data", "csv", "table"),
    ],
)
def test_what_is_meant_is_named(group: str, written: str, option: str) -> None:
    options = sorted(path.stem for path in (CONF / group).glob("*.yaml"))
    assert nearest_option(group, written, options) == f" (did you mean {option!r}?)"


def test_what_cannot_be_told_gets_no_suggestion() -> None:
    assert nearest_option("model", "qwerty", ["mlp", "logreg"]) == ""
    assert nearest_option("model", "xgboost", ["logreg"]) == ""

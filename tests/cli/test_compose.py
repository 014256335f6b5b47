from __future__ import annotations

import re
import shutil

import pytest

from churn_torch.cli import error_messages
from churn_torch.cli.compose import compose
from churn_torch.cli.error_messages import CONF
from churn_torch.errors import InputError


def test_compose_gives_what_conf_holds_now_and_the_caller_may_change_it(tmp_path, monkeypatch):
    compose("train").seed = 7
    assert compose("train").seed == 0
    conf = shutil.copytree(CONF, tmp_path / "conf")
    monkeypatch.setattr(error_messages, "CONF", conf)
    text = (conf / "train.yaml").read_text(encoding="utf-8")
    (conf / "train.yaml").write_text(re.sub(r"(?m)^seed: 0\b", "seed: 3", text), encoding="utf-8")
    assert compose("train").seed == 3


def test_compose_is_what_a_script_would_run_with():
    config = compose("train", ["model=mlp", "model.width=7", "optimizer=sgd"])
    assert config.model.width == 7
    assert config.optimizer._target_ == "torch.optim.SGD"
    assert "hydra" not in config
    assert compose("score", ["source=a", "out=b"]).keep == "id"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "model=mpl",
            r"^model: expected one of [a-z_, ]+, got 'mpl' \(did you mean 'mlp'\?\);",
        ),
        (
            "widht=3",
            r"^widht: .*\(did you mean 'model\.width' of model=gam or .*; choose model=gam",
        ),
        (
            "model.width=3",
            r"^model\.width: .*belongs to model=gam or model=mlp or model=tabm or model=wide_deep;",
        ),
        ("optimizer.nesterov=true", r"one that belongs to optimizer=sgd; choose optimizer=sgd, "),
    ],
)
def test_compose_refuses_in_a_sentence(override, message):
    with pytest.raises(InputError, match=message):
        compose("train", [override])

from __future__ import annotations

import re
import shutil
from concurrent.futures import ThreadPoolExecutor

import hydra
import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.version import VersionBase

from churn_torch.cli import error_messages
from churn_torch.cli.compose import compose
from churn_torch.cli.error_messages import CONF
from churn_torch.errors import InputError
from tests.composing import composed


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
    "keys",
    [
        ["report=false", "debug=fast", "model=mlp", "trainer.max_epochs=7", "seed=null"],
        ["batch_size=64", "experiment=plain_gradient_descent", "optimizer.lr=1e-3"],
        ["data=table", "data.source=/tmp/a-b/c.csv", "data.target=churned", "data.id=customer id"],
        ["data=table", "data.source=-", "data.positive=yes", "data.split.by=hash"],
        ["preprocess.quantiles=[0.1,0.9]", "optimizer=newton", "calibration=none", "threshold=f1"],
        ["tune.space.penalty.l1.high=0.001", "class_weight=0.5", "export.outputs=[probability]"],
    ],
)
def test_tests_compose_what_a_command_composes(keys):
    name = "tune" if keys[0].startswith("tune") else "train"
    assert composed(name, keys) == compose(name, keys)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "model=mpl",
            r"^model: expected one of [a-z_, ]+, got 'mpl' \(did you mean 'mlp'\?\);",
        ),
        (
            "widht=3",
            r"^widht: .*\(did you mean 'model\.width' of model=event_transformer or .*; choose ",
        ),
        (
            "model.width=3",
            r"^model\.width: .*belongs to model=event_transformer or model=gam or model=gru or .*;",
        ),
        ("optimizer.nesterov=true", r"one that belongs to optimizer=sgd; choose optimizer=sgd, "),
    ],
)
def test_compose_refuses_in_a_sentence(override, message):
    with pytest.raises(InputError, match=message):
        compose("train", [override])


def test_an_application_of_hydra_around_it_is_left_as_it_was(tmp_path):
    (tmp_path / "config.yaml").write_text("a: 1")
    with hydra.initialize_config_dir(str(tmp_path), version_base="1.2"):
        around, base = GlobalHydra.instance().hydra, VersionBase.instance().getbase()
        assert compose("train", ["model=mlp", "seed=11"]).seed == 11
        assert GlobalHydra.instance().hydra is around
        assert VersionBase.instance().getbase() == base
        assert hydra.compose("config").a == 1
    assert not GlobalHydra.instance().is_initialized()


def test_threads_compose_at_once():
    with ThreadPoolExecutor(12) as pool:
        configs = list(pool.map(lambda i: compose("train", [f"seed={100 + i}"]), range(12)))
    assert [config.seed for config in configs] == list(range(100, 112))


def test_an_error_of_ours_is_raised_as_it_is(monkeypatch):
    def odd(*arguments):
        raise ValueError("odd")

    monkeypatch.setattr("churn_torch.cli.compose._composed", odd)
    with pytest.raises(ValueError, match=r"^odd$") as raised:
        compose("train")
    assert raised.value.__cause__ is None  # not itself: `explain` follows the causes to their end

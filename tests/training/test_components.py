"""Names from a run folder: compared before anything is imported, and then checked."""

from __future__ import annotations

import importlib
import sys

import pytest
import torch

from churn_torch.errors import InputError
from churn_torch.models.calibration import Platt
from churn_torch.models.nets.mlp import MLP
from churn_torch.training.components import OWN, check_own, maker_of
from churn_torch.training.logistic.exact_module import ExactSolver
from churn_torch.training.options import Component

HOSTILE = [
    "pandas.read_pickle",
    "torch.load",
    "joblib.load",
    "os.system",
    "builtins.eval",
    "hydra.utils.call",
    "subprocess.Popen",
    "torch.optim.os.system",
    "torch.optim.lr_scheduler",  # a module
    "torch.optim.swa_utils.update_bn",
    "torch.optim._functional",
    "torch.optim.Adam.step",
    "torch.nn.Linear",
    "churn_torch.models.nets.mlp.torch.load",
    "churn_torch.models.nets.mlp.torch",
    "churn_torch.models.nets.__main__.MLP",
    "churn_torch.models.nets.mlp.MLP\n",
    "churn_torch.models.nets.mlp.MLP ",
    "churn_torch.models.nets.mlp.\uff2d\uff2c\uff30",  # letters that Python reads as MLP
    "churn_torch.models.nets..MLP",
    "churn_torch.training.logistic.exact_module.ExactModule",
    "churn_torch.cli.main.run_command",
    ".MLP",
    "MLP",
    "",
]


@pytest.mark.parametrize("group", OWN)
@pytest.mark.parametrize("target", HOSTILE)
def test_other_names_are_refused_and_nothing_is_imported(group, target, monkeypatch):
    def fail(*arguments, **keywords):
        raise AssertionError(f"imported {arguments}")

    monkeypatch.setattr(importlib, "import_module", fail)
    before = set(sys.modules)
    with pytest.raises(InputError, match=rf"^{group}: expected a class .*, which is not imported"):
        check_own(group, Component(target=target))
    assert set(sys.modules) == before


@pytest.mark.parametrize(
    ("group", "target", "expected"),
    [
        ("model", "churn_torch.models.nets.mlp.MLP", MLP),
        ("calibration", "churn_torch.models.calibration.Platt", Platt),
        ("optimizer", "torch.optim.AdamW", torch.optim.AdamW),
        (
            "optimizer",
            "churn_torch.training.logistic.exact_module.ExactSolver",
            ExactSolver,
        ),
        (
            "scheduler",
            "torch.optim.lr_scheduler.ReduceLROnPlateau",
            torch.optim.lr_scheduler.ReduceLROnPlateau,
        ),
    ],
)
def test_own_classes_are_made_with_their_arguments(group, target, expected):
    component = Component(target=target)
    check_own(group, component)
    assert maker_of(group, component).func is expected


def test_arguments_are_filled_in():
    maker = maker_of("model", Component(target="churn_torch.models.nets.mlp.MLP").updated(depth=3))
    assert maker.keywords == {"depth": 3}


@pytest.mark.parametrize(
    ("group", "target"),
    [
        ("model", "torch.optim.Adam"),
        ("model", "churn_torch.models.calibration.Platt.fit"),
        ("calibration", "churn_torch.models.calibration.Tensor"),
        ("calibration", "churn_torch.models.nets.mlp.MLP"),
        ("optimizer", "torch.optim.lr_scheduler.StepLR"),
        ("optimizer", "churn_torch.training.logistic.exact_module.ExactModule"),
        ("scheduler", "torch.optim.Adam"),
        ("scheduler", "torch.optim.lr_scheduler.Counter"),
        ("optimizer", "torch.load"),
    ],
)
def test_what_is_not_a_class_of_the_group_is_refused(group, target):
    with pytest.raises(InputError, match=rf"^{group}: expected a class .*{target}.*conf/{group}/"):
        maker_of(group, Component(target=target))


@pytest.mark.parametrize("target", ["no_such_package.Net", "torch.optim.Adan", "Net", ""])
def test_a_class_that_cannot_be_imported_is_refused(target):
    with pytest.raises(InputError, match=r"^optimizer: expected a class that can be imported, got"):
        maker_of("optimizer", Component(target=target))


def test_an_unknown_argument_gets_the_nearest_name():
    component = Component(target="torch.optim.Adam", arguments={"weight_deca": 0.1})
    with pytest.raises(
        InputError, match=r"^optimizer\.weight_deca: expected one of params, lr.*'weight_decay'\?"
    ):
        maker_of("optimizer", component)

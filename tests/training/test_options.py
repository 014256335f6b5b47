from __future__ import annotations

import pytest

from churn_torch.errors import InputError
from churn_torch.training.options import Component


def test_a_component_is_a_target_and_the_arguments_beside_it():
    given = {"_target_": "torch.optim.Adam", "lr": 0.1, "betas": [0.9, 0.99]}
    component = Component.from_config(given, "optimizer")
    assert component == Component(
        target="torch.optim.Adam", arguments={"lr": 0.1, "betas": [0.9, 0.99]}
    )
    changed = component.updated(lr=0.2)
    assert (changed.arguments["lr"], component.arguments["lr"]) == (0.2, 0.1)
    assert changed.target == component.target


@pytest.mark.parametrize("target", [None, 3, ["torch.optim.Adam"], {"_target_": "x"}])
def test_a_target_that_is_not_text_is_refused(target):
    message = r"^optimizer\._target_: expected the dotted name of a class, got .*conf/optimizer/\."
    with pytest.raises(InputError, match=message):
        Component.from_config({"_target_": target}, "optimizer")

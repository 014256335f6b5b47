"""What every net must hold to, for every net in churn_torch/models/nets and its options."""

from __future__ import annotations

import importlib
import inspect
import itertools
import pkgutil
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import torch
from omegaconf import OmegaConf
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from churn_torch.errors import InputError
from churn_torch.models import nets
from churn_torch.models.nets.event_net import EventNet
from churn_torch.models.nets.mlp import ACTIVATIONS

CONF = Path(__file__).resolve().parents[3] / "conf" / "model"
# These wrap one of the others and have no options of their own (test_uplift.py, test_survival.py).
FILES = sorted(set(CONF.glob("*.yaml")) - {CONF / "uplift.yaml", CONF / "survival.yaml"})


def all_nets() -> dict[str, type[nn.Module]]:
    by_name = {}
    for module in pkgutil.iter_modules(nets.__path__, f"{nets.__name__}."):
        for name, cls in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            # A net is sized by the table; other modules of its file are parts of it.
            is_module = issubclass(cls, nn.Module) and cls.__module__ == module.name
            if cls is EventNet:  # the base of others
                continue
            if is_module and "n_features" in inspect.signature(cls).parameters:
                by_name[f"{module.name}.{name}"] = cls
    return by_name


NETS = all_nets()
# What the table decides; only the first must be given. Nets that read events get some in
# test_event_net.py.
SIZES = ("n_features", "n_numbers", "n_terms", "columns", "sequences")


def options_of(cls: type[nn.Module]) -> dict[str, list[Any]]:
    """Values worth trying of each option: both booleans, every literal, small numbers."""
    hints = get_type_hints(cls.__init__)
    tried: dict[str, list[Any]] = {}
    for name, parameter in inspect.signature(cls).parameters.items():
        if name in SIZES:
            continue
        if hints[name] is bool:
            tried[name] = [False, True]
        elif get_origin(hints[name]) is Literal:
            tried[name] = list(get_args(hints[name]))
        elif name == "activation":
            tried[name] = list(ACTIVATIONS)
        elif name == "depth":
            tried[name] = [0, 1, 3]
        elif name == "width":
            tried[name] = [4, 8] if "heads" in hints else [2, 8]
        elif name == "n_frequencies":
            tried[name] = [0, 3]
        elif name == "n_members":
            tried[name] = [1, 3]
        elif name == "dropout":
            tried[name] = [0.0, 0.5]
        else:
            tried[name] = [parameter.default]
    return tried


def variants(cls: type[nn.Module]) -> list[dict[str, Any]]:
    """Every pair of option values at least once: defaults with two options changed."""
    defaults = {name: p.default for name, p in inspect.signature(cls).parameters.items()}
    tried = {
        name: [value for value in values if value != defaults[name]]
        for name, values in options_of(cls).items()
    }
    chosen = [{}]
    for one, other in itertools.combinations_with_replacement(tried, 2):
        chosen += [{one: a, other: b} for a, b in itertools.product(tried[one], tried[other])]
    return [dict(pairs) for pairs in {tuple(sorted(v.items(), key=str)): None for v in chosen}]


CASES = [
    pytest.param(
        cls, options, id=" ".join([cls.__name__, *(f"{k}={v}" for k, v in options.items())])
    )
    for cls in NETS.values()
    for options in variants(cls)
]


def test_every_shipped_model_is_a_net_of_this_package():
    targets = {OmegaConf.load(file)._target_ for file in FILES}
    assert targets
    assert targets <= set(NETS)


@pytest.mark.parametrize("cls", NETS.values(), ids=NETS)
def test_sizes_are_keywords_and_only_the_table_decides_the_input(cls: type[nn.Module]):
    parameters = inspect.signature(cls).parameters
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in parameters.values())
    assert [n for n, p in parameters.items() if p.default is inspect.Parameter.empty] == [
        "n_features"
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_file_names_every_option_with_its_default(file: Path):
    content = OmegaConf.to_container(OmegaConf.load(file))
    assert isinstance(content, dict)
    content.pop("defaults", None)
    cls = NETS[content.pop("_target_")]
    parameters = inspect.signature(cls).parameters
    defaults = {name: p.default for name, p in parameters.items() if name not in SIZES}
    assert content == defaults


def training_loss(logit: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """In training a net of many members may give a logit of each, ``[N, K]``."""
    assert logit.shape[0] == len(label)
    return binary_cross_entropy_with_logits(
        logit.reshape(len(label), -1).T, label.expand_as(logit.reshape(len(label), -1).T)
    )


@pytest.mark.parametrize(("cls", "options"), CASES)
def test_contract(cls: type[nn.Module], options: dict[str, Any]):
    torch.manual_seed(0)
    net = cls(n_features=5, **options)
    x = torch.randn(9, 5)

    net.train()
    label = (torch.arange(9) % 2).float()
    training_loss(net(x), label).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    last = [p for p in net.parameters() if p.ndim == 2][-1]
    assert last.grad is not None
    assert last.grad.abs().sum() > 0

    # The last batch of an epoch may be a single row.
    training_loss(net(x[:1]), label[:1]).backward()

    net.eval()
    with torch.no_grad():
        for n in (0, 1, 2, 9):
            made = net(x[:n])
            assert made.shape == (n,)
            assert made.dtype == torch.float32
        whole = net(x)
        # In evaluation: the same again, and no row depends on another.
        assert torch.equal(net(x), whole)
        torch.testing.assert_close(torch.cat([net(x[i : i + 1]) for i in range(9)]), whole)
        assert net(torch.full((2, 5), 1e4)).isfinite().all()

    again = cls(n_features=5, **options).eval()
    again.load_state_dict(net.state_dict())
    assert torch.equal(again(x), whole)


@pytest.mark.parametrize(("cls", "options"), CASES)
def test_same_seed_same_weights(cls: type[nn.Module], options: dict[str, Any]):
    made = []
    for _ in range(2):
        torch.manual_seed(7)
        made.append(cls(n_features=3, **options).state_dict())
    assert all(torch.equal(made[0][name], made[1][name]) for name in made[0])


@pytest.mark.parametrize("cls", NETS.values(), ids=NETS)
def test_one_feature_is_enough(cls: type[nn.Module]):
    assert cls(n_features=1).eval()(torch.ones(4, 1)).shape == (4,)


@pytest.mark.parametrize("cls", NETS.values(), ids=NETS)
def test_a_choice_that_does_not_exist_is_refused_with_the_nearest(cls: type[nn.Module]):
    words = {n: v[-1] for n, v in options_of(cls).items() if isinstance(v[-1], str)}
    for name, word in words.items():
        with pytest.raises(InputError, match=rf"model.{name}: .* got '{word}x' \(did you mean"):
            cls(n_features=2, **{name: f"{word}x"})

"""Nets, calibrators, optimizers and schedulers: the only objects that are created by name."""

from __future__ import annotations

import functools
import importlib
import inspect
import re
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from churn_torch.errors import InputError, suggest
from churn_torch.models.calibration import Calibrator
from churn_torch.training.argument_types import check_argument
from churn_torch.training.options import Component

# The base class of a component, by the group in conf/ that names it.
BASES: dict[str, tuple[type, ...]] = {
    "model": (nn.Module,),
    "net": (nn.Module,),
    "calibration": (Calibrator,),
    "optimizer": (torch.optim.Optimizer,),
    "scheduler": (
        torch.optim.lr_scheduler.LRScheduler,
        torch.optim.lr_scheduler.ReduceLROnPlateau,
    ),
}
# The names that a run folder may use. It may come from a stranger, and importing a module runs its
# code, so names are compared before anything is imported. A class begins with a capital letter.
OWN: dict[str, re.Pattern[str]] = {
    "model": re.compile(r"churn_torch\.models\.nets\.[a-z]\w*\.[A-Z]\w*", re.ASCII),
    "net": re.compile(r"churn_torch\.models\.nets\.[a-z]\w*\.[A-Z]\w*", re.ASCII),
    "calibration": re.compile(r"churn_torch\.models\.calibration\.[A-Z]\w*", re.ASCII),
    "optimizer": re.compile(
        r"auto|torch\.optim\.[A-Z]\w*|churn_torch\.training\.logistic\.exact_module\.ExactSolver",
        re.ASCII,
    ),
    "scheduler": re.compile(r"torch\.optim\.lr_scheduler\.[A-Z]\w*", re.ASCII),
}


def check_own(group: str, component: Component) -> None:
    """Check that a class is one of churn_torch or torch.optim, without importing anything.

    Args:
        group: A key of `OWN`.
        component: Of that group, from a run folder or a study.

    Raises:
        InputError: It is another class.
    """
    if not OWN[group].fullmatch(component.target):
        raise InputError(
            group,
            expected="a class of churn_torch or torch.optim in a run folder",
            got=f"{component.target!r}, which is not imported",
            fix="train again, or name the folder's own classes with trust=[...] if you wrote them",
        )


def maker_of(group: str, component: Component) -> Callable[..., Any]:
    """Return the component's class with its arguments filled in.

    Args:
        group: A key of `BASES`.
        component: Of that group.

    Raises:
        InputError: The class cannot be imported or is not of the group, or it does not take one of
            the arguments.
    """
    made = _class_of(group, component.target)
    taken = inspect.signature(made).parameters
    if not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in taken.values()):
        for argument in component.arguments:
            if argument not in taken:
                raise InputError(
                    f"{group}.{argument}",
                    expected=f"one of {', '.join(taken)}",
                    got=f"{argument!r}{suggest(argument, taken)}",
                    fix=f"see the keys in conf/{group}/",
                )
    for argument in taken.keys() & component.arguments.keys():
        check_argument(f"{group}.{argument}", taken[argument], component.arguments[argument])
    return functools.partial(made, **component.arguments)


def _class_of(group: str, target: str) -> type:
    """Import a class by its dotted name."""
    module, _, name = target.rpartition(".")
    try:
        made = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            group,
            expected="a class that can be imported",
            got=f"{target!r} ({error})",
            fix=f"choose one of conf/{group}/",
        ) from error
    if not (inspect.isclass(made) and issubclass(made, BASES[group])):
        bases = " or ".join(base.__name__ for base in BASES[group])
        raise InputError(
            group,
            expected=f"a class of {bases}",
            got=repr(target),
            fix=f"choose one of conf/{group}/",
        )
    return made

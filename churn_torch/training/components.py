"""Nets, calibrators, optimizers and schedulers by their dotted names: the only such things."""

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

# What a component must be a class of, by the group in conf/ that names it.
BASES: dict[str, tuple[type, ...]] = {
    "model": (nn.Module,),
    "calibration": (Calibrator,),
    "optimizer": (torch.optim.Optimizer,),
    "scheduler": (
        torch.optim.lr_scheduler.LRScheduler,
        torch.optim.lr_scheduler.ReduceLROnPlateau,
    ),
}
# The classes that a run folder may name. A folder may come from a stranger, and to import a module
# runs it: names are compared before anything is imported.
OWN: dict[str, re.Pattern[str]] = {
    "model": re.compile(r"churn_torch\.models\.nets\.\w+\.\w+", re.ASCII),
    "calibration": re.compile(r"churn_torch\.models\.calibration\.\w+", re.ASCII),
    "optimizer": re.compile(
        r"torch\.optim\.\w+|churn_torch\.training\.logistic\.exact_module\.ExactSolver", re.ASCII
    ),
    "scheduler": re.compile(r"torch\.optim\.lr_scheduler\.\w+", re.ASCII),
}


def check_own(group: str, component: Component) -> None:
    """Refuse a class that is not one of churn_torch or torch.optim, without importing anything.

    Raises:
        InputError: It is another.
    """
    if not OWN[group].fullmatch(component.target):
        raise InputError(
            f"{group}: expected a class of churn_torch or torch.optim in a run folder, got "
            f"{component.target!r}, which is not imported; train again, or name the folder's own "
            "classes with trust=[...] if you wrote them."
        )


def maker_of(group: str, component: Component) -> Callable[..., Any]:
    """Return the component's class with its arguments filled in.

    Args:
        group: A key of `BASES`.
        component: Of that group.

    Raises:
        InputError: The class cannot be imported or is not of the group, or an argument is not one
            that it takes.
    """
    module, _, name = component.target.rpartition(".")
    try:
        made = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"{group}: expected a class that can be imported, got {component.target!r} ({error}); "
            f"its keys and values are in conf/{group}/."
        ) from error
    if not (inspect.isclass(made) and issubclass(made, BASES[group])):
        bases = " or ".join(base.__name__ for base in BASES[group])
        raise InputError(
            f"{group}: expected a class of {bases}, got {component.target!r}; its keys and values "
            f"are in conf/{group}/."
        )
    taken = inspect.signature(made).parameters
    if not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in taken.values()):
        for argument in component.arguments:
            if argument not in taken:
                raise InputError(
                    f"{group}.{argument}: expected one of {', '.join(taken)}, got {argument!r}"
                    f"{suggest(argument, taken)}; they are explained in conf/{group}/."
                )
    for argument in taken.keys() & component.arguments.keys():
        check_argument(f"{group}.{argument}", taken[argument], component.arguments[argument])
    return functools.partial(made, **component.arguments)

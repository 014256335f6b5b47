from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from churn_torch.errors import InputError
from churn_torch.training.argument_types import check_argument


def ours(  # annotated as text, as in every module of the package
    width: int, rate: float, name: str, flag: bool, free: list[int] | None = None
) -> None: ...


def torchs(lr=0.1, momentum=0, nesterov=False, mode="min", betas=(0.9, 0.99), fused=None): ...  # type: ignore[no-untyped-def]


def check(function: Callable[..., Any], argument: str, value: object) -> None:
    check_argument(f"a.{argument}", inspect.signature(function).parameters[argument], value)


@pytest.mark.parametrize(
    ("function", "argument", "value"),
    [
        (ours, "width", 3),
        (ours, "rate", 3),
        (ours, "rate", 0.5),
        (ours, "name", "x"),
        (ours, "flag", False),
        (ours, "free", "whatever"),
        (torchs, "lr", 1),
        (torchs, "momentum", 0.9),  # its default is 0, and it takes any number
        (torchs, "nesterov", True),
        (torchs, "betas", [0.9]),
        (torchs, "fused", True),
    ],
)
def test_values_of_the_type_pass(function, argument, value) -> None:
    check(function, argument, value)


@pytest.mark.parametrize(
    ("function", "argument", "value", "expected"),
    [
        (ours, "width", 3.0, "a whole number, got 3.0"),
        (ours, "width", True, "a whole number, got True"),
        (ours, "width", "3", "a whole number, got '3'"),
        (ours, "rate", None, "a number, got None"),
        (ours, "rate", True, "a number, got True"),
        (ours, "name", 3, "text, got 3"),
        (ours, "flag", 1, "true or false, got 1"),
        (torchs, "lr", [0.1], r"a number, got \[0\.1\]"),
        (torchs, "momentum", False, "a number, got False"),
        (torchs, "mode", 1, "text, got 1"),
    ],
)
def test_other_values_are_refused_with_the_key(function, argument, value, expected) -> None:
    with pytest.raises(
        InputError, match=rf"^a\.{argument}: expected {expected}; help=a\.{argument} explains it\.$"
    ):
        check(function, argument, value)

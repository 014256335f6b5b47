"""Whether the arguments of a component have the types that its class asks for."""

from __future__ import annotations

import inspect
from typing import Any

from churn_torch.errors import InputError

WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def check_argument(where: str, parameter: inspect.Parameter, value: Any) -> None:
    """Refuse a value of another type than its parameter has.

    Args:
        where: The dotted key, for the message.
        parameter: Its annotation decides in classes of this package, which are annotated as text;
            torch annotates more widely, there the type of the default decides.
        value: What the user set.

    Raises:
        InputError: The types differ.
    """
    by_name = {kind.__name__: kind for kind in WORDS}
    kind = by_name.get(str(parameter.annotation), type(parameter.default))
    if kind is int and parameter.annotation != "int":  # torch: momentum=0 is a number
        kind = float
    if kind not in WORDS:
        return
    fits = isinstance(value, (int, float) if kind is float else kind)
    if not fits or (isinstance(value, bool) and kind is not bool):
        fix = f"help={where} explains it"
        raise InputError(where, expected=WORDS[kind], got=repr(value), fix=fix)

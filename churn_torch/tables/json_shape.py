"""The shape of JSON that a file of ours holds, checked by type hints: the file may be damaged."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import is_dataclass
from enum import Enum
from typing import Any, NotRequired, Union, get_args, get_origin, get_type_hints


def faults(value: Any, shape: Any, place: str = "") -> Iterator[str]:
    """Yield what is wrong with a value.

    Args:
        value: What was read.
        shape: Its type: of plain values, lists, tuples, dicts, unions, a dataclass or TypedDict.
            Names of enums and types without a check here are taken as they are.
        place: The place of the value, with a full stop at its end.

    Yields:
        Sentences without a full stop, each with the place of the fault.
    """
    origin, inner = get_origin(shape), get_args(shape)
    if origin is NotRequired:
        yield from faults(value, inner[0], place)
    elif origin in (Union, types.UnionType):
        if not any(next(faults(value, one, place), None) is None for one in inner):
            yield from faults(value, inner[0], place)
    elif isinstance(shape, type) and (is_dataclass(shape) or hasattr(shape, "__required_keys__")):
        if not isinstance(value, dict):
            yield _of_other_kind(value, "keys", place)
            return
        for key, kind in get_type_hints(shape, include_extras=True).items():
            if key in value:
                yield from faults(value[key], kind, f"{place}{key}.")
            elif get_origin(kind) is not NotRequired and not _has_default(shape, key):
                yield f"{place}{key} is not there"
    elif origin is dict:
        if not isinstance(value, dict):
            yield _of_other_kind(value, "keys", place)
            return
        for key, one in value.items():
            yield from faults(one, inner[1], f"{place}{key}.")
    elif origin in (list, tuple):
        if not isinstance(value, list):
            yield _of_other_kind(value, "a list", place)
            return
        if origin is tuple and inner[-1] is not Ellipsis and len(value) != len(inner):
            yield _of_other_kind(value, f"a list of {len(inner)}", place)
        for number, one in enumerate(value):
            yield from faults(one, inner[0], f"{place}{number}.")
    elif shape is Any or not isinstance(shape, type) or issubclass(shape, Enum):
        return
    elif not _is(value, shape):
        yield _of_other_kind(value, shape.__name__, place)


def _has_default(shape: type, key: str) -> bool:
    return is_dataclass(shape) and hasattr(shape, key)


def _is(value: Any, kind: type) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _of_other_kind(value: Any, kind: str, place: str) -> str:
    return f"{place.removesuffix('.') or 'the content'} is {value!r:.40}, not {kind}"

"""The one place where a composed configuration becomes typed options.

A configuration is text that people wrote: each key must be a field of the options, and each value
must have the field's type. Below the workflows nothing reads a key. Imports no torch.
"""

from __future__ import annotations

import dataclasses
import functools
import sys
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, Union, cast

from omegaconf import DictConfig, OmegaConf

from churn_torch.errors import InputError, suggest
from churn_torch.tables.values.missing_words import MissingWords

T = TypeVar("T")
ONE_OF_THE_KEYS = "one of the keys"
MISSING = "???"  # OmegaConf's word for a value that the user must give


class WrongOption(InputError):
    """A key of a configuration is unknown, or its value has another type than the key.

    Args:
        key: The dotted key.
        expected: As for `InputError`.
        got: As for `InputError`.

    Attributes:
        is_unknown: The key is at fault, not its value.
    """

    def __init__(self, key: str, *, expected: str, got: str) -> None:
        group = key.rpartition(".")[0]
        unknown = expected.startswith(ONE_OF_THE_KEYS)
        topic = (f"help={group}" if group else "--help") if unknown else f"help={key}"
        fix = f"{topic} explains {'them' if unknown else 'it'}"
        super().__init__(key, expected=expected, got=got, fix=fix)
        self.is_unknown = unknown


class MissingKey(InputError):
    """A configuration lacks a key that has no default.

    Args:
        key: The dotted key.
    """

    def __init__(self, key: str) -> None:
        super().__init__(
            "", expected=f"{key}=...", got="nothing", fix="name it on the command line"
        )
        self.key = key


def plain_config(config: DictConfig | Mapping[str, Any]) -> dict[str, Any]:
    """Return a composed configuration as plain values, every reference between keys resolved."""
    if isinstance(config, DictConfig):
        config = cast(Mapping[str, Any], OmegaConf.to_container(config, resolve=True))
    return {str(key): value for key, value in config.items()}


def read_options(kind: type[T], config: DictConfig | Mapping[str, Any], where: str = "") -> T:
    """Return a configuration as a dataclass.

    Args:
        kind: The dataclass.
        config: Its keys and values.
        where: The dotted key that holds them, for messages.

    Raises:
        InputError: A key is unknown or missing, or a value has another type than its field.
    """
    content = {k: v for k, v in plain_config(config).items() if v != MISSING}
    hints: dict[str, Any] = _hints(kind)  # type: ignore[arg-type]
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    values = {}
    for key, value in content.items():
        if key not in fields:
            raise WrongOption(
                f"{where}{key}",
                expected=f"{ONE_OF_THE_KEYS} {', '.join(fields)}",
                got=f"{key!r}{suggest(str(key), fields)}",
            )
        values[key] = _value(hints[key], value, f"{where}{key}")
    for name, one in fields.items():
        missing = one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING
        if missing and name not in values:
            raise MissingKey(f"{where}{name}")
    return kind(**values)


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _value(hint: Any, value: Any, where: str) -> Any:
    """Return a value in its field's type, or raise an InputError that says what was expected."""
    choices = _choices(hint)
    for choice in choices:
        read = _READERS.get(choice)
        if read is not None:
            if read.takes(value):
                return int(value) if choice is int else value
        elif choice is MissingWords:
            return MissingWords.from_config(value, where)
        elif hasattr(choice, "from_config") and isinstance(value, Mapping):
            if value.get("_target_") is None and type(None) in choices:
                return None
            return choice.from_config(value, where)
        elif dataclasses.is_dataclass(choice) and isinstance(value, Mapping):
            return read_options(choice, value, f"{where}.")  # type: ignore[arg-type]
        elif typing.get_origin(choice) is Literal and value in typing.get_args(choice):
            return value
        elif typing.get_origin(choice) in (Sequence, tuple) and isinstance(value, list | tuple):
            return _sequence(choice, value, where)
        elif typing.get_origin(choice) is Mapping:
            if isinstance(value, Mapping):
                return _mapping(choice, value, where)
            if isinstance(value, list | tuple):  # COLUMN=kind: how names with odd letters come in
                pairs = (str(pair).rpartition("=") for pair in value)
                return _mapping(choice, {key: each for key, _, each in pairs}, where)
    expected = " or ".join(dict.fromkeys(map(_in_words, choices)))
    nested = next((c for c in choices if dataclasses.is_dataclass(c)), None)
    if nested is not None:
        names = ", ".join(f"{where}.{f.name}" for f in dataclasses.fields(nested))
        expected = f"keys below it ({names})"
    raise WrongOption(where, expected=expected, got=repr(value)[:200])


def _choices(hint: Any) -> tuple[Any, ...]:
    if typing.get_origin(hint) in (Union, types.UnionType):
        return typing.get_args(hint)
    return (hint,)


def _sequence(hint: Any, value: Sequence[Any], where: str) -> tuple[Any, ...]:
    inner, *others = typing.get_args(hint)
    if others and others != [...] and len(value) != 1 + len(others):  # tuple[float, float]
        n = 1 + len(others)
        raise WrongOption(where, expected=f"a list of {n} values", got=f"{len(value)} in {value}")
    if inner is str:  # names of columns may be numbers
        return tuple(map(str, value))
    return tuple(_value(inner, each, where) for each in value)


def _mapping(hint: Any, value: Mapping[Any, Any], where: str) -> dict[str, Any]:
    """Return a mapping; its values become options where its type says so."""
    inner = typing.get_args(hint)[1]
    if not (dataclasses.is_dataclass(inner) or typing.get_origin(inner) is Mapping):
        return {str(key): each for key, each in value.items()}
    return {str(key): _value(inner, each, f"{where}.{key}") for key, each in value.items()}


@dataclass(frozen=True)
class _Reader:
    """Which values a plain type takes, and how it is called in a message."""

    words: str
    types: tuple[type, ...]

    def takes(self, value: Any) -> bool:
        if isinstance(value, bool):
            return bool in self.types
        if isinstance(value, float) and int in self.types and float not in self.types:
            return value.is_integer()
        if isinstance(value, int) and float in self.types:
            return abs(value) <= sys.float_info.max  # whole numbers have no bound
        return isinstance(value, self.types)


_READERS: dict[Any, _Reader] = {
    bool: _Reader("true or false", (bool,)),
    int: _Reader("a whole number", (int,)),
    float: _Reader("a number", (int, float)),
    str: _Reader("text", (str,)),
    type(None): _Reader("null", (type(None),)),
}


def _in_words(choice: Any) -> str:
    if choice in _READERS:
        return _READERS[choice].words
    if typing.get_origin(choice) is Literal:
        return " or ".join(map(str, typing.get_args(choice)))
    if typing.get_origin(choice) in (Sequence, tuple):
        return "a list such as [a,b]"
    return "keys below it"

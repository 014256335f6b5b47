"""What stands on the command line: put so that Hydra takes it as it was meant, and checked."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, ListConfig, OmegaConf

from churn_torch.errors import InputError
from churn_torch.cli.error_messages import CONF

# Values of these keys are names and queries, which Hydra's grammar would take apart.
TEXT_KEYS = re.compile(
    r"(data\.(source|database|target|positive|id|test_source|split\.column)"
    r"|source|database|out|outputs|run|resume|keep|cache\.folder)$"
)
LIST_KEYS = {"data.ignore", "keep"}
PLAIN_TEXT = re.compile(r"[\w./:@*?~+%$-]*", re.ASCII)
KIND_KEY = re.compile(r"\+{0,2}data\.kinds\.(?P<column>.+)", re.DOTALL)
PLAIN_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)

# Keys that take a word as well as a number, whatever their default is.
SEVERAL_TYPES = {"threshold", "trainer.devices", "trainer.max_epochs", "penalty.l2"}


def quote_overrides(arguments: Sequence[str]) -> list[str]:
    """Return arguments that Hydra's grammar takes as they were meant.

    Names and queries are quoted (``data.source=SELECT a, b FROM 'x.csv'``), and
    ``data.kinds.Any Name=kind`` is accepted for every column name.
    """
    quoted, kinds = [], []
    sweep = {"-m", "--multirun"} & set(arguments)
    for argument in arguments:
        key, equals, value = argument.partition("=")
        kind = KIND_KEY.fullmatch(argument.rpartition("=")[0]) if equals else None
        if kind:
            kinds.append((kind["column"], argument.rpartition("=")[2]))
        elif equals and key in LIST_KEYS and (names := _names(value)):
            quoted.append(f"{key}=[{','.join(map(_quote, names))}]")
        elif equals and TEXT_KEYS.match(key.lstrip("+")) and not _is_plain(key, value, bool(sweep)):
            quoted.append(f"{key}={_quote(value)}")
        else:
            quoted.append(argument)
    if all(PLAIN_NAME.fullmatch(column) for column, _ in kinds):
        return quoted + [f"++data.kinds.{column}={value}" for column, value in kinds]
    pairs = ",".join(_quote(f"{column}={value}") for column, value in kinds)
    return [*quoted, "~data.kinds", f"+data.kinds=[{pairs}]"]


def _quote(text: str) -> str:
    """Quote for Hydra's grammar, where a backslash counts only before a quote."""
    doubled = re.sub(r'(\\+)("|$)', r"\1\1\2", text)
    return '"' + doubled.replace('"', '\\"') + '"'


def _names(value: str) -> list[str]:
    """Return the members of a list such as ``[a b,Größe]``; none where the user has quoted them."""
    members = [name.strip() for name in value[1:-1].split(",")]
    plain = re.fullmatch(r"\[[^\[\]]+\]", value)
    return members if plain and not any(name[:1] in {'"', "'"} for name in members) else []


def _is_plain(key: str, value: str, sweep: bool) -> bool:
    """Tell whether Hydra reads the value as meant: nothing, quoted already, or a sweep's list."""
    if value in {"???", "null"} or (value[:1] in {'"', "'"} and value[-1:] == value[:1]):
        return True
    if key == "keep" and value.startswith("["):
        return True
    if sweep and "," in value and not re.match(r"\s*(select|with)\b", value, re.IGNORECASE):
        return True
    # A label may be a number or a truth value; a name that looks like one is a name.
    return key == "data.positive" and bool(PLAIN_TEXT.fullmatch(value))


def check_types(name: str, config: DictConfig) -> None:
    """Refuse text where the default is a number, and so on.

    Raises:
        InputError: Naming key, expected type and value.
    """
    choices = [c for c in HydraConfig.get().overrides.task if "." not in c.partition("=")[0]]
    groups = {path.name for path in CONF.iterdir() if path.is_dir()}
    chosen = [c for c in choices if c.partition("=")[0].lstrip("+~") in groups]
    for key, default, value in _leaves(_defaults(name, tuple(chosen)), config):
        if key in SEVERAL_TYPES:
            continue
        expected = None
        if isinstance(default, bool):
            if not isinstance(value, bool):
                expected = "true or false"
        elif isinstance(default, int | float):
            if isinstance(value, bool) or not isinstance(value, int | float):
                expected = "a number"
            elif isinstance(default, int) and not float(value).is_integer():
                expected = "a whole number"
        elif isinstance(default, ListConfig) and isinstance(value, str | int | float):
            expected = "a list such as [a,b]"
        elif isinstance(default, DictConfig) and isinstance(value, str | int | float):
            expected = f"keys below it ({', '.join(f'{key}.{name}' for name in map(str, default))})"
        if expected:
            raise InputError(f"{key}: expected {expected}, got {value!r}.")


@functools.cache
def _defaults(name: str, chosen: tuple[str, ...]) -> DictConfig:
    """Return the configuration of these choices alone; the members of a sweep share it."""
    return hydra.compose(config_name=name, overrides=list(chosen))


def _leaves(
    defaults: DictConfig, config: DictConfig, prefix: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Yield key, default and value of every scalar that both hold."""
    for key in map(str, defaults):
        if OmegaConf.is_missing(config, key) or key not in config:
            continue
        if OmegaConf.is_interpolation(config, key):  # another key, checked under its own name
            continue
        default = None if OmegaConf.is_missing(defaults, key) else defaults[key]
        if isinstance(default, DictConfig) and isinstance(config[key], DictConfig):
            yield from _leaves(default, config[key], f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", default, config[key]

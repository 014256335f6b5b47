"""What stands on the command line: put so that Hydra takes it as it was meant, and checked."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Values of these keys are names and queries, which Hydra's grammar would take apart.
TEXT_KEYS = re.compile(
    r"(data\.(source|database|encoding|sheet|target|positive|id|test_source|split\.column)"
    r"|source|database|encoding|sheet|out|outputs|run|resume|keep|cache\.folder)$"
)
LIST_KEYS = {"data.ignore", "keep"}
PLAIN_TEXT = re.compile(r"[\w./:@*?~+%$-]*", re.ASCII)
KIND_KEY = re.compile(r"\+{0,2}data\.kinds\.(?P<column>.+)", re.DOTALL)
PLAIN_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


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
            quoted.append(f"{key}={_quote(_escape(value))}")
        else:
            quoted.append(argument)
    if all(PLAIN_NAME.fullmatch(column) for column, _ in kinds):
        return quoted + [f"++data.kinds.{column}={value}" for column, value in kinds]
    pairs = ",".join(_quote(f"{column}={value}") for column, value in kinds)
    return [*quoted, "~data.kinds", f"+data.kinds=[{pairs}]"]


def _escape(text: str) -> str:
    """Write ``${x}`` so that it stays text: in a name it refers to no other key."""
    return re.sub(r"(\\*)\$\{", r"\1\1\\${", text)


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

"""What stands on the command line: put so that Hydra takes it as it was meant, and checked."""

from __future__ import annotations

import re
from collections.abc import Sequence

from churn_torch.cli.keys import GROUPS
from churn_torch.errors import InputError

Missing = list[tuple[str | None, list[str]]]

# Values of these keys are names and queries, which Hydra's grammar would take apart.
TEXT_KEYS = re.compile(
    r"(data\.(source|database|encoding|sheet|target|positive|id|decimal|test_source)"
    r"|data\.(split\.column|split\.test_from|treatment)"
    r"|source|database|encoding|sheet|out|outputs|run|resume|keep|cache\.folder"
    r"|specification|at|events\.\S+\.(source|filter)"
    r"|id|exclude|value|salt|results|campaign|data\.value|offer\.\w+\.(where|keep_rate))$"
)
# Of these, some take other values too: exclude=false, value=12.5, keep_rate={alpha:6,beta:14}.
NUMBER_OR_TEXT = re.compile(r"(exclude|value|data\.value|offer\.\w+\.keep_rate)$")
# What Hydra's grammar takes for something else than text.
NUMBER = re.compile(r"[-+]?\.?\d[\d_]*\.?\d*(e[-+]?\d+)?|true|false|null|nan|inf", re.I)
NONE_BY_DEFAULT = {"debug", "experiment", "offer", "net", "events"}
LIST_KEYS = {"data.ignore", "data.split.column", "keep", "explain.actionable", "sources"}
PLAIN_TEXT = re.compile(r"[\w./:@*?~+%$-]*", re.ASCII)
KIND_KEY = re.compile(r"\+{0,2}data\.kinds\.(?P<column>.+)", re.DOTALL)
MISSING_KEY = re.compile(r"\+{0,2}data\.missing(\.(?P<column>.+))?", re.DOTALL)
QUOTED = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*')"""
MEMBER = re.compile(rf"\s*({QUOTED}?[^,]*)(?:,|$)", re.DOTALL)
WORDS_OF_COLUMN = re.compile(
    rf"\s*({QUOTED}|[^:,]+?)\s*:\s*(\[[^\]]*\]|[^,\[\]]*)(?:,|$)", re.DOTALL
)
PLAIN_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def with_suited_data(command: str, arguments: Sequence[str]) -> list[str]:
    """Return arguments with ``data=events`` added where a training is on events.

    Keys below ``events`` may then be new: a file of the user's own has not all of them.

    Args:
        command: A file in conf/.
        arguments: What stands on the command line.

    Raises:
        InputError: Events are named twice.
    """
    chosen = {key: value for key, _, value in (one.partition("=") for one in arguments)}
    named = [key for key in ("events", "specification") if chosen.get(key, "") not in ("", "null")]
    if len(named) == 2:
        raise InputError(
            "specification",
            expected="either specification=FILE or events=NAME",
            got="both",
            fix="leave one of the two out",
        )
    if not named:
        return [*arguments]
    suited = [f"++{one}" if re.match(r"events\.[^=]+=", one) else one for one in arguments]
    is_training = command in ("train", "tune") and "data" not in chosen
    return [*suited, "data=events"] if is_training else suited


def as_typed(overrides: Sequence[str]) -> list[str]:
    """Return the overrides of a job as they were typed: without what `with_suited_data` adds."""
    plain = [one.removeprefix("++") for one in overrides]
    on_events = any(one.startswith(("events=", "specification=")) for one in plain)
    return [one for one in plain if not (on_events and one == "data=events")]


def quote_overrides(arguments: Sequence[str]) -> list[str]:
    """Return arguments that Hydra's grammar takes as they were meant.

    Names and queries are quoted (``data.source=SELECT a, b FROM 'x.csv'``). Every column name is
    taken in ``data.kinds.Any Name=kind``, ``data.kinds={Any Name:kind}`` and
    ``data.missing.Any Name=[word]``, and every word in ``data.missing=[#,'a b']``.
    """
    quoted: list[str] = []
    kinds: list[tuple[str, str]] = []
    missing: Missing = []
    sweep = {"-m", "--multirun"} & set(arguments)
    for argument in arguments:
        key, equals, value = argument.partition("=")
        kind = KIND_KEY.fullmatch(argument.rpartition("=")[0]) if equals else None
        words = _missing_words(argument)
        if words:
            missing += words
        elif key.lstrip("+") == "data.kinds" and (pairs := _pairs(value)):
            kinds += pairs
        elif kind:
            kinds.append((kind["column"], argument.rpartition("=")[2]))
        elif re.match(r"\+*data\.sequences\b", key) and equals:  # its groups are new keys
            quoted.append(f"++{argument.lstrip('+')}")
        elif ("@" in key or key.lstrip("+") in GROUPS) and NUMBER.fullmatch(value):
            # Unquoted, Hydra ends in a traceback for model=1, and for debug=null.
            if key not in NONE_BY_DEFAULT or value != "null":
                quoted.append(f"{key}={_quote(value)}")
        elif equals and key in LIST_KEYS and (names := _names(value)):
            quoted.append(f"{key}=[{','.join(map(_quote, names))}]")
        elif equals and TEXT_KEYS.match(key.lstrip("+")) and not _is_plain(key, value, bool(sweep)):
            quoted.append(f"{key}={_quote(_escape(value))}")
        else:
            quoted.append(argument)
    if missing:
        quoted.append(f"++data.missing=[{','.join(_missing_entries(missing))}]")
    if all(PLAIN_NAME.fullmatch(column) for column, _ in kinds):
        return quoted + [f"++data.kinds.{column}={value}" for column, value in kinds]
    listed = ",".join(_quote(f"{column}={value}") for column, value in kinds)
    return [*quoted, "~data.kinds", f"+data.kinds=[{listed}]"]


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


def _pairs(value: str) -> list[tuple[str, str]]:
    """Return the entries of ``{a b:categorical,c:ignored}``; none where it is something else."""
    if not re.fullmatch(r"\{[^{}]*\}", value):
        return []
    split = (member.rpartition(":") for member in _members(value[1:-1]))
    pairs = [(_unquoted(name.strip()), _unquoted(kind.strip())) for name, _, kind in split]
    return pairs if all(name and kind for name, kind in pairs) else []


def _missing_words(argument: str) -> Missing:
    """Return the columns (None for all) and words of ``data.missing...=``; [] for other keys."""
    listed = re.fullmatch(r"(?P<key>.*?)=\s*(?P<value>[\[{].*[\]}])", argument, re.DOTALL)
    key, _, value = argument.rpartition("=")
    key, value = listed.group("key", "value") if listed else (key, value.strip())
    found = MISSING_KEY.fullmatch(key)
    if not found or value in ("null", "???"):
        return []
    column = found["column"]
    if value[:1] == "{" and column is None:
        entries = WORDS_OF_COLUMN.findall(value[1:-1])
        return [(_unquoted(name), _words(words)) for name, words in entries]
    if re.match(r"\[\s*[\[{]", value):  # written as the configuration stores it
        return []
    return [(column, _words(value))]


def _words(value: str) -> list[str]:
    inside = value[1:-1] if value[:1] == "[" and value[-1:] == "]" else None
    return [_unquoted(value)] if inside is None else list(map(_unquoted, _members(inside)))


def _members(text: str) -> list[str]:
    """Split at the commas that stand outside of quotes."""
    members, at = [], 0
    while at < len(text) and (member := MEMBER.match(text, at)):
        members.append(member[1].strip())
        at = max(member.end(), at + 1)
    return members


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted else text


def _missing_entries(missing: Missing) -> list[str]:
    """Spell words of all columns and of single ones as `MissingWords.from_config` reads them."""
    entries = [_quote(word) for column, words in missing if column is None for word in words]
    for column, words in missing:
        if column is not None:
            entries.append(f"[{','.join(map(_quote, (column, *words)))}]")
    return entries


def _is_plain(key: str, value: str, sweep: bool) -> bool:
    """Tell whether Hydra reads the value as meant: nothing, quoted already, or a sweep's list."""
    if value in {"???", "null"} or (value[:1] in {'"', "'"} and value[-1:] == value[:1]):
        return True
    if key == "keep" and value.startswith("["):
        return True
    if NUMBER_OR_TEXT.match(key.lstrip("+")) and (NUMBER.fullmatch(value) or value[:1] == "{"):
        return True
    if sweep and "," in value and not re.match(r"\s*(select|with)\b", value, re.IGNORECASE):
        return True
    # A label may be a number or a truth value; a name that looks like one is a name.
    return key == "data.positive" and bool(PLAIN_TEXT.fullmatch(value))

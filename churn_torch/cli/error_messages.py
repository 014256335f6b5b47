"""An error as one sentence: what was expected, what came and how to fix it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hydra.errors import HydraException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from churn_torch.cli.keys import CONF as CONF  # where compose and the tests look for it
from churn_torch.cli.keys import unknown_key
from churn_torch.cli.option_names import nearest_option
from churn_torch.console import STDOUT
from churn_torch.errors import (
    InputError,
    ParityError,
    first_line,
    lack_of_memory,
    override,
    reached_limit,
)

_TARGET = " data.target=COLUMN"

# What stands where a folder is to be made.
_BLOCKED = "a file or a link that leads nowhere"


def explain(
    error: BaseException, command: str = "train", overrides: Sequence[str] = ()
) -> str | None:
    """Return the sentence for a user's error, or None for an error of ours.

    Args:
        error: What was raised.
        command: The command that raised it, whose keys can be suggested.
        overrides: Its command line.
    """
    if isinstance(error, ParityError):  # our fault, and it says so
        return str(error)
    known = input_error(error, command, overrides)
    return None if known is None else str(known)


def input_error(
    error: BaseException, command: str = "train", overrides: Sequence[str] = ()
) -> InputError | None:
    """Return a user's error as an `InputError`; arguments as for `explain`."""
    lack = lack_of_memory(error)
    if lack is not None and not (isinstance(error, InputError) and "memory" in str(error)):
        reason = first_line(lack).rpartition(": ")[2]
        return InputError(
            command,
            expected="enough free memory",
            got=f"too little ({reason})",
            fix="end other programs, or stream the table where the command can "
            "(data.streaming=true)",
        )
    if (limit := reached_limit(error)) is not None:
        option = "-n" if limit == "open files" else "-u, -v"
        return InputError(
            command,
            expected=f"enough {limit}",
            got="as many as this process may have",
            fix=f"end other programs, or allow more (ulimit {option})",
        )
    place = "outputs=FOLDER" if command in ("train", "tune") else "out=FILE"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, InputError):
            # As `+epochs=5` puts it into the configuration, where no key is like it.
            is_unknown = getattr(cause, "is_unknown", False)
            return unknown_key(cause.where, command, overrides) if is_unknown else cause
        if isinstance(cause, OSError) and cause.strerror:
            place = "> FILE" if cause.filename == STDOUT else place
            return InputError(
                str(cause.filename or ""),
                expected="a place that can be read and written",
                got=_BLOCKED if isinstance(cause, FileExistsError) else cause.strerror,
                fix=f"free the disk, correct the permissions or choose another place ({place})",
            )
        cause = cause.__cause__
    if isinstance(error, HydraException | OmegaConfBaseException):
        return _configuration_error(error, command, overrides)
    for key in (one.partition("=")[0] for one in overrides):
        # What OmegaConf makes of a name below a list, as in trust.name=x.
        if str(error).endswith(f"invalid literal for int() with base 10: {key.split('.')[-1]!r}"):
            return unknown_key(key, command, overrides)
    return None


def _configuration_error(
    error: BaseException, command: str, overrides: Sequence[str]
) -> InputError:
    text = str(error)
    if isinstance(error, OverrideParseException):
        return InputError(
            "",
            expected="key=value on the command line",
            got=repr(error.override),
            fix="put quotes around the value, or around the name that needs them, and other quotes "
            "around the whole, such as 'by=[\"two words\"]'",
        )
    if missing := re.search(r"Missing mandatory value: (\S+)", text):
        return InputError(
            "", expected=f"{missing[1]}=...", got="nothing", fix="name it on the command line"
        )
    if ambiguous := re.search("Ambiguous value for argument '([^=]+)=(.*?)'\n", text):
        key, value = ambiguous.groups()
        several = "" if command not in ("train", "tune") else ", or add -m to try each of them"
        return InputError(
            key,
            expected="one value, or a list in brackets",
            got=repr(value),
            fix=f"write {override(key, value.split(','))} for a list{several}",
        )
    if there := re.search("An item is already at '([^']+)'", text):
        return InputError(
            there[1],
            expected=f"{there[1]}=VALUE for a key that is there",
            got=f"+{there[1]}",
            fix="leave out the +",
        )
    if folder := re.search(r"Additional config directory '(.*)' not found", text):
        return InputError(
            "--config-dir",
            expected="a folder with YAML files such as model/my_net.yaml",
            got=f"{folder[1]!r}, which is not there",
            fix="check the path",
        )
    if group := re.search(r"Could not find '(\w+)/(.+)'", text):
        options = re.findall(r"^\t(\S+)$", text.partition("Available options")[2], re.MULTILINE)
        fix = f"help={group[1]} explains them"
        if group[1] == "data" and (Path(group[2]).suffix or Path(group[2]).exists()):
            target = "" if any(o.startswith("data.target=") for o in overrides) else _TARGET
            fix = f"for a file of your own write data=table data.source={group[2]}{target}"
        return InputError(
            group[1],
            expected=f"one of {', '.join(options)}",
            got=f"{group[2]!r}{nearest_option(group[1], group[2], options)}",
            fix=fix,
        )
    named = re.search(r"full_key: (\S+)", text) or re.search(r"override '?([^'=]+)", text)
    if named:
        return unknown_key(named[1], command, overrides)
    return InputError(
        "",
        expected="a configuration that can be composed",
        got=" ".join(text.split()).rstrip("."),
        fix="correct the key or value that it names",
    )

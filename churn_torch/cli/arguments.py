"""Arguments that are no ``key=value``: options with dashes and bare words, and what was meant."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from churn_torch.cli.keys import CONF, SOURCE, known_keys, nearest, right_key, taken_keys
from churn_torch.errors import InputError

# The options that Hydra takes; those of the second line are followed by a value.
FLAGS = {
    *("--help", "-h", "--hydra-help", "--version", "--resolve", "--run", "-r", "--multirun", "-m"),
    *("--shell-completion", "-sc", "--info", "-i"),
}
FLAGS_WITH_VALUE = {
    *("--cfg", "-c", "--package", "-p", "--config-path", "-cp", "--config-name", "-cn"),
    *("--config-dir", "-cd", "--experimental-rerun"),
}
HELP = {"--help", "-h", "-help", "--h", "-?", "/?", "?", "help", "--usage", "-usage", "usage"}


def asks_for_help(argument: str) -> bool:
    """Return whether an argument is one of the ways to ask for help, also a mistyped one."""
    word = argument.lower()
    is_near = word.startswith("-") and difflib.SequenceMatcher(None, word, "--help").ratio() > 0.8
    return word in HELP or (is_near and "=" not in word)


def check_arguments(arguments: Sequence[str], command: str) -> None:
    """Refuse what Hydra would not take as ``key=value`` or as an option of its own.

    Args:
        arguments: The command line without the name of the command.
        command: A file in conf/.

    Raises:
        InputError: Saying what to write instead.
    """
    expects_value = False
    for number, argument in enumerate(arguments):
        following = arguments[number + 1] if number + 1 < len(arguments) else ""
        name, equals, _ = argument.partition("=")
        if expects_value:
            expects_value = False
        elif argument in FLAGS_WITH_VALUE or name in FLAGS_WITH_VALUE:
            expects_value = not equals
        elif name in FLAGS or argument.startswith("~"):
            continue
        elif argument.startswith("-") or not equals or not name:
            raise _misspelt(argument, following, command, arguments)


def _misspelt(argument: str, following: str, command: str, arguments: Sequence[str]) -> InputError:
    """Return the error that says what to write for an option with dashes or a bare word."""
    taken = taken_keys(command, [a for a in arguments if "=" in a and not a.startswith("-")])
    bare = argument.lstrip("-")
    separator = next((mark for mark in "=:" if mark in bare.strip("=:")), "=")
    written, _, value = bare.rstrip(":").partition(separator)
    if not value and following and "=" not in following.strip("="):
        value = arguments[-1] if following == "=" else following
    got = repr(argument)
    if not argument.startswith("-") and (Path(argument).suffix or Path(argument).exists()):
        fix = f"write {_source(argument, taken, arguments)}"
    elif key := right_key(written, taken):
        fix = f"write {key}={value or 'VALUE'}"
        if key == "data" and (Path(value).suffix or Path(value).exists()):
            fix = f"write {_source(value, taken, arguments)}"
    elif "data" in taken and right_key(written, [SOURCE]):
        fix = f"write {_source(value or 'PATH', taken, arguments)}"
    elif group := next((g for g in taken if (CONF / g / f"{bare}.yaml").is_file()), None):
        fix = f"write {group}={bare}"
    elif argument.startswith("-"):
        flags = [*FLAGS, *FLAGS_WITH_VALUE]
        got += nearest(argument, flags) or nearest(written, known_keys(command))
        fix = "keys are written without dashes, and --help explains all"
    else:
        got += nearest(written, known_keys(command))
        fix = "put quotes around a value or a name with blanks in it; --help explains all keys"
    return InputError("", expected="key=value on the command line", got=got, fix=fix)


def _source(path: str, taken: Sequence[str], arguments: Sequence[str]) -> str:
    """Return the overrides for a table's path, with the target where that is not named."""
    if "data" not in taken:
        return f"source={path}"
    named = any(argument.startswith("data.target=") for argument in arguments)
    return f"data=table data.source={path}{'' if named else ' data.target=COLUMN'}"

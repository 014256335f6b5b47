"""An error as one sentence: what was expected, what came and how to fix it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hydra.errors import HydraException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from churn_torch.errors import InputError, ParityError

_PACKAGE = Path(__file__).resolve().parents[1]
# In a wheel conf/ lies in the package, in a checkout beside it.
CONF = next(p / "conf" for p in (_PACKAGE, _PACKAGE.parent) if (p / "conf").is_dir())
# What other libraries call a key.
OTHER_NAMES = {
    "epochs": "trainer.max_epochs",
    "n_epochs": "trainer.max_epochs",
    "max_iter": "trainer.max_epochs",
    "learning_rate": "optimizer.lr",
    "optimizer.learning_rate": "optimizer.lr",
    "random_state": "seed",
    "test_size": "data.split.test",
    "alpha": "penalty.l2",
    "C": "penalty.l2",
}


def explain(error: BaseException, command: str = "train") -> str | None:
    """Return the sentence for a user's error, or None for an error of ours.

    Args:
        error: What was raised.
        command: The command that raised it, whose keys can be suggested.
    """
    if isinstance(error, ParityError):  # our fault, and it says so
        return str(error)
    known = input_error(error, command)
    return None if known is None else str(known)


def input_error(error: BaseException, command: str = "train") -> InputError | None:
    """Return a user's error as an `InputError`; arguments as for `explain`."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, InputError):
            return cause
        if isinstance(cause, OSError) and cause.strerror:
            return InputError(
                str(cause.filename or ""),
                expected="a place that can be read and written",
                got=cause.strerror,
                fix="free the disk, correct the permissions or choose another place "
                "(outputs=FOLDER)",
            )
        cause = cause.__cause__
    if isinstance(error, HydraException | OmegaConfBaseException):
        return _configuration_error(error, command)
    return None


def _configuration_error(error: BaseException, command: str) -> InputError:
    text = str(error)
    if isinstance(error, OverrideParseException):
        return InputError(
            "",
            expected="key=value on the command line",
            got=repr(error.override),
            fix="put quotes around the value, or around the name that needs them",
        )
    if missing := re.search(r"Missing mandatory value: (\S+)", text):
        return InputError(
            "", expected=f"{missing[1]}=...", got="nothing", fix="name it on the command line"
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
        return InputError(
            group[1],
            expected=f"one of {', '.join(options)}",
            got=f"{group[2]!r}{nearest(group[2], options)}",
            fix=f"help={group[1]} explains them",
        )
    named = re.search(r"full_key: (\S+)", text) or re.search(r"override '([^'=]+)", text)
    if named:
        return unknown_key(named[1], command)
    return InputError(
        "",
        expected="a configuration that can be composed",
        got=" ".join(text.split()).rstrip("."),
        fix="correct the key or value that it names",
    )


def unknown_key(key: str, command: str) -> InputError:
    """Return the error for a key that a command does not have with the choices made."""
    keys = known_keys(command)
    if owners := keys.get(key):
        return InputError(
            key,
            expected="a key of the choices made",
            got=f"one that belongs to {' or '.join(owners)}",
            fix=f"add {owners[0]}, or leave it out",
        )
    return InputError(
        key,
        expected=f"a key of {command}",
        got=f"an unknown one{nearest(key, keys)}",
        fix="--help explains all keys",
    )


def known_keys(command: str = "train") -> dict[str, list[str]]:
    """Return every dotted key that a command can have, each with the choices that define it.

    Args:
        command: A file in conf/. Keys of its own belong to no choice and have an empty list.
    """
    keys: dict[str, list[str]] = {}

    def collect(node: Any, prefix: str, choices: list[str]) -> None:
        for key, value in node.items() if isinstance(node, dict) else ():
            keys.setdefault(f"{prefix}{key}", []).extend(choices)
            collect(value, f"{prefix}{key}.", choices)

    for primary in ("train", "tune") if command == "tune" else (command,):
        content: Any = OmegaConf.to_container(OmegaConf.load(CONF / f"{primary}.yaml"))
        groups = [name for entry in content.pop("defaults", []) if isinstance(entry, dict)
                  for name in entry if not name.startswith("override")]  # fmt: skip
        content.pop("hydra", None)
        collect(content, "", [])
        for group in groups:
            keys.setdefault(group, [])
            for file in sorted((CONF / group).glob("*.yaml")):
                if group not in ("debug", "experiment"):  # they set the keys of others
                    option: Any = OmegaConf.to_container(OmegaConf.load(file))
                    option.pop("defaults", None)
                    collect(option, f"{group}.", [f"{group}={file.stem}"])
    return keys


def nearest(name: str, candidates: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the key or choice nearest to ``name``, or ``""``."""
    candidates = list(candidates)
    # `lr` is most likely `optimizer.lr`, even if another key looks more alike letter by letter.
    alike = [c for c in (OTHER_NAMES.get(name),) if c in candidates]
    alike += [c for c in candidates if c.rpartition(".")[2] == name.rpartition(".")[2]]
    alike += [c for c in candidates if name and c.startswith(name)]
    best = alike[:1] or difflib.get_close_matches(name, candidates, n=1, cutoff=0.6)
    if not best:  # the last part, which people remember
        last = {c.rpartition(".")[2]: c for c in reversed(candidates)}
        best = [last[c] for c in difflib.get_close_matches(name, last, n=1, cutoff=0.7)]
    return f" (did you mean {best[0]!r}?)" if best else ""

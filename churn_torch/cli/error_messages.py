"""An error as one sentence: what was expected, what came and how to mend it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hydra.errors import HydraException, InstantiationException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from churn_torch.errors import InputError, ParityError

_PACKAGE = Path(__file__).resolve().parents[1]
# In a wheel conf/ lies in the package, in a checkout beside it.
CONF = next(p / "conf" for p in (_PACKAGE, _PACKAGE.parent) if (p / "conf").is_dir())


def explain(error: BaseException) -> str | None:
    """Return the sentence for a user's error, or None for an error of ours."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, InputError | ParityError):
            return str(cause)
        if isinstance(cause, OSError) and cause.strerror:
            where = f" {cause.filename}" if cause.filename else ""
            return (
                f"expected to read or write{where}, got: {cause.strerror}; free the disk, mend the "
                "permissions or choose another place (outputs=FOLDER)."
            )
        cause = cause.__cause__
    if isinstance(error, HydraException | OmegaConfBaseException):
        return _explain_configuration(error)
    return None


def _explain_configuration(error: BaseException) -> str:
    text = str(error)
    if isinstance(error, OverrideParseException):
        return (
            f"expected key=value on the command line, got {error.override!r}; put quotes around "
            "the value, or around the name that needs them."
        )
    missing = re.search(r"Missing mandatory value: (\S+)", text)
    if missing:
        return f"expected {missing[1]}=..., got nothing; name it on the command line."
    group = re.search(r"Could not find '(\w+)/(.+)'", text)
    if group:
        options = sorted(path.stem for path in (CONF / group[1]).glob("*.yaml"))
        return (
            f"{group[1]}: expected one of {', '.join(options)}, got {group[2]!r}"
            f"{_nearest(group[2], options)}."
        )
    key = re.search(r"full_key: (\S+)", text)
    if isinstance(error, InstantiationException):
        reason = " ".join(str(error.__cause__ or error).split()).rstrip(".!")
        name = key[1] if key else "configuration"
        if name.startswith("logger.") and isinstance(error.__cause__, ImportError):
            extra = name.removeprefix("logger.")
            return (
                f"{name}: expected the packages it needs, got {reason}; install them with "
                f"pip install 'churn-torch[{extra}]'."
            )
        if name == "trainer" and re.search("gpu|cuda", reason, re.IGNORECASE):
            return f"{name}: {reason}; choose trainer=cpu or trainer=auto."
        return f"{name}: {reason}; its keys and values stand in conf/{name.partition('.')[0]}/."
    named = key or re.search(r"override '([^'=]+)", text)
    if named:
        keys = known_keys()
        if named[1] in keys:
            return (
                f"expected a key of the choices made, got {named[1]!r}, which belongs to "
                f"{' or '.join(keys[named[1]])}."
            )
        return (
            f"expected a key of the configuration, got {named[1]!r}{_nearest(named[1], keys)}; "
            "all keys: --help, or the files in conf/."
        )
    return " ".join(text.split())


def known_keys() -> dict[str, list[str]]:
    """Return every dotted key that a file in conf/ defines, and the choices that define it."""
    keys: dict[str, list[str]] = {}

    def collect(node: Any, prefix: str, choice: str) -> None:
        for key, value in node.items() if isinstance(node, dict) else ():
            keys.setdefault(f"{prefix}{key}", []).append(choice)
            collect(value, f"{prefix}{key}.", choice)

    for file in sorted(CONF.rglob("*.yaml")):
        is_choice = file.parent != CONF
        if file.parent.name in {"debug", "experiment"}:
            continue
        content: Any = OmegaConf.to_container(OmegaConf.load(file))
        content = {k: v for k, v in content.items() if k not in {"hydra", "defaults"}}
        group = file.parent.name
        collect(content, f"{group}." if is_choice else "", f"{group}={file.stem}")
    for folder in CONF.iterdir():
        if folder.is_dir():
            keys.setdefault(folder.name, []).append(f"{folder.name}=...")
    return keys


def _nearest(name: str, candidates: Iterable[str]) -> str:
    # `lr` is most likely `optimizer.lr`, whatever looks more alike letter by letter.
    alike = [c for c in candidates if c.rpartition(".")[2] == name.rpartition(".")[2]]
    alike += [c for c in candidates if name and c.startswith(name)]
    found = alike[:1] or difflib.get_close_matches(name, candidates, n=1, cutoff=0.5)
    return f" (did you mean {found[0]!r}?)" if found else ""

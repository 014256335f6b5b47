"""A specification of customer rows as a YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from churn_torch.errors import InputError, first_line
from churn_torch.events.specification import EventSpecification
from churn_torch.workflows.stored_config import bounded_yaml


def read_specification(path: Path) -> EventSpecification:
    """Read a specification from a YAML file.

    Raises:
        InputError: As for `read_keys`; or they are no specification.
    """
    return EventSpecification.from_mapping(read_keys(path))


def read_keys(path: Path) -> dict[str, Any]:
    """Read the keys of a specification from a YAML file, or from the events.json of a run.

    Raises:
        InputError: The file is not there, or is no YAML with keys.
    """
    try:
        path = path.expanduser()
        if path.exists() and not path.is_file():  # to read a pipe may never end
            raise OSError("no file")
        text = path.read_text(encoding="utf-8")
        content = OmegaConf.to_container(OmegaConf.create(bounded_yaml(text)))
    except OSError as error:
        raise InputError(
            "specification",
            expected="a YAML file",
            got=f"{str(path)!r} ({error.strerror or error})",
            fix="check the path",
        ) from None
    except (OmegaConfBaseException, ValueError) as error:
        raise _no_yaml(path, first_line(error)) from None
    except Exception as error:  # of the YAML parser, which OmegaConf passes on
        if type(error).__module__.partition(".")[0] != "yaml":
            raise
        raise _no_yaml(path, " ".join(str(error).split())) from None
    if isinstance(content, Mapping) and isinstance(content.get("specification"), Mapping):
        content = content["specification"]  # of a run, with the values that training chose
    # Plain text is a key without a value to the parser.
    if not isinstance(content, Mapping) or all(each is None for each in content.values()):
        raise _no_yaml(path, "it has no keys")
    return {str(key): each for key, each in content.items()}


def with_keys(content: Any, more: Any) -> Any:
    """Return keys with those of another mapping set, at any depth; lists are replaced."""
    if not (isinstance(content, Mapping) and isinstance(more, Mapping)):
        return more
    set_keys = {key: with_keys(content.get(key), each) for key, each in more.items()}
    return {**content, **set_keys}


def _no_yaml(path: Path, reason: str) -> InputError:
    return InputError(
        "specification",
        expected="a YAML file with the keys of a specification",
        got=f"{str(path)!r}: {reason}",
        fix="correct it; churn-torch features help=events explains the keys",
    )


def specification_yaml(specification: EventSpecification) -> str:
    """Return a specification as YAML."""
    return OmegaConf.to_yaml(OmegaConf.create(specification.to_mapping()))

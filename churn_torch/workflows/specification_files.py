"""A specification of customer rows as a YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from churn_torch.errors import InputError, first_line
from churn_torch.events.specification import EventSpecification


def read_specification(path: Path) -> EventSpecification:
    """Read a specification from a YAML file.

    Raises:
        InputError: The file is not there, is no YAML, or is no specification.
    """
    try:
        content = OmegaConf.to_container(OmegaConf.load(path.expanduser()))
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
    # Plain text is a key without a value to the parser.
    if not isinstance(content, Mapping) or all(each is None for each in content.values()):
        raise _no_yaml(path, "it has no keys")
    return EventSpecification.from_mapping({str(key): each for key, each in content.items()})


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

"""The config.yaml of a run folder, which may be a stranger's, read as plain values; no torch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from churn_torch.errors import InputError, first_line
from churn_torch.serving.model_path import check_own, check_size, missing_run
from churn_torch.workflows.runs.artefacts import CONFIG

# The reader takes some 0.1 ms for each value; a training writes about 200.
MOST_VALUES = 50_000
# Levels of values inside values: the reader takes time by their square.
MOST_LEVELS = 100
_STARTS = (
    *(yaml.FlowMappingStartToken, yaml.FlowSequenceStartToken),
    *(yaml.BlockMappingStartToken, yaml.BlockSequenceStartToken),
)
_ENDS = (yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken, yaml.BlockEndToken)
_READ_WHOLE = (".json", ".yaml", ".journal")


def load_config(folder: Path) -> dict[str, Any]:
    """Return the choices in a run folder as plain values; references are left as text.

    Raises:
        InputError: The folder is not there or holds no run, or a link leads out of it.
    """
    if not folder.is_dir():
        nearby = (path for path in folder.parent.glob("*") if path.is_dir())
        raise missing_run(str(folder), "a run folder", nearby)
    check_own(folder / CONFIG, folder)
    if not (folder / CONFIG).is_file():
        raise InputError(
            "run",
            expected=f"a run folder with {CONFIG}",
            got=f"{str(folder)!r} without it",
            fix="name the folder that training printed",
        )
    check_files(folder)
    try:
        config = OmegaConf.create(bounded_yaml((folder / CONFIG).read_text(encoding="utf-8")))
    except Exception as error:  # the reader's own classes, or bytes that are no text
        raise damaged_run(
            folder, f"{CONFIG} is no YAML that a training writes: {first_line(error)}"
        ) from error
    if not isinstance(config, DictConfig):
        raise damaged_run(folder, f"{CONFIG} holds no keys")
    # Not resolved: a reference could read this machine's environment into a stranger's hands.
    content: Any = OmegaConf.to_container(config, resolve=False)
    return {str(key): value for key, value in content.items()}


def bounded_yaml(text: str) -> str:
    """Return a YAML text that cannot become much larger in memory than it is.

    Raises:
        ValueError: It repeats a part of itself by name, or holds too many values or levels.
        yaml.YAMLError: It is no YAML.
    """
    n_values = level = 0
    for token in yaml.scan(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if isinstance(token, yaml.AliasToken):
            raise ValueError(f"*{token.value} stands for another part of it")
        n_values += isinstance(token, yaml.ScalarToken)
        level += isinstance(token, _STARTS) - isinstance(token, _ENDS)
        if level > MOST_LEVELS:
            raise ValueError(f"more than {MOST_LEVELS} levels")
        if n_values > MOST_VALUES:
            raise ValueError(f"more than {MOST_VALUES:,} values")
    return text


def check_files(folder: Path, where: str = "run") -> None:
    """Refuse a folder with what is no file of it: a link that leads out of it, a pipe.

    Args:
        folder: Of a run or a study.
        where: The key that names it, for the message.

    Raises:
        InputError: There is one, or a file that is read whole of a size that we do not write.
    """
    for parent, folders, files in os.walk(folder):
        for path in (Path(parent, name) for name in (*folders, *files)):
            check_own(path, folder, where)
            if path.suffix in _READ_WHOLE and path.is_file():
                check_size(path, where)


def damaged_run(folder: Path, reason: str) -> InputError:
    """Return the error of a run folder with a file that cannot be read."""
    return InputError(
        "run",
        expected=f"whole files in {str(folder)!r}",
        got=f"damaged ones ({reason})",
        fix="train again",
    )

"""The configuration that a command would run with, for use from Python."""

from __future__ import annotations

import copy
import functools
from collections.abc import Sequence
from pathlib import Path

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig, flag_override
from omegaconf.errors import OmegaConfBaseException

from churn_torch.cli import error_messages
from churn_torch.cli.keys import check_sample
from churn_torch.cli.overrides import quote_overrides


def compose(name: str, overrides: Sequence[str] = ()) -> DictConfig:
    """Return the configuration that a command would run with, for use from Python.

    Args:
        name: ``train``, ``tune``, ``evaluate``, ``score``, ``export`` or ``serve``.
        overrides: What would stand on the command line, e.g. ``["model=mlp"]``.

    Raises:
        InputError: An override names an unknown key or choice.
    """
    return compose_with_choices(name, overrides)[0]


def compose_with_choices(
    name: str, overrides: Sequence[str] = ()
) -> tuple[DictConfig, dict[str, str | None]]:
    """Return what `compose` does, and the option of each group that it is composed of."""
    conf = error_messages.CONF
    written = tuple(path.stat().st_mtime_ns for path in sorted(conf.rglob("*.yaml")))
    try:
        config, choices = _composed(conf, name, tuple(quote_overrides(overrides)), written)
        check_sample(overrides, choices)
        return copy.deepcopy((config, choices))
    except (HydraException, OmegaConfBaseException) as error:
        raise error_messages.input_error(error, name, overrides) or error from error


@functools.lru_cache(maxsize=64)
def _composed(
    conf: Path, name: str, overrides: tuple[str, ...], written: tuple[int, ...]
) -> tuple[DictConfig, dict[str, str | None]]:
    """Read conf/, unless it was read with these overrides since it was last written.

    A search or a cross-validation by scikit-learn asks for the same in every fit.
    """
    with hydra.initialize_config_dir(str(conf), version_base="1.3"):
        config = hydra.compose(name, list(overrides), return_hydra_config=True)
    choices = dict(config.hydra.runtime.choices)
    with flag_override(config, ["read_only", "struct"], False):
        del config["hydra"]
    return config, choices

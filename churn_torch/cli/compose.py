"""The configuration that a command would run with, for use from Python."""

from __future__ import annotations

import contextlib
import copy
import functools
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

# Hydra's public functions keep the one configuration of a process in a singleton, which may be in
# use: by an application around us, by a notebook, by another thread. Its loader does not.
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from hydra.errors import HydraException
from hydra.types import RunMode
from hydra.version import VersionBase, setbase
from omegaconf import DictConfig, flag_override
from omegaconf.errors import OmegaConfBaseException

from churn_torch.cli import error_messages
from churn_torch.cli.keys import check_sample
from churn_torch.cli.overrides import quote_overrides, with_suited_data
from churn_torch.errors import InputError

# Neither Hydra's registry of plugins nor OmegaConf promises to work in several threads at once.
_TURN = threading.RLock()


def compose(name: str, overrides: Sequence[str] = ()) -> DictConfig:
    """Return the configuration that a command would run with, for use from Python.

    It works in any thread, in a notebook and inside another Hydra application, and leaves Hydra's
    own state as it was.

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
    conf, given = error_messages.CONF, with_suited_data(name, overrides)
    written = tuple(path.stat().st_mtime_ns for path in sorted(conf.rglob("*.yaml")))
    try:
        with _TURN:
            config, choices = _composed(conf, name, tuple(quote_overrides(given)), written)
            check_sample(overrides, choices)
            return copy.deepcopy((config, choices))
    except InputError:
        raise
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        if (known := error_messages.input_error(error, name, overrides)) is None:
            raise
        raise known from error


@functools.lru_cache(maxsize=64)
def _composed(
    conf: Path, name: str, overrides: tuple[str, ...], written: tuple[int, ...]
) -> tuple[DictConfig, dict[str, str | None]]:
    """Read conf/, unless it was read with these overrides since it was last written.

    A search or a cross-validation by scikit-learn asks for the same in every fit.
    """
    with _version_base("1.3"):
        loader = ConfigLoaderImpl(create_config_search_path(str(conf)))
        config = loader.load_configuration(
            name, list(overrides), run_mode=RunMode.RUN, from_shell=False
        )
    choices = dict(config.hydra.runtime.choices)
    with flag_override(config, ["read_only", "struct"], False):
        del config["hydra"]
    return config, choices


@contextlib.contextmanager
def _version_base(base: str) -> Iterator[None]:
    """Set the version whose rules Hydra follows, then put back what an application has chosen."""
    chosen = VersionBase.instance().getbase()
    setbase(base)
    try:
        yield
    finally:
        VersionBase.instance().version_base = chosen

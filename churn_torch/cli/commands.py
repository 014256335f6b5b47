"""The commands, and the workflow that each runs."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omegaconf import DictConfig

# In the order of the help. A command has the name of its file in conf/, of its module in
# churn_torch/workflows and of the function there.
COMMANDS = (
    *("train", "tune", "evaluate", "compare", "explain", "report"),
    *("features", "score", "campaign", "export", "serve"),
)


def run_workflow(
    name: str, config: DictConfig, folder: Path, new_folder: Callable[[], Path]
) -> dict[str, Any] | None:
    """Run a command's workflow; its module, and torch with it, is imported now.

    Args:
        name: One of `COMMANDS`.
        config: The composed configuration.
        folder: The run folder of a training.
        new_folder: Makes the run folder of a search, which needs it at its end.

    Returns:
        The metrics of a training, a cross-validation or a search.
    """
    from omegaconf import OmegaConf

    # The workflow says what is wrong where `cv` has no keys.
    if name == "train" and OmegaConf.select(config, "cv.folds", throw_on_resolution_failure=False):
        name = "cross_validate"
    with _private_compiler_folder():
        with _no_garbage_collection():
            workflow = getattr(import_module(f"churn_torch.workflows.{name}"), name)
        if name == "cross_validate":
            metrics: dict[str, Any] = workflow(config, folder)
            return metrics
        if name in ("train", "tune"):
            run = workflow(config, folder if name == "train" else new_folder)
            return None if run is None else dict(run.metrics)
        workflow(config)
        return None


@contextlib.contextmanager
def _private_compiler_folder() -> Iterator[None]:
    """Let the folder that torch makes for its compiler be in the user's own cache.

    torch makes it whenever it is imported with Lightning. Its name in /tmp can be guessed, so that
    others can put something there which ends every training, or which torch obeys. It is removed
    where nothing was compiled.
    """
    name = "TORCHINDUCTOR_CACHE_DIR"
    made = []
    if name not in os.environ:
        with contextlib.suppress(OSError, RuntimeError):  # there is no home, or it is read-only
            cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
            folder = cache / "torchinductor"
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.environ[name] = str(folder)
            made.append(folder)
    try:
        yield
    finally:
        for folder in made:
            with contextlib.suppress(OSError):  # something was compiled into it
                folder.rmdir()
            os.environ.pop(name, None)


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Collect no garbage while modules are imported: everything made then stays."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()

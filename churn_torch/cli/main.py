"""From a command line to the pipeline: Hydra, errors as one sentence, the summary of a sweep.

Nothing here imports torch before a command really runs, so ``--help`` answers at once.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import logging
import os
import shutil
import sys
import threading
import traceback
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from churn_torch.cli.error_messages import CONF, explain
from churn_torch.cli.overrides import quote_overrides
from churn_torch.errors import InputError

# Run folders that this process named and that were not there before: it may remove them.
FRESH_FOLDERS: set[Path] = set()


def run_script(name: str) -> None:
    """Run a command in a process of its own, and end the process with it.

    Python would look at every object of torch once more and free them one by one, which takes as
    long as a small training. What has asked to be told of the end is told; only that is left out.

    Args:
        name: As for `run_command`.
    """
    code: int | str | None = 0
    try:
        run_command(name)
    except SystemExit as stopped:
        code = stopped.code
    threads = (thread for thread in threading.enumerate() if not thread.daemon)
    if any(thread is not threading.main_thread() for thread in threads):
        sys.exit(code)
    if isinstance(code, str):
        print(code, file=sys.stderr)
        code = 1
    atexit._run_exitfuncs()
    with contextlib.suppress(BrokenPipeError):
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    os._exit(code or 0)


def run_command(name: str) -> None:
    """Run a command with Hydra; exit 1 with one sentence on a user's error.

    Args:
        name: ``train``, ``tune``, ``evaluate``, ``score``, ``export`` or ``serve``; also the file
            in conf/.
    """
    # Hydra then raises instead of printing, and the sentence is ours.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    FRESH_FOLDERS.clear()
    OmegaConf.register_new_resolver("run_folder", _run_folder, use_cache=True, replace=True)
    sys.argv[1:] = quote_overrides(sys.argv[1:])

    # Hydra prints a line of its own for an exception in the task, so it is handed around Hydra.
    raised: list[BaseException] = []

    def task(config: DictConfig) -> dict[str, Any] | None:
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            return _run_member(name, config)
        try:
            return _run(name, config)
        except BaseException as error:
            raised.append(error)
            return None

    try:
        hydra.main(version_base="1.3", config_path=str(CONF), config_name=name)(task)()
        if raised:
            # Whatever is logged from here on must not look for train.log.
            for handler in list(logging.getLogger().handlers):
                logging.getLogger().removeHandler(handler)
                handler.close()
            for folder in FRESH_FOLDERS:
                _remove_if_useless(folder, raised[0])
            raise raised[0]
    except BrokenPipeError:  # `| head` has seen enough
        sys.stdout = None
    except KeyboardInterrupt:
        left = [folder for folder in FRESH_FOLDERS if (folder / "last.ckpt").exists()]
        sys.exit(f"Interrupted; go on with resume={left[0]}." if left else "Interrupted.")
    except Exception as error:
        sentence = explain(error)
        if sentence is None:
            raise
        print(f"Error: {sentence.removesuffix('.')}.", file=sys.stderr)
        sys.exit(1)


def _run(name: str, config: DictConfig) -> dict[str, Any] | None:
    """Run one workflow; its module is imported now, and torch with it where it needs torch."""
    if name == "score":
        from churn_torch.workflows.score import score

        score(config)
        return None
    if name == "serve":
        from churn_torch.workflows.serve import serve

        serve(config)
        return None
    with _no_collections():  # what the others import too
        from churn_torch.workflows.train import train
    if name == "tune":
        from churn_torch.workflows.tune import tune

        run = tune(config, lambda: Path(_run_folder(config.outputs, None)))
        return None if run is None else dict(run.metrics)
    if name == "export":
        from churn_torch.workflows.export import export

        export(config)
        return None
    if name == "evaluate":
        from churn_torch.workflows.evaluate import evaluate

        evaluate(config)
        return None
    folder = Path(HydraConfig.get().runtime.output_dir)
    if config.cv.folds:
        from churn_torch.workflows.cross_validate import cross_validate

        return cross_validate(config, folder)
    return dict(train(config, folder).metrics)


@contextlib.contextmanager
def _no_collections() -> Iterator[None]:
    """Let no garbage be looked for while modules are imported: all that is made then stays."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _run_member(name: str, config: DictConfig) -> dict[str, Any]:
    """Run one member of a sweep; its failure is kept for the summary and ends nothing."""
    try:
        return {"status": "ok", "metrics": _run(name, config)}
    except Exception as error:
        logging.getLogger("churn_torch").error(traceback.format_exc())
        sentence = explain(error) or f"{type(error).__name__}: {error}"
        print(f"Failed: {sentence}", file=sys.stderr)
        return {"status": "failed", "error": sentence}


def _run_folder(outputs: str, resume: str | None) -> str:
    """Return the folder of this run: a fresh one by time, or the one to be resumed."""
    if resume:
        # A mistyped folder must not come into being: `pipeline.train` refuses it.
        return str(Path(resume).resolve()) if Path(resume).is_dir() else outputs
    now = datetime.now()
    folder = Path(outputs) / f"{now:%Y-%m-%d}" / f"{now:%H-%M-%S}"
    # An OSError would lose its reason in here; Hydra makes the folder too, and names the place.
    with contextlib.suppress(OSError):
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.mkdir()  # claims it: of two runs started in the same second one fails here
        except FileExistsError:
            folder = folder.with_name(f"{now:%H-%M-%S-%f}")
            folder.mkdir()
    FRESH_FOLDERS.add(folder.absolute())
    return str(folder)


def _remove_if_useless(folder: Path, error: BaseException) -> None:
    """Leave no folder behind where nothing is trained yet, or a resume would fail again."""
    if not folder.is_dir():
        return
    names = {path.name for path in folder.iterdir()}
    unstarted = names <= {"train.log", "config.yaml"}
    if unstarted or (isinstance(error, InputError) and "metrics.json" not in names):
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # other runs of the day are in it
            folder.parent.rmdir()

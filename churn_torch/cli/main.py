"""From a command line to a workflow: Hydra, errors as one sentence, the end of the process.

Nothing here imports torch before a command really runs, so ``--help`` answers at once.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from churn_torch import __version__
from churn_torch.cli import run_folders
from churn_torch.cli.arguments import asks_for_help, check_arguments
from churn_torch.cli.commands import COMMANDS, run_workflow
from churn_torch.cli.error_messages import explain
from churn_torch.cli.help import command_help, help_topic, list_commands
from churn_torch.cli.keys import CONF, check_sample
from churn_torch.cli.overrides import quote_overrides, with_suited_data
from churn_torch.console import replace_unprintable, show, tables_once
from churn_torch.errors import InputError, escaped, suggest


def main(name: str | None = None) -> None:
    """Run a command in a process of its own, and end the process with it.

    Args:
        name: One of `COMMANDS`; None takes the first argument, as ``churn-torch NAME`` does.
    """
    replace_unprintable()
    code: int | str | None = 0
    try:
        run_command(name or _command_named())
    except SystemExit as stopped:
        code = stopped.code
    _end_process(code)


def run_command(name: str) -> None:
    """Run a command with Hydra; exit 1 with one sentence on a user's error.

    Args:
        name: One of `COMMANDS`, which is also the name of its file in conf/.
    """
    # Hydra then raises instead of printing, and the sentence is ours.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        if (topic := help_topic(sys.argv[1:])) is not None:
            print(command_help(name, topic, sys.argv[1:]))
            return
        _run_with_hydra(name)
    except BrokenPipeError:  # `| head` has seen enough
        sys.stdout = None
    except KeyboardInterrupt:
        left = run_folders.interrupted()
        sys.exit(f"Interrupted; continue with resume={left}." if left else "Interrupted.")
    except Exception as error:
        sentence = explain(error, name, sys.argv[1:])
        if sentence is None:
            raise
        left = run_folders.interrupted() if isinstance(error, OSError) else None
        more = f" Then continue with resume={left}." if left else ""
        print(escaped(f"Error: {sentence.removesuffix('.')}.{more}"), file=sys.stderr)
        sys.exit(1)


def _command_named() -> str:
    """Return the command that the first argument names, or answer what else it asks for."""
    first = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if first in COMMANDS:
        return first
    if first == "--version":
        print(f"churn-torch {__version__}")
        sys.exit(0)
    if asks_for_help(first):
        print(list_commands())
        sys.exit(0)
    error = InputError(
        "churn-torch",
        expected=f"a command ({', '.join(COMMANDS)})",
        got=f"{first!r}{suggest(first, COMMANDS)}",
        fix="name the command first; churn-torch --help explains each",
    )
    print(escaped(f"Error: {error}"), file=sys.stderr)
    sys.exit(1)


def _run_with_hydra(name: str) -> None:
    run_folders.FRESH.clear()
    OmegaConf.register_new_resolver("run_folder", run_folders.choose, use_cache=True, replace=True)
    OmegaConf.register_new_resolver("output_folder", run_folders.as_it_stands, replace=True)
    given = sys.argv
    start = 2 if given[1:2] == [name] else 1  # `churn-torch train ...` or `scripts/train.py ...`
    check_arguments(given[start:], name)
    overrides = quote_overrides(with_suited_data(name, given[start:]))

    # Hydra prints a line of its own for an exception in the task, so it is handed around Hydra.
    raised: list[BaseException] = []

    def task(config: DictConfig) -> dict[str, Any] | None:
        # The processes of trainer=ddp are started with the command line as it was.
        sys.argv = [*given[:start], *overrides]
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            return _run_member(name, config)
        try:
            return _run(name, config)
        except BaseException as error:
            raised.append(error)
            return None

    sys.argv = [given[0], *overrides]
    with tables_once():
        hydra.main(version_base="1.3", config_path=str(CONF), config_name=name)(task)()
    if raised:
        # Whatever is logged from here on must not look for train.log.
        for handler in list(logging.getLogger().handlers):
            logging.getLogger().removeHandler(handler)
            handler.close()
        for folder in run_folders.FRESH:
            run_folders.remove_if_useless(folder, raised[0])
        raise raised[0]


def _run(name: str, config: DictConfig) -> dict[str, Any] | None:
    current = HydraConfig.get()
    check_sample(current.overrides.task, current.runtime.choices)
    metrics = run_workflow(
        name,
        config,
        Path(run_folders.as_it_stands(_root_=OmegaConf.create({"hydra": current}))),
        lambda: Path(run_folders.choose(config.outputs, None)),
    )
    if debug := current.runtime.choices.get("debug"):
        show(f"This was a trial (debug={debug}): the numbers say nothing about the model.")
    return metrics


def _run_member(name: str, config: DictConfig) -> dict[str, Any]:
    """Run one member of a sweep; its failure is kept for the summary and ends nothing."""
    try:
        return {"status": "ok", "metrics": _run(name, config)}
    except Exception as error:
        with contextlib.suppress(OSError):  # a full disk takes no log either
            logging.getLogger("churn_torch").error(traceback.format_exc())
        sentence = explain(error, name) or f"{type(error).__name__}: {error}"
        print(escaped(f"Failed: {sentence}"), file=sys.stderr)
        return {"status": "failed", "error": sentence}


def _end_process(code: int | str | None) -> None:
    """Exit without the interpreter's own shutdown, where nothing needs it.

    It visits every object of torch once more and frees them one by one, 1.4 s of CPU. With
    `gc.freeze` it takes 0.3 s, but DuckDB then prints that its own objects have leaked. Functions
    registered with `atexit` run, and other threads are waited for.
    """
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

"""A command with Hydra: its configuration, its workflow, and its errors as one sentence.

Nothing here imports torch before a command really runs, so ``--help`` answers at once.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from churn_torch import __version__, interruption
from churn_torch.cli import run_folders
from churn_torch.cli.arguments import asks_for_help, check_arguments
from churn_torch.cli.commands import COMMANDS, run_workflow
from churn_torch.cli.error_messages import explain
from churn_torch.cli.help import command_help, help_topic, list_commands
from churn_torch.cli.keys import CONF, check_sample
from churn_torch.cli.overrides import quote_overrides, with_suited_data
from churn_torch.cli.sweep import SweepFailed
from churn_torch.console import show, tables_once
from churn_torch.errors import InputError, escaped, suggest, without_secrets


def run_command(name: str) -> None:
    """Run a command with Hydra; exit 1 with one sentence on a user's error.

    Args:
        name: One of `COMMANDS`, which is also the name of its file in conf/.
    """
    # Hydra then raises instead of printing, and the sentence is ours.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        _check_current_folder()
        if (topic := help_topic(sys.argv[1:])) is not None:
            print(command_help(name, topic, sys.argv[1:]))
            return
        _run_with_hydra(name)
    except BrokenPipeError:  # `| head` has seen enough
        sys.stdout = None
    except KeyboardInterrupt:
        _say_interrupted()
    except SystemExit:
        if interruption.interrupted():
            _say_interrupted()
        raise
    except Exception as error:
        if interruption.interrupted():  # libraries answer to it with errors of their own
            _say_interrupted()
        sentence = explain(error, name, sys.argv[1:])
        run_folders.remove_empty()  # a suggestion composes once more, which may make one
        if sentence is None:
            raise
        left = run_folders.interrupted() if isinstance(error, OSError) else None
        more = f" Then continue with resume={left}." if left else ""
        print(escaped(f"Error: {sentence.removesuffix('.')}.{more}"), file=sys.stderr)
        sys.exit(1)


def _check_current_folder() -> None:
    try:
        os.getcwd()
    except OSError as error:
        raise InputError(
            "the current folder",
            expected="one that is there",
            got=f"{error.strerror}: it has been removed or closed to you",
            fix="go to another one (cd)",
        ) from error


def _say_interrupted() -> NoReturn:
    """Say how to go on after a signal, and exit as the shell expects it."""
    sentence = "Interrupted."
    if (left := run_folders.interrupted()) is not None:
        sentence = f"Interrupted; continue with churn-torch train resume={left}."
    interruption.say(sentence)
    sys.exit(interruption.exit_code())


def command_named() -> str:
    """Return the command that the first argument names, or answer what else it asks for.

    Raises:
        SystemExit: It is answered.
    """
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
    run_folders.CURRENT.clear()
    run_folders.SWEEP.clear()
    OmegaConf.register_new_resolver("run_folder", run_folders.choose, use_cache=True, replace=True)
    OmegaConf.register_new_resolver("sweep_folder", run_folders.choose_sweep, replace=True)
    OmegaConf.register_new_resolver("output_folder", run_folders.as_it_stands, replace=True)
    given = sys.argv
    start = 2 if given[1:2] == [name] else 1  # `churn-torch train ...` or `scripts/train.py ...`
    check_arguments(given[start:], name)
    overrides = quote_overrides(with_suited_data(name, given[start:]))
    run_folders.note_run_dir(overrides)

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
    try:
        with tables_once():
            hydra.main(version_base="1.3", config_path=str(CONF), config_name=name)(task)()
    except SweepFailed as error:
        raised.append(error.__cause__ or error)
    except BaseException as error:  # before or after the task, which may have made a folder
        raised.append(error)
    if raised:
        from churn_torch.workflows.runs.claim import remove_if_useless

        # Whatever is logged from here on must not look for train.log.
        for handler in list(logging.getLogger().handlers):
            logging.getLogger().removeHandler(handler)
            handler.close()
        for folder in run_folders.FRESH:
            remove_if_useless(folder, raised[0])
    run_folders.remove_empty()
    if raised:
        raise raised[0]


def _run(name: str, config: DictConfig) -> dict[str, Any] | None:
    current = HydraConfig.get()
    folder = Path(run_folders.as_it_stands(_root_=OmegaConf.create({"hydra": current})))
    run_folders.CURRENT[:] = [folder]
    check_sample(current.overrides.task, current.runtime.choices)
    metrics = run_workflow(
        name,
        config,
        folder,
        lambda: Path(run_folders.choose(config.outputs, None)),
    )
    if debug := current.runtime.choices.get("debug"):
        show(f"This was a trial (debug={debug}): the numbers say nothing about the model.")
    return metrics


def _run_member(name: str, config: DictConfig) -> dict[str, Any]:
    """Run one member of a sweep; its failure is kept for the summary and ends nothing."""
    try:
        return {"status": "ok", "metrics": _run(name, config)}
    except BaseException as error:
        if interruption.interrupted():  # libraries answer to it with errors of their own
            for folder in run_folders.CURRENT:
                run_folders.remove_useless_member(folder, error)
            raise KeyboardInterrupt from error
        if not isinstance(error, Exception):
            raise
        with contextlib.suppress(OSError):  # a full disk takes no log either
            logging.getLogger("churn_torch").error(without_secrets(traceback.format_exc()))
        sentence = explain(error, name) or f"{type(error).__name__}: {error}"
        print(escaped(f"Failed: {sentence}"), file=sys.stderr)
        return {"status": "failed", "error": sentence}

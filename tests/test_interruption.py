"""Signals, each in a fork of this process."""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import os
import runpy
import signal
import sys
import time
from collections.abc import Callable

import pytest

from churn_torch import interruption
from churn_torch.cli import main, run_command

SIGNALS = interruption.SIGNALS


def raised(number: int) -> None:
    signal.raise_signal(number)
    raise AssertionError("the signal was lost")


def swallowed(number: int) -> None:
    """As by a finalizer, whose exceptions Python ignores, or by a library."""
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(number)
    time.sleep(60)


def turned_into_an_error(number: int) -> None:
    try:
        signal.raise_signal(number)
    except KeyboardInterrupt:
        raise RuntimeError("Query interrupted") from None


def answered_by_an_exit(number: int) -> None:
    try:
        signal.raise_signal(number)
    except KeyboardInterrupt:
        sys.exit(1)


def while_a_class_is_made(number: int) -> None:
    """As during an import: Python answers with an error of its own."""

    class Named:
        def __set_name__(self, owner: type, name: str) -> None:
            signal.raise_signal(number)

    class Owner:
        attribute = Named()


def twice(number: int) -> None:
    """The second, which the terminal sends too, does not disturb the cleaning up."""
    try:
        signal.raise_signal(number)
    finally:
        signal.raise_signal(number)
        time.sleep(1.5 * interruption.AGAIN)  # nor is it raised again
        print("cleaned up", file=sys.stderr)


def ends(case: Callable[[int], None], number: int, file: int) -> None:
    atexit._clear()  # what is registered belongs to the tests' own process
    os.dup2(file, 2)
    sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115 - of this process alone
    for each in SIGNALS:  # the tests may run in the background, where some are ignored
        signal.signal(each, signal.SIG_DFL)

    def _run(name: str) -> None:
        case(number)

    run_command._run_with_hydra = _run
    sys.argv = ["train.py"]
    main.main("train")


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize(
    "case",
    [
        *(raised, swallowed, turned_into_an_error, answered_by_an_exit),
        *(while_a_class_is_made, twice),
    ],
)
def test_every_end_is_orderly(tmp_path, case: Callable[[int], None], number: int) -> None:
    with (tmp_path / "said").open("w+") as said:
        context = multiprocessing.get_context("fork")
        process = context.Process(target=ends, args=(case, number, said.fileno()))
        process.start()
        process.join()
        assert process.exitcode == 128 + number
        said.seek(0)
        words = {twice: "cleaned up\nInterrupted.\n"}
        assert said.read() == words.get(case, "Interrupted.\n")


def interrupted_before_a_command(number: int, file: int) -> None:
    main._run = lambda name: while_a_class_is_made(number)
    ends(raised, number, file)


def test_the_imports_of_a_command_are_interrupted_too(tmp_path) -> None:
    with (tmp_path / "said").open("w+") as said:
        context = multiprocessing.get_context("fork")
        arguments = (signal.SIGTERM, said.fileno())
        process = context.Process(target=interrupted_before_a_command, args=arguments)
        process.start()
        process.join()
        assert process.exitcode == 128 + signal.SIGTERM
        said.seek(0)
        assert said.read() == "Interrupted.\n"


def test_closed_streams_are_those_of_nobody(monkeypatch) -> None:
    opened = []
    monkeypatch.setattr(os, "fstat", lambda number: os.stat(os.devnull if number else "/absent"))
    monkeypatch.setattr(os, "open", lambda *arguments: opened.append(arguments))
    monkeypatch.setattr(sys, "stdout", None)
    interruption._open_closed_streams()
    assert opened == [(os.devnull, os.O_RDWR)]
    assert sys.stdout.fileno() == 1
    sys.stdout = None


def test_a_job_of_the_background_keeps_ignoring_ctrl_c() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        interruption.handle_signals()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) is interruption._interrupt
    finally:
        for number, handler in zip(SIGNALS, before, strict=True):
            signal.signal(number, handler)


def test_ctrl_c_ends_a_starting_process_of_ddp_without_a_word(monkeypatch) -> None:
    before = signal.getsignal(signal.SIGINT)
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        runpy.run_path(main.__file__)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        # As Python marks a process that it spawns while that imports its script.
        process = multiprocessing.current_process()
        monkeypatch.setattr(process, "_inheriting", True, raising=False)
        runpy.run_path(main.__file__)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGINT, before)

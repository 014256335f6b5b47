"""The process of a command: signals from its first moment on, and its end.

What takes a while to import is imported inside, where an interruption is handled.
"""

from __future__ import annotations

import os
import signal
import sys

from churn_torch import interruption


def _is_starting_process() -> bool:
    """Return whether Python has just started this process for another and imports its script."""
    starter = sys.modules.get("multiprocessing.process")
    return starter is not None and getattr(starter.current_process(), "_inheriting", False)


# Ctrl-C also reaches a process of trainer=ddp, which goes on to import torch. It ends without a
# word, because the command that started it speaks.
if _is_starting_process() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def main(name: str | None = None) -> None:
    """Run a command in a process of its own, and end the process with it.

    Args:
        name: One of `churn_torch.cli.commands.COMMANDS`; None takes the first argument, as
            ``churn-torch NAME`` does.
    """
    interruption.handle_signals()
    code: int | str | None = 0
    try:
        from churn_torch.cli.run_command import command_named, run_command
        from churn_torch.console import replace_unprintable

        replace_unprintable()
        run_command(name or command_named())
    except SystemExit as stopped:
        code = stopped.code
    except KeyboardInterrupt:  # while modules were imported, or between two steps
        interruption.ignore_signals()
        interruption.say("Interrupted.")
        code = interruption.exit_code()
    _end_process(code)


def _end_process(code: int | str | None) -> None:
    """Exit without the interpreter's own shutdown, where nothing needs it.

    It visits every object of torch once more and frees them one by one, 1.4 s of CPU. With
    `gc.freeze` it takes 0.3 s, but DuckDB then prints that its own objects have leaked. Functions
    registered with `atexit` run. Other threads are waited for, but not after an interruption.
    """
    import atexit
    import contextlib
    import threading

    threads = (thread for thread in threading.enumerate() if not thread.daemon)
    is_alone = all(thread is threading.main_thread() for thread in threads)
    if not is_alone and not interruption.interrupted():
        sys.exit(code)
    interruption.ignore_signals()
    if isinstance(code, str):
        print(code, file=sys.stderr)
        code = 1
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError):  # a pipe or a terminal that was closed
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    os._exit(code or 0)

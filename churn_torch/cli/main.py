"""The entry of a command: what takes a while to import is imported where signals are handled."""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # as in `interruption`
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
    interruption.run_as_process(lambda: _run(name))


def _run(name: str | None) -> None:
    from churn_torch.cli.run_command import command_named, run_command
    from churn_torch.console import replace_unprintable

    replace_unprintable()
    run_command(name or command_named())


if __name__ == "__main__":
    main()

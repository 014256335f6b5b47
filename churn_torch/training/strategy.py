"""The strategy of `trainer=ddp`: the modules add up gradients themselves."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import signal
import sys
from collections.abc import Iterator

import torch
from pytorch_lightning.strategies import DDPStrategy

from churn_torch.errors import InputError


def check_processes() -> None:
    """Refuse to start processes where Python cannot: each one imports the script that it is from.

    Raises:
        InputError: This is a notebook or an interactive Python, which has no script.
        SystemExit: This is such a process, importing a script that would start the next.
    """
    if hasattr(sys, "ps1"):
        raise InputError(
            "trainer",
            expected="one process (trainer=auto, cpu or gpu) in a notebook or interactive Python",
            got="ddp, which starts several",
            fix="run churn-torch train trainer=ddp, or a script",
        )
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        sys.exit(1)


def unguarded_script() -> InputError:
    """Return the error for processes that have ended as soon as they were started."""
    return InputError(
        "trainer",
        expected="a script that starts its work under if __name__ == '__main__': with trainer=ddp",
        got="processes that ended at their start",
        fix="put the call there, as every process imports the script",
    )


@contextlib.contextmanager
def ended_with_the_fit() -> Iterator[None]:
    """End the processes that a fit has started where it fails or is interrupted."""
    before = {process.pid for process in multiprocessing.active_children()}
    try:
        yield
    except BaseException:
        for process in multiprocessing.active_children():
            if process.pid not in before:
                process.kill()
                process.join()
        raise


class SummedProcesses(DDPStrategy):
    """Distributed data parallel without torch's wrapper around the module.

    The wrapper adds up gradients after one backward pass a step. Here one step of the trainer is
    many minibatches, or a part of a pass of the exact solvers, so the modules add up gradients and
    sums themselves.
    """

    def __init__(self) -> None:
        # Only the fit runs in several processes; the main one reads, evaluates and writes.
        super().__init__(start_method="spawn")

    def setup_environment(self) -> None:
        """Make a new process as quiet as the main one, with one torch thread."""
        for name in ("pytorch_lightning", "lightning_fabric"):
            logging.getLogger(name).setLevel(logging.WARNING)
        torch.set_num_threads(1)
        if multiprocessing.parent_process() is not None:
            # Torch lets the kernel send this when the main process dies. In the middle of a sum
            # over all processes no handler of Python's would run.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        super().setup_environment()

    def configure_ddp(self) -> None:
        """Leave the module as it is."""

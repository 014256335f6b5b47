"""Work of a library in a thread: a signal, a limit of memory or of time ends the wait for it.

DuckDB looks at signals only between steps of its own, SQLite and onnxruntime never do.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from churn_torch import interruption

T = TypeVar("T")

# The name of the threads.
THREAD = "churn_torch-bounded"
_POLL_SECONDS = 0.05
# Seconds that it has to stop; what does not dies with the process.
_GRACE_SECONDS = 1.0


class TooMuchError(Exception):
    """Work takes more memory or time than it may; the message says which."""


def run_bounded(
    work: Callable[[], T],
    *,
    interrupt: Callable[[], object] = lambda: None,
    memory: int | None = None,
    seconds: float | None = None,
) -> T:
    """Return what work returns, or raise what it raises.

    Args:
        work: Called in a thread of its own.
        interrupt: Tells the library to stop; work that does not stop is left to itself.
        memory: Bytes by which the process may grow meanwhile: the libraries do not count
            all that they take. None for any number, and where the system does not say.
        seconds: How long it may take; None for any time.

    Raises:
        TooMuchError: It takes more.
        KeyboardInterrupt: A signal has come.
    """
    done = threading.Event()
    results: list[T] = []
    errors: list[BaseException] = []

    def target() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)
        finally:
            done.set()

    start, before = time.monotonic(), _resident_bytes()
    thread = threading.Thread(target=target, name=THREAD, daemon=True)
    thread.start()
    try:
        while not done.wait(_POLL_SECONDS):
            if interruption.interrupted():  # this may be a thread that no signal reaches
                raise interruption.Interrupted
            if memory is not None and _resident_bytes() - before > memory:
                raise TooMuchError(f"more than {memory / 1e9:.1f} GB of memory")
            if seconds is not None and time.monotonic() - start > seconds:
                raise TooMuchError(f"more than {seconds:.0f} s")
    except BaseException:
        interrupt()
        thread.join(_GRACE_SECONDS)
        raise
    if errors:
        raise errors[0]
    return results[0]


def _resident_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
    except OSError:  # not Linux
        return 0

"""An orderly end: Ctrl-C, SIGTERM and a closed terminal end a command alike, whatever it is doing.

Nothing here imports anything that takes a while: the handlers are set before that.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from types import FrameType

SIGNALS = [signal.SIGINT, signal.SIGTERM]
if hasattr(signal, "SIGHUP"):
    SIGNALS.append(signal.SIGHUP)
# Seconds until a lost interruption is raised again: Python ignores what is raised in a finalizer.
AGAIN = 1.0
# A second signal within so many seconds of the first means the first, which may reach a process
# twice: from the terminal and from the program that started it.
SAME = 3.0

# Seconds after which a process ends that hangs in its own end; the next run removes what is left.
LONGEST = 20.0

_first: signal.Signals | None = None
_first_at = 0.0
_ending = False


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, SIGTERM or SIGHUP."""


def handle_signals() -> None:
    """Let the signals raise `Interrupted` in the main thread, also during imports."""
    global _first, _ending
    _first, _ending = None, False
    for number in SIGNALS:
        # A shell starts jobs of the background with SIGINT ignored, nohup all with SIGHUP ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def interrupted() -> bool:
    """Return whether a signal has come; errors that follow it are only its consequence."""
    return _first is not None


def exit_code() -> int:
    """Return what the shell expects of an interrupted process: 130, 143 or 129."""
    return 128 + (_first or signal.SIGINT)


def ignore_signals() -> None:
    """Let nothing interrupt the last steps of a process."""
    global _ending
    _ending = True
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def say(sentence: str) -> None:
    """Print to stderr, where there is still a terminal."""
    with contextlib.suppress(OSError):
        print(sentence, file=sys.stderr)


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _first, _first_at
    # `time` would be one more import; the system's clock is as good.
    now = os.times().elapsed
    if _first is None:
        _first, _first_at = signal.Signals(number), now
        signal.signal(signal.SIGALRM, _raise_again)
    elif now - _first_at < SAME:
        return
    else:  # the user does not want to wait; the next run removes what is left
        os._exit(exit_code())
    signal.setitimer(signal.ITIMER_REAL, AGAIN, AGAIN)
    raise Interrupted


def _raise_again(number: int, frame: FrameType | None) -> None:
    """Raise the interruption once more, unless it is on its way: cleaning up may take a while."""
    if os.times().elapsed - _first_at > LONGEST:
        os._exit(exit_code())
    if _ending:
        return
    error = sys.exception()
    while error is not None:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            return
        error = error.__context__
    raise Interrupted

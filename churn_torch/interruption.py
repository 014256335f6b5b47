"""An orderly end: Ctrl-C, SIGTERM and a closed terminal end a command alike, whatever it is doing.

Until the handlers are set, Python answers with a traceback. So nothing is imported before that but
what Python loads at its own start: `signal` and `contextlib` take longer than all of this.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # what `signal` gives names to
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import NoReturn

SIGNALS: list[int] = [signal.SIGINT, signal.SIGTERM]
if hasattr(signal, "SIGHUP"):
    SIGNALS.append(signal.SIGHUP)
# Seconds until a lost interruption is raised again: Python ignores what is raised in a finalizer.
AGAIN = 1.0
# A second signal within so many seconds of the first means the first, which may reach a process
# twice: from the terminal and from the program that started it.
SAME = 3.0

# Seconds after which a process ends that hangs in its own end; the next run removes what is left.
LONGEST = 20.0

_first: int | None = None
_first_at = 0.0
_ending = False


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, SIGTERM or SIGHUP."""


def run_as_process(command: Callable[[], object]) -> NoReturn:
    """Run a command in a process of its own, and end the process with it.

    Args:
        command: What takes a while to import is imported in it. It may raise `SystemExit`.
    """
    code: int | str | None = 0
    try:
        handle_signals()
        _open_closed_streams()
        try:
            command()
        except SystemExit as stopped:
            code = stopped.code
        if not interrupted():
            import threading

            # As at the end of Python: waits for the others.
            threading._shutdown()  # type: ignore[attr-defined]
        ignore_signals()
    except BaseException as error:
        # A class that is made during an import, say, answers with an error of its own.
        if not (interrupted() or isinstance(error, KeyboardInterrupt)):
            raise
        ignore_signals()
        say("Interrupted.")
        code = exit_code()
    _end_process(code)


def handle_signals() -> None:
    """Let the signals raise `Interrupted` in the main thread, also during imports."""
    global _first, _ending
    _first, _ending = None, False
    for number in SIGNALS:
        # A shell starts jobs of the background with SIGINT ignored, nohup all with SIGHUP ignored.
        if signal.getsignal(number) != signal.SIG_IGN:
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
    try:  # noqa: SIM105 - `contextlib` is not loaded yet
        print(sentence, file=sys.stderr)
    except OSError:
        pass


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _first, _first_at
    # `time` would be one more import; the system's clock is as good.
    now = os.times().elapsed
    if _first is None:
        _first, _first_at = number, now
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


def _open_closed_streams() -> None:
    """Give a process without stdin, stdout or stderr (``>&-``) those of nobody.

    The next file that is opened would take the number of the stream, and be written to.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _end_process(code: int | str | None) -> NoReturn:
    """Exit without the interpreter's own shutdown.

    It visits every object of torch once more and frees them one by one, 1.4 s of CPU. With
    `gc.freeze` it takes 0.3 s, but DuckDB then prints that its own objects have leaked. A signal
    that comes meanwhile would kill. Functions registered with `atexit` run.
    """
    import atexit

    if isinstance(code, str):
        print(code, file=sys.stderr)
        code = 1
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except BrokenPipeError:  # `| head` has seen enough
            pass
        except OSError as error:
            say(
                f"Error: {stream.name}: expected a place that can be written, got {error.strerror}."
            )
            code = code or 1
    os._exit(code or 0)

"""Programs of Python as forks of this process, which start at once, for `fuzz_sources`."""

from __future__ import annotations

import dataclasses
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import IO

import pandas as pd  # noqa: F401 - what the programs import
import pyarrow.ipc  # noqa: F401
import pyreadstat  # noqa: F401
import python_calamine  # noqa: F401

TimeoutExpired, DEVNULL = subprocess.TimeoutExpired, subprocess.DEVNULL


class Popen:
    """Does what `subprocess.Popen` does for ``python -P program arguments``, in a fork.

    It waits for the end. Asked the same once more, it gives what came the first time.
    """

    def __init__(
        self, command: list[str], *, stdin: int, stdout: IO[bytes], stderr: IO[bytes]
    ) -> None:
        """Run the program."""
        if _last.command != command:
            _last.command, _last.code = command, _run(command, stdout, stderr)
            stdout.seek(0)
            stderr.seek(0)
            _last.said = (stdout.read(), stderr.read())
        else:
            stdout.write(_last.said[0])
            stderr.write(_last.said[1])
        stdout.flush()

    def wait(self, timeout: float) -> int:
        """Return how the program has ended."""
        return _last.code

    def kill(self) -> None:
        """Do nothing: it has ended."""

    def __enter__(self) -> Popen:
        """Do nothing."""
        return self

    def __exit__(self, *error: object) -> None:
        """Do nothing."""


@dataclasses.dataclass
class _Last:
    """What was run last."""

    command: list[str] | None = None
    code: int = 0
    said: tuple[bytes, bytes] = (b"", b"")


_last = _Last()


def _run(command: list[str], stdout: IO[bytes], stderr: IO[bytes]) -> int:
    child = os.fork()
    if not child:
        os._exit(_program(command[2:], stdout, stderr))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _program(argv: list[str], stdout: IO[bytes], stderr: IO[bytes]) -> int:
    os.dup2(stdout.fileno(), 1)
    os.dup2(stderr.fileno(), 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    # The limit of memory is for a process that starts with none.
    lines = Path("/proc/self/status").read_text().splitlines()
    here = next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmData"))
    sys.argv = [argv[0], str(int(argv[1]) + here), *argv[2:]]
    code = 0
    try:
        runpy.run_path(argv[0], run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        code = int(end.code is not None)
    except BaseException as error:
        print(error, file=sys.stderr)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code

"""Programs of Python in a process that has started already, for `fuzz_sources`.

The process is a fork of this one. It runs program after program, and another fork takes its place
where it dies, or after `PROGRAMS` of them.
"""

from __future__ import annotations

import array
import contextlib
import dataclasses
import gc
import json
import os
import resource
import runpy
import socket
import subprocess
import sys
from pathlib import Path
from typing import IO

import pandas as pd  # noqa: F401 - what the programs import
import pyarrow.ipc  # noqa: F401
import pyreadstat  # noqa: F401
import python_calamine  # noqa: F401

TimeoutExpired, DEVNULL = subprocess.TimeoutExpired, subprocess.DEVNULL
PROGRAMS = 500


class Popen:
    """Does what `subprocess.Popen` does for ``python -P program arguments``.

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


@dataclasses.dataclass
class _Worker:
    """The process that runs programs."""

    pid: int = 0
    line: socket.socket | None = None
    n: int = 0


_last, _worker = _Last(), _Worker()


def _run(command: list[str], stdout: IO[bytes], stderr: IO[bytes]) -> int:
    if _worker.line is None or _worker.n >= PROGRAMS:
        _end()
        _start()
    line = _worker.line
    assert line is not None
    _worker.n += 1
    files = array.array("i", [stdout.fileno(), stderr.fileno()])
    line.sendmsg(
        [json.dumps(command[2:]).encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)]
    )
    code = line.recv(16)
    return int(code) if code else _end()


def _start() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    _worker.pid, _worker.line, _worker.n = os.fork(), ours, 0
    if not _worker.pid:
        ours.close()
        _serve(theirs)
    theirs.close()


def _end() -> int:
    """End the process; return the code it ends with."""
    if _worker.line is None:
        return 0
    _worker.line.close()
    _worker.line = None
    return os.waitstatus_to_exitcode(os.waitpid(_worker.pid, 0)[1])


def _serve(line: socket.socket) -> None:
    gc.freeze()
    setrlimit = resource.setrlimit
    # A limit that only a superuser can lift again stays as it is.
    resource.setrlimit = lambda kind, limits: setrlimit(
        kind, (limits[0], resource.getrlimit(kind)[1])
    )
    while True:
        said, files, _, _ = socket.recv_fds(line, 1 << 16, 2)
        if not said:
            os._exit(0)
        code = _program(json.loads(said), *files)
        for kind in (resource.RLIMIT_DATA, resource.RLIMIT_FSIZE, resource.RLIMIT_CPU):
            resource.setrlimit(kind, (resource.RLIM_INFINITY, 0))
        line.send(str(code).encode())


def _program(argv: list[str], stdout: int, stderr: int) -> int:
    os.dup2(stderr, 2)
    sys.argv = [argv[0], *_limits(*argv[1:3]), *argv[3:]]
    code = 0
    with (
        os.fdopen(stdout, "w") as out,
        os.fdopen(stderr, "w") as errors,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(errors),
    ):
        try:
            runpy.run_path(argv[0], run_name="__main__")
        except SystemExit as end:
            if isinstance(end.code, str):
                print(end.code, file=sys.stderr)
            code = int(end.code is not None)
        except BaseException as error:
            print(error, file=sys.stderr)
            code = 1
    return code


def _limits(memory: str, seconds: str) -> tuple[str, str]:
    """Return limits for a process that has taken memory and seconds before."""
    lines = Path("/proc/self/status").read_text().splitlines()
    here = next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmData"))
    used = resource.getrusage(resource.RUSAGE_SELF)
    return str(int(memory) + here), str(int(seconds) + int(used.ru_utime + used.ru_stime))

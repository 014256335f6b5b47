"""Parsers in a process of their own: a damaged file can crash them or keep them busy forever."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from math import ceil
from pathlib import Path
from typing import IO

from churn_torch import interruption
from churn_torch.tables.readers.limited_process import OUT_OF_MEMORY
from churn_torch.tables.readers.packing import Stored, unreadable
from churn_torch.whole_files import in_bytes

_LIMITED = Path(__file__).with_name("limited_process.py")
# How long a parser may take of the processor: a start, and far more than so many bytes need. By the
# clock it may take ten times as long, as the machine may be busy.
_SECONDS = 8.0
_BY_THE_CLOCK = 10
_OUT_OF_TIME = -24  # SIGXCPU, which Windows does not have
_BYTES_PER_SECOND = 50_000
# What libraries in Rust and C++ say before they end for want of memory.
_NO_MEMORY = ("memory allocation of ", "std::bad_alloc")
# Seconds between two looks whether it is to go on.
_LOOK = 0.2
# How much memory it may take: its libraries, and far more than so many bytes need.
_MEMORY = 1 << 30
_MEMORY_PER_BYTE = 1000


@contextlib.contextmanager
def output_of(
    program: Path, path: Path, *arguments: str, stored: Stored, expected: str, fix: str
) -> Iterator[IO[bytes]]:
    """Run a program of Python on a file and give what it writes.

    Args:
        program: The program, whose ``main`` takes the path and the arguments.
        path: The content on disk.
        arguments: What else the program takes.
        stored: The file, for a message.
        expected: What the file should be, for a message.
        fix: What the user can do, for a message.

    Raises:
        InputError: The program fails, dies or takes far too long: the file is damaged.
    """
    size = path.stat().st_size
    limit = _MEMORY + _MEMORY_PER_BYTE * size
    seconds = _SECONDS + size / _BYTES_PER_SECOND
    # -P: nothing beside the program, such as a queries.py, is taken for a package.
    command = [sys.executable, "-P", str(_LIMITED), str(limit), str(ceil(seconds))]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [*command, str(program), str(path), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
        )
        code = _exit_code(process, _BY_THE_CLOCK * seconds)
        if code in (None, _OUT_OF_TIME):
            problem = f"its reader has not come to an end in {seconds:.0f} s"
            raise unreadable(stored, problem, expected=expected, fix=fix)
        if code:
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip()
            if code == OUT_OF_MEMORY or (code < 0 and any(sign in said for sign in _NO_MEMORY)):
                problem = f"its reader needs more memory than it gets, at most {in_bytes(limit)}"
            elif code > 0 and said:
                problem = said.splitlines()[-1]
            else:
                problem = f"its reader crashes, signal {-code}"
            raise unreadable(stored, problem, expected=expected, fix=fix)
        out.seek(0)
        yield out


def _exit_code(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    """Wait for a process, and end it when it takes too long, or when this process is to end."""
    deadline = time.monotonic() + seconds
    with process:
        try:
            while time.monotonic() < deadline:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return process.wait(_LOOK)
                # A thread that reads in advance is not told of Ctrl-C, and the main thread waits.
                if interruption.interrupted():
                    raise KeyboardInterrupt
        finally:
            process.kill()
    return None

"""A program: runs a parser within limits of memory, disk and time; an error of it becomes a line.

Arguments: how many bytes it may have in memory and write, how many seconds of the processor it may
take, the program, whose ``main`` is called, and the arguments of that. Nothing of the package is
imported, so it starts at once.
"""

from __future__ import annotations

import runpy
import sys

# The exit code where it needs more memory than it may have.
OUT_OF_MEMORY = 3


def main(size: str, seconds: str, program: str, *arguments: str) -> None:
    """Run the program."""
    if sys.platform == "win32":
        runpy.run_path(program)["main"](*arguments)
        return
    import resource

    # The second ends a program that does not hear the first.
    _limit(resource.RLIMIT_CPU, int(seconds), int(seconds) + 1)
    parser = runpy.run_path(program)["main"]
    # Now, as libraries reserve memory by the number of cores.
    for kind in (resource.RLIMIT_DATA, resource.RLIMIT_FSIZE):
        _limit(kind, int(size), int(size))
    _limit(resource.RLIMIT_CORE, 0, 0)  # a dump would hold cells
    parser(*arguments)


def _limit(kind: int, soft: int, hard: int) -> None:
    """Set a soft and a hard limit; none is raised above the hard one that the user has set."""
    import resource

    most = resource.getrlimit(kind)[1]
    if most != resource.RLIM_INFINITY:
        soft, hard = min(soft, most), min(hard, most)
    resource.setrlimit(kind, (soft, hard))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except MemoryError:
        sys.exit(OUT_OF_MEMORY)
    except BaseException as error:  # errors of its own, of pandas and of Python; Rust's panics
        message = str(error).strip() or type(error).__name__
        sys.exit(message.splitlines()[0])

"""Commands in processes of their own that are forked from one that has imported torch already.

A process of its own imports torch and Lightning for seconds before it does anything. Where a test
needs a process (to kill it, to limit its files, to have two at once) but not its cold start, it
takes one of these. Cold starts are tested in tests/test_scripts.py and tests/cli.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from churn_torch.cli.main import main

# The server that forks is one for all tests of a process; who starts it names what it imports.
IMPORTED = ["churn_torch.workflows.train", "churn_torch.workflows.tune"]


def preload() -> None:
    """Let processes of the kind ``forkserver`` be forked from one that has imported the package.

    They have the environment of the first test that wants one, so MLflow's file store, which a test
    of trainer=ddp takes because a new database is slow, is allowed for all.
    """
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    multiprocessing.set_forkserver_preload(IMPORTED)


class WarmProcess:
    """A command that runs in a process of its own; what it says goes to files outside ``cwd``.

    Args:
        name: The command, as `churn_torch.cli.main.main` takes it.
        arguments: What stands on its command line.
        cwd: Folder that it runs in.
        largest_file: The kernel refuses to write more bytes than that into a file.
    """

    def __init__(
        self, name: str, *arguments: object, cwd: Path, largest_file: int | None = None
    ) -> None:
        preload()
        self._said = tempfile.TemporaryDirectory()
        self._arguments = [name, *map(str, arguments)]
        self._process = multiprocessing.get_context("forkserver").Process(
            target=_run,
            args=(self._arguments, cwd, Path(self._said.name), dict(os.environ), largest_file),
        )
        self._process.start()

    def kill(self) -> None:
        """Send SIGKILL."""
        self._process.kill()

    def is_running(self) -> bool:
        return self._process.is_alive()

    def finish(self) -> subprocess.CompletedProcess[str]:
        """Wait until it has ended; return its exit code and what it said."""
        self._process.join()
        code = self._process.exitcode
        self._process.close()
        assert code is not None
        out, err = (Path(self._said.name, stream).read_text() for stream in ("out", "err"))
        self._said.cleanup()
        return subprocess.CompletedProcess(self._arguments, code, out, err)


def _run(
    arguments: list[str], cwd: Path, said: Path, environment: dict[str, str], largest: int | None
) -> None:
    """Do in the new process what the shell and Python do before a script begins."""
    for stream, name in ((1, "out"), (2, "err")):
        file = os.open(said / name, os.O_WRONLY | os.O_CREAT)
        os.dup2(file, stream)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    if largest is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    sys.argv = arguments
    main(arguments[0])

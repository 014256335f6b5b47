"""The life of a server: signals at any moment, the clock of its connections, another model file."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import uvicorn
from anyio import to_thread
from fastapi import FastAPI

from churn_torch.console import show
from churn_torch.errors import InputError, escaped
from churn_torch.serving.http.connections import Connection
from churn_torch.serving.http.limits import Limits, Places
from churn_torch.serving.http.server import replace_model
from churn_torch.serving.model_file import ModelFile
from churn_torch.serving.run_model import find_model

# Swagger shows texts of the model file as Markdown, which may name pictures of other hosts.
OWN_CONTENT = "default-src 'self' 'unsafe-inline' data:; frame-ancestors 'none'"

# Seconds between two looks at the connections, and how many of them between two at the file.
TICK, LOOKS = 0.1, 10

log = logging.getLogger("churn_torch.server")


class Reloading:
    """Reads the model file again when it is asked to (SIGHUP), or when the file has changed.

    A server in a window ends on the SIGHUP of the window's closing, unless nohup started it.

    Args:
        app: What answers with the model.
        run: The run folder, or the file.
        watch: Whether to look for changes.
    """

    def __init__(self, app: FastAPI, run: str, *, watch: bool) -> None:
        self._app, self._run, self._watch = app, run, watch
        self._is_wanted = False
        self._known = self._seen = self._state()
        self._has_window = self._had_window = _has_terminal()
        if hasattr(signal, "SIGHUP"):
            before = signal.signal(signal.SIGHUP, self._want)
            self._has_window &= before is not signal.SIG_IGN  # started by nohup

    def _want(self, number: int, frame: FrameType | None) -> None:
        if self._has_window and not _has_terminal():
            os.kill(os.getpid(), signal.SIGTERM)  # it was closed
        self._is_wanted = True

    def _look_for_window(self) -> None:
        """Notice that the window was closed and no signal came (disown): later ones reload."""
        had, self._had_window = self._had_window, _has_terminal()
        self._has_window &= had or self._had_window

    def _state(self) -> tuple[str, int, int, int] | None:
        try:
            path = find_model(self._run)
            found = path.stat()
        except (InputError, OSError):  # absent for the moment, or not finished
            return None
        return (os.path.realpath(path), found.st_mtime_ns, found.st_size, found.st_ino)

    async def look(self) -> None:
        """Read the file again if it was asked for, or if it has changed and is whole."""
        self._look_for_window()
        if self._watch:
            # A file that is being written changes between two looks.
            state, last = self._state(), self._seen
            self._seen = state
            self._is_wanted |= state is not None and state == last != self._known
        if not self._is_wanted:
            return
        self._is_wanted = False
        self._known = self._state()
        count = self._app.state.counters.count_reload
        try:
            path = find_model(self._run)
            replace_model(self._app, await to_thread.run_sync(ModelFile, path))
        except (InputError, OSError) as error:
            count("refused")
            log.error("The model was not replaced, and the one before it still answers: %s", error)
        else:
            count("replaced")
            show(f"{path} was read again and answers now.")


def _allow_files(n: int) -> None:
    """Let this process have so many connections, where the system allows it."""
    if sys.platform != "win32":
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = n + 200 if hard == resource.RLIM_INFINITY else min(n + 200, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY))
    except OSError:
        return False
    return True


def serve_until_stopped(
    app: FastAPI,
    listener: socket.socket,
    limits: Limits,
    reloading: Reloading,
    ready: Callable[[], None],
) -> None:
    """Answer requests until SIGINT or SIGTERM, and then those that have come, for a limited time.

    Args:
        app: The application.
        listener: A socket that listens.
        limits: What clients may take.
        reloading: Reads the model file again.
        ready: Is called when a signal would stop the server.

    Raises:
        SystemExit: With the exit code that a shell expects (130, 143).
    """
    places = Places(limits)
    _allow_files(places.n_open)
    count = partial(app.state.counters.count_request, "other", seconds=0.0)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            access_log=False,
            headers=[
                ("X-Content-Type-Options", "nosniff"),
                ("Cache-Control", "no-store"),
                ("Content-Security-Policy", OWN_CONTENT),
            ],
            http=partial(Connection, places=places, count=count),  # type: ignore[arg-type]
            lifespan="off",
            log_config=None,
            proxy_headers=False,
            server_header=False,
            # One second later than the connections end what waits for a client.
            timeout_graceful_shutdown=round(limits.drain_seconds) + 1,
            ws="none",
        )
    )
    _log_to_stderr()
    stopped_by: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        stopped_by.append(number)
        server.should_exit = True

    # uvicorn has handlers of its own while it runs, and passes what they got on to these.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, stop)
    ready()

    async def tick() -> None:
        n = 0
        reads: set[asyncio.Task[None]] = set()
        while True:
            await asyncio.sleep(TICK)
            # After a pause of the whole process (a laptop that slept), what clients have sent
            # meanwhile is read before they count as late: the loop looks at sockets in between.
            for _ in range(2):
                await asyncio.sleep(0)
            places.check(server.server_state.connections, asyncio.get_running_loop().time())
            n += 1
            if n % LOOKS == 0 and not reads:
                reads.add(task := asyncio.create_task(reloading.look()))
                task.add_done_callback(reads.discard)

    async def run() -> None:
        clock = asyncio.create_task(tick())
        await server.serve([listener])
        clock.cancel()

    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(run())
    sys.exit(128 + stopped_by[0])


class _Escaping(logging.Formatter):
    """Shows control characters, which a client might have sent, as escapes."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return escaped(super().formatMessage(record))

    def formatException(self, info: Any) -> str:
        return "\n".join(map(escaped, super().formatException(info).split("\n")))


def _log_to_stderr() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_Escaping("%(levelname)s: %(message)s"))
    # A task that was cancelled because the server ends is no fault.
    handler.addFilter(
        lambda record: (
            not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))
        )
    )
    for logger in (logging.getLogger("uvicorn"), log):
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(logging.ERROR)

"""The order of a server: a model file behind HTTP; torch is not imported."""

from __future__ import annotations

import gc
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from churn_torch.console import show
from churn_torch.errors import InputError
from churn_torch.serving.model_file import ModelFile, find_model
from churn_torch.workflows.typed_config import read_options

if TYPE_CHECKING:
    from omegaconf import DictConfig

# Seconds in which requests may end after the server was asked to stop.
GRACE = 10


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """All of conf/serve.yaml."""

    run: str = "outputs/latest"
    host: str = "127.0.0.1"
    port: int = 8080
    max_rows: int = 10_000
    max_bytes: int = 8_388_608
    max_connections: int = 1_000

    def __post_init__(self) -> None:
        """Check the limits."""
        for key in ("max_rows", "max_bytes", "max_connections"):
            if getattr(self, key) < 1:
                raise InputError(key, expected="1 or more", got=str(getattr(self, key)))


def serve(config: DictConfig | Mapping[str, Any]) -> None:
    """Serve a model file until the process is stopped (SIGTERM or Ctrl-C).

    Args:
        config: The composed configuration (conf/serve.yaml).

    Raises:
        InputError: The file, the address or a limit cannot be used, or the extra is not installed.
    """
    options = read_options(ServeOptions, config)
    path = find_model(options.run)
    try:
        import uvicorn

        from churn_torch.serving.http.server import create_app
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("churn_torch"):
            raise
        raise InputError(
            "serve",
            expected="the packages of the extra [serve]",
            got=f"none called {error.name!r}",
            fix="install them with pip install 'churn-torch[serve]'",
        ) from error
    app = create_app(ModelFile(path), max_rows=options.max_rows, max_bytes=options.max_bytes)
    with listen(options.host, options.port) as listener:
        host, port = listener.getsockname()[:2]
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                access_log=False,
                lifespan="off",
                limit_concurrency=options.max_connections,
                log_level="warning",
                timeout_graceful_shutdown=GRACE,
                ws="none",
            )
        )
        show(f"{path} answers at {address}; try it at {address}/docs, stop it with Ctrl-C.")
        # All present objects stay alive. Without this each full garbage collection would visit
        # them, for 40 ms in which no request is answered.
        gc.collect()
        gc.freeze()
        # uvicorn first finishes the open requests, and then calls these handlers.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))
        server.run([listener])


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on the address.

    Raises:
        InputError: The address does not belong to this machine, or the port is taken.
    """
    if not 0 <= port <= 65_535:
        raise InputError("port", expected="a whole number from 0 to 65535", got=str(port))
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise InputError(
            "",
            expected=f"to listen on host={host} port={port}",
            got=f"an error: {error.strerror}",
            fix="choose another port (port=0 takes any that is free) or host",
        ) from error

"""The order of a server: a model file behind HTTP; torch is not imported."""

from __future__ import annotations

import gc
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from churn_torch.console import show
from churn_torch.errors import InputError
from churn_torch.serving.model_file import ModelFile
from churn_torch.serving.run_model import find_model
from churn_torch.workflows.typed_config import read_options

if TYPE_CHECKING:
    from omegaconf import DictConfig

# The longest time limit, in seconds.
LONGEST = 86_400
_HOST = re.compile(r"\*|(\*\.)?[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]")


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """All of conf/serve.yaml."""

    run: str = "outputs/latest"
    host: str = "127.0.0.1"
    port: int = 8080
    allowed_hosts: tuple[str, ...] | None = None
    reload: bool = False
    max_rows: int = 10_000
    max_bytes: int = 8_388_608
    max_connections: int = 1_000
    head_seconds: float = 10.0
    body_seconds: float = 20.0
    idle_seconds: float = 5.0
    drain_seconds: float = 10.0

    def __post_init__(self) -> None:
        """Check the limits."""
        for key in ("max_rows", "max_bytes", "max_connections"):
            if getattr(self, key) < 1:
                raise InputError(key, expected="1 or more", got=str(getattr(self, key)))
        for key in ("head_seconds", "body_seconds", "idle_seconds", "drain_seconds"):
            seconds = getattr(self, key)
            if not 0 < seconds <= LONGEST:
                raise InputError(
                    key, expected=f"seconds, more than 0 and at most {LONGEST:,}", got=f"{seconds}"
                )
        for name in self.allowed_hosts or ():
            if not _HOST.fullmatch(name):
                raise InputError(
                    "allowed_hosts",
                    expected="names such as churn.example.com or *.example.com",
                    got=repr(name),
                    fix="leave out the protocol and the port",
                )


def serve(config: DictConfig | Mapping[str, Any]) -> None:
    """Serve a model file until the process is stopped (SIGTERM or Ctrl-C).

    Args:
        config: The composed configuration (conf/serve.yaml).

    Raises:
        InputError: The file, the address or a limit cannot be used, or the extra is not installed.
        SystemExit: It was stopped.
    """
    options = read_options(ServeOptions, config)
    path = find_model(options.run)
    try:
        from churn_torch.serving.http.limits import Limits
        from churn_torch.serving.http.running import Reloading, serve_until_stopped
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
    app = create_app(
        ModelFile(path),
        max_rows=options.max_rows,
        max_bytes=options.max_bytes,
        allowed_hosts=options.allowed_hosts,
    )
    reloading = Reloading(app, options.run, watch=options.reload)
    limits = Limits(
        connections=options.max_connections,
        head_seconds=options.head_seconds,
        body_seconds=options.body_seconds,
        idle_seconds=options.idle_seconds,
        drain_seconds=options.drain_seconds,
    )
    with listen(options.host, options.port) as listener:
        # All present objects stay alive. Without this each full garbage collection would visit
        # them, for 40 ms in which no request is answered.
        gc.collect()
        gc.freeze()
        host, port = listener.getsockname()[:2]
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        told = f"{path} answers at {address}; try it at {address}/docs, stop it with Ctrl-C."
        serve_until_stopped(app, listener, limits, reloading, ready=lambda: show(told))


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

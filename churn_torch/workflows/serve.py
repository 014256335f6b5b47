"""The order of things where a model file is enough: the commands that never import torch."""

from __future__ import annotations

import gc
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from churn_torch.console import row_progress, show
from churn_torch.errors import InputError, suggest
from churn_torch.serving.model_file import ModelFile

if TYPE_CHECKING:
    from omegaconf import DictConfig

MODEL = "model.onnx"
# Seconds that requests may still take once the server is told to stop.
GRACE = 10


def serve(config: DictConfig) -> None:
    """Serve a model file until the process is told to stop (SIGTERM or Ctrl-C).

    Args:
        config: The composed configuration (conf/serve.yaml).

    Raises:
        InputError: The file, the address or a limit cannot be used, or the extra is not installed.
    """
    for key in ("max_rows", "max_bytes", "max_connections"):
        if config[key] < 1:
            raise InputError(f"{key}: expected 1 or more, got {config[key]}.")
    path = model_path(config.run)
    try:
        import uvicorn

        from churn_torch.serving.http.server import create_app
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("churn_torch"):
            raise
        raise InputError(
            f"serve: expected the packages of the extra [serve], got none called {error.name!r}; "
            "install them with pip install 'churn-torch[serve]'."
        ) from error
    app = create_app(ModelFile(path), max_rows=config.max_rows, max_bytes=config.max_bytes)
    with listen(config.host, config.port) as listener:
        host, port = listener.getsockname()[:2]
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                access_log=False,
                lifespan="off",
                limit_concurrency=config.max_connections,
                log_level="warning",
                timeout_graceful_shutdown=GRACE,
                ws="none",
            )
        )
        show(f"{path} answers at {address}; try it at {address}/docs, stop it with Ctrl-C.")
        # All that is there now stays; a full collection would look at it again and again, each time
        # for 40 ms in which nobody is answered.
        gc.collect()
        gc.freeze()
        # uvicorn finishes what it has begun, and then hands the signal on to these.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))
        server.run([listener])


def score(config: DictConfig) -> int:
    """Score a table of any size with a model file.

    Args:
        config: The composed configuration (conf/score.yaml).

    Returns:
        The number of rows written.

    Raises:
        InputError: The file, the table or the output cannot be used.
    """
    from churn_torch.serving.scoring import score_table
    from churn_torch.tables.readers import sources

    path = model_path(config.run)
    total = sources.count_rows(config.source, config.database)
    with row_progress() as progress:
        task = progress.add_task("Scoring", total=total)
        n_rows = score_table(
            path,
            config.source,
            config.out,
            keep=config.keep if isinstance(config.keep, str) else list(config.keep),
            database=config.database,
            chunk_rows=config.chunk_rows,
            progress=lambda n: progress.advance(task, n),
        )
    show(f"{n_rows:,} rows scored, written to {config.out}.")
    return n_rows


def model_path(run: str) -> Path:
    """Return the ONNX file of a run folder, or the file itself.

    Raises:
        InputError: There is neither.
    """
    path = Path(run)
    if path.is_file():
        return path
    if not path.is_dir():
        nearby = [str(other) for other in path.parent.glob("*")]
        raise InputError(
            f"run: expected a run folder or an ONNX file, got {run!r}, which is not there"
            f"{suggest(run, nearby)}; train first, or name a folder under outputs/."
        )
    if not (path / MODEL).is_file():
        raise InputError(
            f"run: expected {MODEL} in {run!r}, got none; write it with scripts/export.py "
            f"run={run}."
        )
    return path / MODEL


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on the address.

    Raises:
        InputError: The address is none of this machine, or the port is taken.
    """
    if not 0 <= port <= 65_535:
        raise InputError(f"port: expected a whole number from 0 to 65535, got {port}.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise InputError(
            f"expected to listen on host={host} port={port}, got: {error.strerror}; choose "
            "another port (port=0 takes any that is free) or host."
        ) from error

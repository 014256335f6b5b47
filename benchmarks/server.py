"""Single-row requests a second and their latency, over loopback with keep-alive.

    python benchmarks/server.py RUN [CONNECTIONS] [SECONDS]

Starts scripts/serve.py on a free port, pinned to one core, and sends requests from this process on
another core: first each as soon as the one before is answered, then at half that rate. The second
round is paced by the clock: a late answer is counted from the time when its request was due. The
row is the example of the server's own description.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

# Before this process moves.
CORES = os.sched_getaffinity(0)
ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def started(run: str | Path, *arguments: str, root: Path = ROOT) -> Iterator[tuple[int, int]]:
    """Start the server of a checkout on the first core, and move this process to the last.

    Yields:
        Its pid and port.
    """
    cores = sorted(CORES)
    command = [sys.executable, str(root / "scripts" / "serve.py"), f"run={run}", "port=0"]
    environment = os.environ | {"PYTHONPATH": str(root)}
    with subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, text=True, env=environment
    ) as server:
        try:
            os.sched_setaffinity(server.pid, cores[:1])
            os.sched_setaffinity(0, cores[-1:])
            assert server.stdout is not None
            found = None
            while found is None:
                found = re.search(r"127\.0\.0\.1:(\d+)", server.stdout.readline())
            yield server.pid, int(found[1])
        finally:
            server.terminate()


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> None:
    """Send one request and read its answer.

    Raises:
        RuntimeError: The answer is not a 200.
    """
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    if not head.startswith(b"HTTP/1.1 200") or length is None:
        raise RuntimeError(head.decode())
    await reader.readexactly(int(length[1]))


async def load(
    port: int, request: bytes, *, connections: int, seconds: float, rate: float | None
) -> list[float]:
    """Return the seconds of every answer; `rate` is requests a second, None as fast as it goes."""
    taken: list[float] = []
    start = time.perf_counter()

    async def client(place: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        interval = connections / rate if rate else 0.0
        due = start + interval * place / connections
        while time.perf_counter() < start + seconds:
            if rate:
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
            sent = due if rate else time.perf_counter()
            await exchange(reader, writer, request)
            taken.append(time.perf_counter() - sent)
            due += interval
        writer.close()

    await asyncio.gather(*(client(place) for place in range(connections)))
    return taken


def row_of(port: int) -> bytes:
    """Return the example row of a server as a whole request."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/openapi.json") as response:
        example = json.load(response)["components"]["schemas"]["Customer"]["example"]
    body = json.dumps(example).encode()
    head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def main() -> None:
    """Measure and print."""
    import uvloop

    run = sys.argv[1]
    connections = int(sys.argv[2]) if len(sys.argv) > 2 else 16
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 5.0
    with started(run) as (_, port):
        request = row_of(port)

        def measure(connections: int, rate: float | None) -> float:
            taken = uvloop.run(
                load(port, request, connections=connections, seconds=seconds, rate=rate)
            )
            p50, p99 = np.percentile(taken, [50, 99]) * 1e3
            answered = len(taken) / seconds
            pace = f"at {rate:,.0f}/s" if rate else "full speed"
            print(
                f"{connections:3} connections, {pace}: {answered:,.0f} requests/s, "
                f"p50 {p50:.2f} ms, p99 {p99:.2f} ms"
            )
            return answered

        measure(1, None)
        fastest = measure(connections, None)
        measure(connections, fastest / 2)


if __name__ == "__main__":
    main()

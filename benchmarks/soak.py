"""A server under mixed load for a while: no answer is lost or wrong, and its memory stays flat.

    python benchmarks/soak.py RUN OTHER [MINUTES] [CONNECTIONS]

Starts scripts/serve.py with a copy of RUN's model file, pinned to one core; this process is on
another. It measures the peak for 5 s, and then sends half of that for MINUTES (3): single rows, and
every 50th time 200 rows in gzip. A client starts anew after 200 requests, and every tenth time
it first leaves in the middle of a body. Every 10 s the file is replaced by that of OTHER or RUN in
turn, every sixth time by a damaged one, and the server gets SIGHUP. Every probability must be that
of one of the two models. Exits with 1 if an answer is lost or wrong, if a file was not
replaced (or a damaged one was), or if the median memory of the last third is more than 5 % above
that of the second.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import re
import signal
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np
from abuse import memory
from server import load, row_of, started

ROOT = Path(__file__).resolve().parents[1]
RESTART, LARGE, ROWS, RELOAD = 200, 50, 200, 10.0
GROWTH = 0.05
# Rows of one request are added up in another order than a row alone.
SAME = 1e-6


def probabilities(answer: bytes) -> list[float]:
    """Return those of an answer for one row, or for several."""
    content = json.loads(answer)
    return [each["churn_probability"] for each in content.get("predictions", [content])]


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> bytes:
    """Return the body of the answer.

    Raises:
        RuntimeError: It is not a 200.
        OSError: The connection is gone.
        asyncio.IncompleteReadError: The same, in the middle of the answer.
    """
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    if not head.startswith(b"HTTP/1.1 200") or length is None:
        raise RuntimeError(head.decode())
    return await reader.readexactly(int(length[1]))


class Soak:
    """The load on a server, and what it got.

    Args:
        port: Where the server listens.
        row: A request of one row.
        known: What the models say of that row.
    """

    def __init__(self, port: int, row: bytes, known: list[float]) -> None:
        self.port, self.row, self.known = port, row, np.array(known)
        body = row.partition(b"\r\n\r\n")[2]
        packed = gzip.compress(b'{"rows":[' + b",".join([body] * ROWS) + b"]}")
        head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\n"
        self.large = head + b"Content-Length: %d\r\n\r\n" % len(packed) + packed
        self.seconds: list[float] = []
        self.rows = self.restarts = self.wrong = 0
        self.lost: list[str] = []

    async def client(self, interval: float, end: float) -> None:
        """Send a request every ``interval`` seconds; a late one is counted from when it was due."""
        due, n, writer = time.perf_counter() + interval * np.random.default_rng().random(), 0, None
        while max(due, time.perf_counter()) < end:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            try:
                if n % RESTART == 0 or writer is None:
                    if writer is not None:
                        writer.close()
                        self.restarts += 1
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    if n % (10 * RESTART) == 0:
                        writer.write(self.row[:-10])
                        await asyncio.sleep(0.01)
                        writer.transport.abort()
                        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                n += 1
                request = self.large if n % LARGE == 0 else self.row
                found = probabilities(await exchange(reader, writer, request))
            except (OSError, RuntimeError, asyncio.IncompleteReadError) as error:
                self.lost.append(repr(error)[:200])
                writer = None
            else:
                off = np.abs(np.subtract.outer(found, self.known)).min(axis=1)
                self.wrong += int((off > SAME).sum())
                self.wrong += len(found) != (ROWS if request is self.large else 1)
                self.rows += len(found)
            self.seconds.append(time.perf_counter() - due)
            due += interval
        if writer is not None:
            writer.close()


def replace(path: Path, content: bytes, pid: int) -> None:
    """Put another model file in place, as a whole, and tell the server."""
    partial = path.with_name("partial")
    partial.write_bytes(content)
    os.replace(partial, path)
    os.kill(pid, signal.SIGHUP)


def reloads(port: int) -> dict[str, int]:
    """Return how many files were replaced and refused."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as response:
        found = re.findall(r'churn_reloads_total\{result="(\w+)"\} (\d+)', response.read().decode())
    return {"replaced": 0, "refused": 0} | {name: int(n) for name, n in found}


def wait_for(port: int, result: str, n: int) -> None:
    """Wait until so many files were replaced or refused.

    Raises:
        TimeoutError: They are not within a minute.
    """
    end = time.monotonic() + 60
    while reloads(port)[result] < n:
        if time.monotonic() > end:
            raise TimeoutError(f"{result}: {reloads(port)[result]} of {n}")
        time.sleep(0.2)


def main() -> int:
    """Soak and print."""
    import uvloop

    files = [Path(run, "model.onnx").read_bytes() for run in sys.argv[1:3]]
    minutes = float(sys.argv[3]) if len(sys.argv) > 3 else 3.0
    connections = int(sys.argv[4]) if len(sys.argv) > 4 else 8
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        path.write_bytes(files[0])
        with started(path) as (pid, port):
            row = row_of(port)
            body = row.partition(b"\r\n\r\n")[2]
            known = []
            for n, content in enumerate([files[1], files[0]], start=1):
                with urllib.request.urlopen(
                    f"http://127.0.0.1:{port}/predict", body, timeout=60
                ) as response:
                    known += probabilities(response.read())
                replace(path, content, pid)
                wait_for(port, "replaced", n)
            taken = uvloop.run(load(port, row, connections=connections, seconds=5.0, rate=None))
            rate = len(taken) / 5 / 2
            soak = Soak(port, row, known)
            megabytes: list[int] = []
            wanted = {"replaced": 2, "refused": 0}

            async def run() -> None:
                end = time.perf_counter() + 60 * minutes
                clients = asyncio.gather(
                    *(soak.client(connections / rate, end) for _ in range(connections))
                )
                next_reload, n = time.perf_counter() + RELOAD, 0
                while not clients.done():
                    megabytes.append(memory(pid))
                    if time.perf_counter() > next_reload and end - next_reload > RELOAD:
                        next_reload, n = next_reload + RELOAD, n + 1
                        is_damaged = n % 6 == 0
                        content = files[n % 2]
                        replace(path, content[:9_999] if is_damaged else content, pid)
                        wanted["refused" if is_damaged else "replaced"] += 1
                    await asyncio.sleep(1)
                await clients

            uvloop.run(run())
            found = reloads(port)
    third = len(megabytes) // 3
    before, after = (float(np.median(megabytes[k * third : (k + 1) * third])) for k in (1, 2))
    p50, p99 = np.percentile(soak.seconds, [50, 99]) * 1e3
    print(
        f"{minutes:g} minutes, {connections} connections at {rate:,.0f} requests/s (half the peak):"
        f"\n{len(soak.seconds):,} requests with {soak.rows:,} rows, {soak.restarts:,} restarts of "
        f"clients, reloads {found} (asked for {wanted})\n"
        f"lost {len(soak.lost)}, wrong {soak.wrong}, p50 {p50:.2f} ms, p99 {p99:.2f} ms, "
        f"slowest {max(soak.seconds) * 1e3:.0f} ms\n"
        f"memory {megabytes[0]} MB at first, median of the second third {before:.0f}, of the last "
        f"{after:.0f} ({after / before - 1:+.1%})"
    )
    for error in soak.lost[:5]:
        print(error)
    is_well = not soak.lost and not soak.wrong and found == wanted
    return 0 if is_well and after <= (1 + GROWTH) * before else 1


if __name__ == "__main__":
    sys.exit(main())

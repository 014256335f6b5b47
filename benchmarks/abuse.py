"""Clients that misbehave: what each gets from the server, and what a good client notices of it.

    python benchmarks/abuse.py RUN [KEY=VALUE...]

Starts scripts/serve.py on a free port, pinned to one core. A good client in a process of its own
asks for one row 50 times a second and expects the same answer each time; meanwhile this process
attacks. Both are on the other core, so a part of what the good client waits is their own work.
"""

from __future__ import annotations

import collections
import contextlib
import multiprocessing
import re
import socket
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from server import row_of, started

ROOT = Path(__file__).resolve().parents[1]
POST = b"POST /predict HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
HALF = POST + b"Content-Length: 1000\r\n\r\n{"
EVERY = 0.02
# Longer than every time limit of the server.
PATIENCE = 40.0

Answers = collections.Counter[str]


def good_client(port: int, request: bytes, pipe: Any) -> None:
    """Ask until told to stop; send the seconds of all answers, and how many were not right."""
    seconds: list[float] = []
    bad = 0
    expected = None
    client = None
    due = time.perf_counter()
    while not pipe.poll():
        time.sleep(max(0.0, due - time.perf_counter()))
        due = max(due + EVERY, time.perf_counter() - 1)
        start = time.perf_counter()
        try:
            if client is None:
                client = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
            client.sendall(request)
            answer = client.recv(65_536)
            while not answer.endswith(b"}"):  # an answer of one row has no other object at its end
                answer += client.recv(65_536) or b"}"
            head, _, body = answer.partition(b"\r\n\r\n")
            found = re.search(rb'"churn_probability":([0-9.e-]+)', body)
            if not head.startswith(b"HTTP/1.1 200") or found is None:
                bad += 1
            else:  # rows that are scored together are added up in another order than one alone
                expected = expected or float(found[1])
                bad += abs(float(found[1]) - expected) > 1e-6
        except OSError:
            bad, client = bad + 1, None
        seconds.append(time.perf_counter() - start)
    pipe.send((seconds, bad))


def status(client: socket.socket) -> str:
    """Return how the server ended it: a status, closed, reset or nothing in time."""
    client.settimeout(PATIENCE)
    try:
        told = client.recv(65_536)
    except TimeoutError:
        return "nothing"
    except OSError:
        return "reset"
    return told[9:12].decode() if told else "closed"


class Attacks:
    """Each ``attack_...`` returns what its clients got."""

    def __init__(self, port: int, request: bytes) -> None:
        self.port, self.request = port, request

    def _connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def _each(self, *parts: bytes, times: int = 1) -> Answers:
        """One client after the other."""
        found: Answers = collections.Counter()
        for _ in range(times):
            with self._connect() as client:
                with contextlib.suppress(OSError):  # refused before it had sent everything
                    for part in parts:
                        client.sendall(part)
                found[status(client)] += 1
        return found

    def _together(self, sent: bytes, n: int) -> Answers:
        """Many clients at once, which then wait."""
        clients = [self._connect() for _ in range(n)]
        for client in clients:
            client.sendall(sent)
        found = collections.Counter(map(status, clients))
        for client in clients:
            client.close()
        return found

    def attack_none_for_5_s(self) -> Answers:  # noqa: D102
        time.sleep(5)
        return collections.Counter()

    def attack_a_head_of_300_mb(self) -> Answers:  # noqa: D102
        return self._each(b"GET /health HTTP/1.1\r\nX: ", *[b"a" * 1_000_000] * 300)

    def attack_heads_of_20_000_lines_100_times(self) -> Answers:  # noqa: D102
        lines = b"a: b\r\n" * 20_000
        return self._each(b"GET /health HTTP/1.1\r\n" + lines + b"\r\n", times=100)

    def attack_half_a_head_20_clients(self) -> Answers:  # noqa: D102
        return self._together(POST, 20)

    def attack_half_a_body_20_clients(self) -> Answers:  # noqa: D102
        return self._together(HALF, 20)

    def attack_silence_1_000_clients(self) -> Answers:  # noqa: D102
        return self._together(b"", 1_000)

    def attack_half_a_body_1_500_clients(self) -> Answers:  # noqa: D102
        return self._together(HALF, 1_500)

    def attack_good_requests_1_500_clients(self) -> Answers:  # noqa: D102
        return self._together(self.request, 1_500)

    def attack_a_byte_a_second_100_clients(self) -> Answers:  # noqa: D102
        clients = [self._connect() for _ in range(100)]
        for client in clients:
            client.sendall(HALF)
        end = time.monotonic() + PATIENCE
        found: Answers = collections.Counter()
        while clients and time.monotonic() < end:
            time.sleep(1)
            for client in list(clients):
                try:
                    client.sendall(b" ")
                    client.settimeout(0)
                    told = client.recv(99)
                except BlockingIOError:
                    continue
                except OSError:
                    told = b""
                found[told[9:12].decode() or "closed"] += 1
                clients.remove(client)
                client.close()
        found["nothing"] += len(clients)
        return +found

    def attack_gzip_bombs_of_2_gb_20_times(self) -> Answers:  # noqa: D102
        packing = zlib.compressobj(9, zlib.DEFLATED, 31)
        bomb = b"".join(packing.compress(b" " * (1 << 24)) for _ in range(120)) + packing.flush()
        head = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
        return self._each(POST + head + bomb, times=20)

    def attack_chunks_of_a_byte_100_times(self) -> Answers:  # noqa: D102
        return self._each(CHUNKED, *[b"1\r\n \r\n" * 20_000] * 20, times=100)

    def attack_a_chunk_extension_without_end(self) -> Answers:  # noqa: D102
        return self._each(CHUNKED + b"1;", *[b"a" * 1_000_000] * 100)

    def attack_a_body_of_1_gb_in_chunks(self) -> Answers:  # noqa: D102
        chunk = b"F4240\r\n" + b" " * 1_000_000 + b"\r\n"
        return self._each(CHUNKED, *[chunk] * 1_000)

    def attack_nested_8_mb_20_times(self) -> Answers:  # noqa: D102
        body = b"[" * 8_000_000
        return self._each(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body, times=20)

    def attack_many_names_8_mb_20_times(self) -> Answers:  # noqa: D102
        body = b"{" + b",".join(b'"%d":0' % n for n in range(600_000)) + b"}"
        return self._each(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body, times=20)

    def attack_names_twice_1_000_times(self) -> Answers:  # noqa: D102
        _, _, body = self.request.partition(b"\r\n\r\n")
        body = body[:-1] + b"," + body[1:]
        return self._each(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body, times=1_000)

    def attack_requests_10_000_without_reading_an_answer(self) -> Answers:  # noqa: D102
        with self._connect() as client:
            client.settimeout(5)
            with contextlib.suppress(OSError):
                client.sendall(self.request * 10_000)
            return collections.Counter([status(client)])

    def attack_good_bodies_of_8_mb_not_read_20_clients(self) -> Answers:  # noqa: D102
        _, _, row = self.request.partition(b"\r\n\r\n")
        body = b'{"rows":[' + b",".join([row] * 10_000) + b"]}"
        sent = POST + b"Content-Length: %d\r\n\r\n" % len(body) + body
        clients = [self._connect() for _ in range(20)]
        for client in clients:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            client.sendall(sent)
        time.sleep(10)
        found = collections.Counter(map(status, clients))
        for client in clients:
            client.close()
        return found

    def attack_clients_that_go_away_2_000_times(self) -> Answers:  # noqa: D102
        for _ in range(2_000):
            with self._connect() as client:
                client.sendall(HALF)
        return collections.Counter()

    def attack_what_is_no_request_2_000_times(self) -> Answers:  # noqa: D102
        return self._each(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", times=2_000)


def memory(pid: int) -> int:
    """Return the megabytes that a process holds."""
    told = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", told)[1]) // 1024  # type: ignore[index]


def main() -> None:
    """Attack and print."""
    with started(*sys.argv[1:]) as (pid, port):
        attacks = Attacks(port, row_of(port))
        print("| attack | answers | s | good client: p50, p99, slowest ms | bad | MB |")
        print("|---|---|---|---|---|---|")
        for name in vars(Attacks):
            if name.startswith("attack_"):
                _attack(name.removeprefix("attack_"), getattr(attacks, name), attacks, pid)


def _attack(name: str, attack: Callable[[], Answers], attacks: Attacks, pid: int) -> None:
    here, there = multiprocessing.Pipe()
    good = multiprocessing.Process(target=good_client, args=(attacks.port, attacks.request, there))
    good.start()
    time.sleep(0.5)
    start = time.perf_counter()
    answers = attack()
    took = time.perf_counter() - start
    here.send("stop")
    seconds, bad = here.recv()
    good.join()
    p50, p99 = np.percentile(seconds, [50, 99]) * 1e3
    told = ", ".join(f"{n:,} x {answer}" for answer, n in answers.most_common()) or "-"
    words = name.replace("_000", ",000").replace("_500", ",500").replace("_", " ")
    print(
        f"| {words} | {told} | {took:.1f} | {p50:.1f}, {p99:.1f}, {max(seconds) * 1e3:.0f} "
        f"| {bad} of {len(seconds)} | {memory(pid)} |",
        flush=True,
    )


if __name__ == "__main__":
    main()

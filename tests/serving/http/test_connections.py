"""One server with tight limits and clients that misbehave; a good one is answered all the while.

Times are lower bounds or generous: the machine may be busy.
"""

from __future__ import annotations

import gzip
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from tests.stderr import own

ROOT = Path(__file__).resolve().parents[3]
LIMITS = {"head_seconds": 1, "body_seconds": 1, "idle_seconds": 1, "drain_seconds": 2}
PLACES = 20
POST = b"POST /predict HTTP/1.1\r\nHost: localhost\r\n"
GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"


class Server:
    """A server process, and what a test asks it."""

    def __init__(self, process: subprocess.Popen[str], port: int, *, asks: bool) -> None:
        self.process, self.port = process, port
        if not asks:
            return
        status, _, body = self.ask("GET", "/openapi.json")
        assert status == 200
        example = json.loads(body)["components"]["schemas"]["Customer"]["example"]
        self.row: bytes = json.dumps(example).encode()
        self.answer = self.ask("POST", "/predict", self.row)[2]

    def connect(self, *sent: bytes) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        for data in sent:
            client.sendall(data)
        return client

    def raw(self, *sent: bytes) -> bytes:
        """Return all that the server says until it closes the connection."""
        with self.connect(*sent) as client:
            return read_all(client)

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as client:
            client.request(method, path, body, named)
            with client.getresponse() as response:
                return response.status, response.headers, response.read()

    def is_well(self) -> None:
        """A good client is answered."""
        assert self.ask("POST", "/predict", self.row)[::2] == (200, self.answer)


def read_all(client: socket.socket) -> bytes:
    told = b""
    while data := client.recv(65_536):
        told += data
    return told


def read_until(client: socket.socket, end: bytes) -> None:
    told = b""
    while not told.endswith(end):
        data = client.recv(65_536)
        assert data, told
        told += data


def refused(told: bytes, status: int, fragment: str) -> None:
    head, _, body = told.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), told[:200]
    assert b"connection: close" in head
    assert re.search(fragment, json.loads(body)["detail"])


def with_length(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def start(run: object, cwd: Path, *, asks: bool = True, **keys: object) -> Server:
    script = ROOT / "scripts" / "serve.py"
    keys = {"run": run, "port": 0, **LIMITS, "max_connections": PLACES, **keys}
    process = subprocess.Popen(
        [sys.executable, script, *(f"{key}={value}" for key, value in keys.items())],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # without a terminal
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    port = re.search(r"127\.0\.0\.1:(\d+)", line + process.stdout.readline())
    assert port, process.communicate()
    return Server(process, int(port[1]), asks=asks)


@pytest.fixture(scope="module")
def server(customers_run, tmp_path_factory) -> Iterator[Server]:
    server = start(customers_run.folder, tmp_path_factory.mktemp("serve"))
    try:
        yield server
        server.is_well()
        server.process.send_signal(signal.SIGTERM)
        _, err = server.process.communicate(timeout=60)
    finally:
        server.process.kill()
    assert server.process.returncode == 128 + signal.SIGTERM
    # Of all that these clients did, nothing is a fault of the server.
    assert own(err) == ""


# Heads


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /health HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 3_000_000,
        b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 20_000 + b"\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        POST + b"Content-Length: 2\r\nX: " + b"a" * 70_000 + b"\r\n\r\n{}",
    ],
    ids=["endless", "many", "long", "address", "with a body"],
)
def test_large_heads(server, sent):
    refused(server.raw(sent), 431, "at most 65,536 bytes of head")
    server.is_well()


def test_a_head_below_the_limit(server):
    assert server.ask("GET", "/health", X="a" * 60_000)[0] == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00" * 9,
        POST + b"Transfer-Encoding: chunked\r\n" + with_length(b"{}"),
        POST + b"Content-Length: 3\r\n" + with_length(b"{}"),
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"CONNECT elsewhere:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /health HTTP/9.9\r\n\r\n",
        b"GET /health\r\n\r\n",
        GET + b"X: a\r\n b\r\n\r\n",
        GET + b"X : a\r\n\r\n",
        GET + b"X: a\x00b\r\n\r\n",
        GET + b"X: a\nY: b\r\n\r\n",
        GET + b"Connection: Upgrade\r\nUpgrade: h2c\r\nHost: y\r\n\r\n",
    ],
    ids=["TLS", "length and chunks", "two lengths", "negative", "no chunk", "CONNECT", "version",
         "HTTP/0.9", "folded", "space before the colon", "NUL", "bare LF", "upgrade and two hosts"],
)  # fmt: skip
def test_what_is_no_request(server, sent):
    refused(server.raw(sent), 400, "a request of HTTP/1.1, got|one header Host|to this server")
    server.is_well()


@pytest.mark.parametrize(
    "behind",
    [b"0\r\nX: " + b"a" * 100_000, b"1;" + b"a" * 100_000, b"1\r\n \r\n" * 30_000],
    ids=["trailer", "extension", "tiny chunks"],
)
def test_chunks_with_more_beside_them_than_in_them(server, behind):
    told = server.raw(POST + b"Transfer-Encoding: chunked\r\n\r\n" + behind)
    refused(told, 400, "of head|expected a request")
    server.is_well()


def test_what_is_right_though_rare(server):
    """By RFC 9112: targets with a host, trailers, HTTP/1.0 (which ignores Expect)."""
    end = b"Connection: close\r\n\r\n"
    for sent in (
        b"GET http://x/health HTTP/1.1\r\nHost: x\r\n" + end,
        b"GET /health HTTP/1.0\r\n\r\n",
        b"GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        b"\r\nGET /%68ealth HTTP/1.1\r\nHost:\r\n" + end,
    ):
        assert server.raw(sent).endswith(b'{"status":"ok"}'), sent
    length = with_length(server.row)
    chunks = b"0000000000000%x;a=b\r\n%b\r\n0\r\nX: y\r\n\r\n" % (len(server.row), server.row)
    for sent in (
        POST + b"Transfer-Encoding: chunked\r\n" + end + chunks,
        b"POST /predict HTTP/1.0\r\nExpect: 100-continue\r\n" + length,
    ):
        told = server.raw(sent)
        assert told.startswith(b"HTTP/1.1 200 ")
        assert told.endswith(server.answer)
    told = server.raw(GET + b"\r\n" + b"GET /health/ HTTP/1.1\r\nHost: elsewhere\r\n" + end)
    assert told.count(b"HTTP/1.1 404 ") == 1  # a redirect would name the host that the client did


# Time


def test_those_who_keep_the_server_waiting(server):
    with ExitStack() as stack:
        silent, half_head, half_body, idle = (
            [stack.enter_context(server.connect(sent)) for _ in range(PLACES // 4)]
            for sent in (
                b"",
                POST,
                POST + b"Content-Length: 99\r\n\r\n{",
                b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
            )
        )
        assert all(read_all(client) == b"" for client in silent)
        for client in half_head:
            refused(read_all(client), 408, "whole head in time")
        for client in half_body:
            refused(read_all(client), 408, "whole body in time")
        assert all(read_all(client).endswith(b'{"status":"ok"}') for client in idle)
    server.is_well()


def test_what_came_while_the_whole_process_paused_is_answered(server):
    """A client that was in time is not closed because the server woke up late."""
    waiting, half = GET + b"\r\n", POST + with_length(server.row)
    with server.connect(waiting) as idle, server.connect() as head:
        read_until(idle, b'{"status":"ok"}')
        head.sendall(half[:40])
        server.process.send_signal(signal.SIGSTOP)
        idle.sendall(waiting)
        head.sendall(half[40:])
        time.sleep(1.5 * LIMITS["idle_seconds"])
        server.process.send_signal(signal.SIGCONT)
        read_until(idle, b'{"status":"ok"}')
        read_until(head, server.answer)


def test_a_slow_body_that_goes_on_has_more_time(server):
    whole = server.row + b" " * 400_000
    with server.connect(
        POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(whole)
    ) as c:
        for start in range(0, len(whole), 100_000):
            time.sleep(0.5)
            c.sendall(whole[start : start + 100_000])
        assert read_all(c).endswith(server.answer)


# Many


def test_more_connections_than_places(server):
    """Requests that have come are answered up to the limit, the rest is told to go."""
    expected = json.loads(server.answer)["churn_probability"]
    with ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(3 * PLACES)]
        request = POST + b"Connection: close\r\n" + with_length(server.row)
        for client in clients:
            client.sendall(request)
        told = [read_all(client) for client in clients]
    served = [answer for answer in told if answer.startswith(b"HTTP/1.1 200 ")]
    assert len(served) >= PLACES
    for answer in told:
        if answer in served:  # together with others, so its last digit may differ
            body = json.loads(answer.partition(b"\r\n\r\n")[2])
            assert body["churn_probability"] == pytest.approx(expected, abs=1e-6)
        else:
            refused(answer, 503, f"at most {PLACES} connections")
    server.is_well()


def test_silent_connections_take_no_place(server):
    with ExitStack() as stack:
        for _ in range(3 * PLACES):
            stack.enter_context(server.connect(POST))
        assert server.ask("GET", "/health")[0] == 200
        assert server.ask("GET", "/metrics")[0] == 200
        deadline = time.monotonic() + 30
        while server.ask("POST", "/predict", server.row)[0] != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)


# Other clients


def test_an_offer_of_http2_is_not_taken(server):
    """What Java's HttpClient and ``curl --http2`` send; the body in one segment or in two."""
    head = (
        POST + b"Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\n"
        b"HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n"
    )
    for parts in ([head + with_length(server.row)], [head, with_length(server.row)]):
        assert server.raw(*parts).endswith(server.answer)
    with server.connect(head + b"Content-Length: %d\r\n\r\n" % len(server.row)) as client:
        time.sleep(0.2)
        client.sendall(server.row)
        assert read_all(client).endswith(server.answer)


def test_pipelined_requests_are_answered_in_order(server):
    one = POST + with_length(server.row)
    health = b"GET /health HTTP/1.1\r\nHost: x\r\n"
    told = server.raw(one + one + health + b"\r\n" + health + b"Connection: close\r\n\r\n")
    assert told.count(server.answer) == 2
    assert told.endswith(b'{"status":"ok"}')
    # Too many at once: the first are answered, and the connection ends.
    told = server.raw((health + b"\r\n") * 1_000)
    assert 1 <= told.count(b'{"status":"ok"}') < 1_000
    # A broken one behind a good one does not take its answer away.
    assert server.raw(one + b"\x00\x01\r\n\r\n").count(server.answer) == 1
    server.is_well()


def test_a_client_that_wants_to_be_asked_for_its_body(server):
    head = POST + b"Expect: 100-continue\r\nConnection: close\r\n"
    with server.connect(head + b"Content-Length: %d\r\n\r\n" % len(server.row)) as client:
        assert client.recv(100).startswith(b"HTTP/1.1 100 ")
        client.sendall(server.row)
        assert read_all(client).endswith(server.answer)
    told = server.raw(POST + b"Expect: 100-continue\r\nContent-Length: 999999999\r\n\r\n")
    assert told.startswith(b"HTTP/1.1 413 ")


def test_a_client_that_sends_all_before_it_reads(server):
    """urllib does, and asks for the connection to end; the answer comes before its body is in."""
    for path, status in ((b"/predict", b"413"), (b"/nowhere", b"404")):
        head = b"POST %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" % path
        told = server.raw(head + with_length(b" " * 40_000_000))
        assert told.startswith(b"HTTP/1.1 " + status)
    # One that never ends costs its own connection only.
    with server.connect(POST + b"Connection: close\r\nContent-Length: 999999999\r\n\r\n") as c:
        assert read_all(c).startswith(b"HTTP/1.1 413 ")
        deadline = time.monotonic() + 60
        with suppress(ConnectionError):
            while time.monotonic() < deadline:
                time.sleep(0.1)
                c.sendall(b" ")
        assert time.monotonic() < deadline


@pytest.mark.parametrize(
    "more", [b"GET /hea", POST + b"Content-Length: 9\r\n\r\n{"], ids=["head", "body"]
)
def test_a_client_that_stops_sending_in_a_request_is_told_so(server, more):
    """Whole requests before it are answered, also if all comes at once."""
    whole = POST + with_length(server.row)
    for sent, status in ((more, 400), (whole + more, 200)):
        with server.connect(sent) as client:
            client.shutdown(socket.SHUT_WR)
            told = read_all(client)
        assert told.startswith(b"HTTP/1.1 %d " % status), told
    assert server.answer in told


def test_a_client_that_sends_more_behind_what_is_no_request(server):
    """Its answers reach it: a connection that is closed while it sends would be reset."""
    with server.connect(POST + with_length(server.row) + b"%%%\r\n\r\n") as client:
        assert server.answer in read_all(client)
        for _ in range(3):
            client.sendall(b"more")
            time.sleep(0.05)
    server.is_well()


def test_a_client_that_stops_sending_is_answered(server):
    with server.connect(POST + with_length(server.row)) as client:
        client.shutdown(socket.SHUT_WR)
        assert read_all(client).endswith(server.answer)


def test_head_and_nosniff(server):
    for path in ("/health", "/metadata", "/metrics", "/openapi.json", "/docs"):
        status, headers, body = server.ask("HEAD", path)
        assert (status, body) == (200, b"")
        assert int(headers["content-length"]) > 0
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["content-security-policy"].startswith("default-src 'self'")
    assert server.ask("HEAD", "/predict")[0] == 405


def test_a_gzip_body(server):
    packed = gzip.compress(server.row)
    status, _, body = server.ask("POST", "/predict", packed, Content_Encoding="gzip")
    assert (status, body) == (200, server.answer)


def test_clients_that_go_away(server):
    """In the middle of a body, and before they have read many answers."""
    for sent in (
        POST + b"Content-Length: 99\r\n\r\n{",
        POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
        (POST + with_length(server.row)) * 50,
        POST,
    ):
        for _ in range(5):
            server.connect(sent).close()
    server.is_well()


def test_refusals_are_counted(server):
    server.raw(b"\x00\r\n\r\n")
    told = server.ask("GET", "/metrics")[2].decode()
    assert re.search(r'churn_requests_total\{path="other",status="400"\} [1-9]', told)


# The end


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_at_once_and_with_clients_that_wait(customers_run, tmp_path, stop):
    """The first comes right behind the address; what clients leave undone ends with the drain."""
    server = start(customers_run.folder, tmp_path, asks=False)
    clients = [server.connect(POST + b"Content-Length: 99\r\n\r\n{"), server.connect()]
    server.process.send_signal(stop)
    try:
        out, err = server.process.communicate(timeout=60)
    finally:
        server.process.kill()
        for client in clients:
            client.close()
    assert server.process.returncode == 128 + stop
    assert (out, own(err)) == ("", "")
    assert list(tmp_path.iterdir()) == []

"""HTTP connections with limits: bytes of a head, seconds of waiting, how many at a time.

uvicorn's connection over httptools limits none of them, and drops the body of a request that offers
another protocol (``Upgrade: h2c``).
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import httptools
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from churn_torch.serving.http.heads import Refusal, check_head, no_request, too_large
from churn_torch.serving.http.limits import (
    ALWAYS_ANSWERED,
    LINES,
    LINGER,
    PIPELINED,
    SLOWEST,
    TINY,
    TINY_CHUNKS,
    Places,
    Wait,
)


class Connection(HttpToolsProtocol):
    """A connection of uvicorn that keeps to limits.

    Args:
        places: What the client may take, and whether there is a place for it.
        count: Is called with the status of each answer that is not the application's.
        **of_uvicorn: What uvicorn gives to each of its connections.
    """

    def __init__(self, *, places: Places, count: Callable[[int], None], **of_uvicorn: Any) -> None:
        super().__init__(**of_uvicorn)
        self.places, self.limits, self._count = places, places.limits, count
        self._is_excess = self._head_is_complete = False
        self._is_sending = True
        # Bytes since the parser last reported something of use.
        self._unread = self._n_tiny = 0
        self._excess = Refusal(503, f"at most {self.limits.connections:,} connections", "more")
        self._in_work: RequestResponseCycle | None = None
        self.since = self.loop.time()  # when it began to wait for its client
        self._wait(Wait.HEAD, self.limits.head_seconds)

    def _wait(self, what: Wait, seconds: float) -> None:
        self._waits_for = what
        self._deadline = self.loop.time() + seconds

    # Events of the connection

    def connection_made(self, transport: Any) -> None:
        """Take a new connection."""
        super().connection_made(transport)
        self._sends = SimpleNamespace(
            write=transport.write, is_closing=transport.is_closing, close=self.end
        )
        self._is_excess = self.places.are_taken(self.connections)
        if len(self.connections) > self.places.n_open:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the requests of a connection that is gone."""
        self.pipeline.clear()
        if self._in_work is not None:
            self._in_work.disconnected = True
            self._in_work.message_event.set()
        super().connection_lost(exc)

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Answer a client that sends no more but still reads: whole requests, and a part of one."""
        self._is_sending = False
        is_silent = self._waits_for is Wait.HEAD and not self._unread
        if is_silent or self._waits_for in (Wait.NEXT, Wait.CLOSE):
            return None
        if self._waits_for is not Wait.END:
            self.refuse(Refusal(400, "a whole request", "a part"), is_sending=False)
        return True

    def data_received(self, data: bytes) -> None:
        """Read what has come."""
        if self._waits_for in (Wait.END, Wait.CLOSE):
            return
        if self._waits_for is Wait.NEXT:
            self.since = self.loop.time()
            self._wait(Wait.HEAD, self.limits.head_seconds)
        self._unread += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._ignore_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            why = error.__context__  # raised below, or by the parser
            self.refuse(why if isinstance(why, Refusal) else no_request(error))
        else:
            if self._unread > self.limits.head_bytes:
                self.refuse(too_large(self.limits, 400 if self._head_is_complete else 431))

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Read a request that offers another protocol as one without the offer (RFC 9110, 7.8).

        The parser stops behind such a head. A new one gets the head without the offer.
        """
        line = self.parser.get_method(), self.url, self.parser.get_http_version().encode()
        lines = [b"%s: %s\r\n" % pair for pair in self.headers if pair[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self._unread = 0
        self.data_received(b"%s %s HTTP/%s\r\n" % line + b"".join([*lines, b"\r\n", rest]))

    # Events of the parser

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._head_is_complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, unless it stands behind the body."""
        if self._head_is_complete:
            return
        if len(self.headers) == LINES:
            raise too_large(self.limits)  # `data_received` gets it as an error of the parser
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Begin to answer a request."""
        behind = 0  # bytes that came together with the head
        if self._unread > self.limits.head_bytes:
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > self.limits.head_bytes:
                raise too_large(self.limits)
            behind = self._unread - size
        if len(self.pipeline) >= PIPELINED:
            raise ValueError
        version = self.parser.get_http_version()
        self.url = check_head(self.parser.get_method(), self.url, version, self.headers)
        self.expect_100_continue &= version != "1.0"
        self._head_is_complete = True
        if self.parser.should_upgrade():
            return
        self._unread = behind
        is_refused = self._is_excess and self.places.are_taken(self.connections)
        is_refused &= self.url.partition(b"?")[0] not in ALWAYS_ANSWERED
        self.app = self._refuse_excess if is_refused else self.config.loaded_app
        self._n_tiny = 0
        self._wait(Wait.BODY, self.limits.body_seconds)
        super().on_headers_complete()
        self.cycle.transport = self._sends  # type: ignore[assignment]

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        # Each chunk costs time, and what stands between them may not be more than the body.
        self._n_tiny += len(body) < TINY
        if self._n_tiny > TINY_CHUNKS:
            raise ValueError
        self._unread = max(0, self._unread - 2 * len(body))
        if not self.cycle.response_complete:
            self._deadline += len(body) / SLOWEST
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Leave a complete request to the application."""
        if self.parser.should_upgrade():
            return
        super().on_message_complete()
        if self._in_work is not None and not self._in_work.response_complete:
            self._wait(Wait.ANSWER, self.limits.body_seconds)
        else:
            self._wait_for_next()

    # Answers

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._in_work = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Go on with the next request, or wait for it."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._waits_for is Wait.ANSWER:
            self._wait_for_next()
        elif self.expect_100_continue and self._waits_for is Wait.BODY:
            self.end()  # the client may now send its body, or not

    def end(self) -> None:
        """Close the connection; a client that is still sending could not read the answer then.

        What it sends is read first, for a time (RFC 9112, 9.6).
        """
        if self._waits_for is Wait.BODY or (self._waits_for is Wait.END and self._is_sending):
            self.pipeline.clear()
            self.transport.write_eof()
            self._wait(Wait.CLOSE, self.limits.body_seconds)
        else:
            self.transport.close()

    def _wait_for_next(self) -> None:
        self.since = self.loop.time()
        self._wait(Wait.NEXT, self.limits.idle_seconds)

    async def _refuse_excess(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with 503."""
        self._count(503)
        headers, body = self._excess.answer()
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def refuse(self, why: Refusal, *, is_sending: bool = True) -> None:
        """Answer what cannot be read, and end the connection.

        Args:
            why: The status, and what was expected and came.
            is_sending: Whether the client may be sending; closed at once, it would lose the answer.
        """
        in_work = self._in_work
        if self._waits_for is Wait.BODY and in_work is not None and in_work.response_complete:
            self.transport.close()  # it was answered before its body was complete
            return
        if in_work is not None and not in_work.response_complete:
            if in_work is not self.cycle or in_work.response_started or not in_work.more_body:
                self._end_after_answers()
                return
            in_work.disconnected = True
            in_work.message_event.set()
        self._count(why.status)
        headers, body = why.answer()
        lines = [b"%s: %s\r\n" % pair for pair in (*self.server_state.default_headers, *headers)]
        self.transport.write(b"".join([STATUS_LINE[why.status], *lines, b"\r\n", body]))
        self._wait(Wait.CLOSE, LINGER)
        if is_sending:
            self.transport.write_eof()
        else:
            self.transport.close()

    def _end_after_answers(self) -> None:
        """Read no more; the connection is closed behind the answer to the last complete request."""
        if self.cycle is not self._in_work and self.cycle.more_body:
            self.pipeline.popleft()
        last = self.pipeline[0][0] if self.pipeline else self._in_work
        if last is not None:
            last.keep_alive = False
        self._wait(Wait.END, self.limits.body_seconds)

    # The clock

    def check(self, now: float) -> None:
        """Close the connection if its time is over."""
        if now < self._deadline:
            return
        is_unread = self.transport.get_write_buffer_size() > 0
        if self.transport.is_closing():
            self.transport.abort()
            return
        match self._waits_for:
            case Wait.ANSWER if not is_unread:
                return  # it is the server that takes so long
            case Wait.NEXT if is_unread and now < self._deadline + self.limits.body_seconds:
                return  # the client still reads the last answer
            case Wait.HEAD | Wait.BODY as what if self._unread or what is Wait.BODY:
                why = Refusal(408, f"a whole {what.value} in time", "a part")
                self.refuse(why, is_sending=False)
            case _:
                self.transport.abort()

    def is_idle(self, since: float) -> bool:
        """Return whether it has waited for its client from a time on, or longer."""
        return self.since <= since and self._waits_for not in (Wait.ANSWER, Wait.END)

    def give_way(self) -> None:
        """Close the connection for others."""
        if self._waits_for in (Wait.NEXT, Wait.CLOSE):
            self.transport.abort()
        else:
            self.refuse(self._excess, is_sending=False)

    def shutdown(self) -> None:
        """End when the requests that have come are answered."""
        self._deadline = min(self._deadline, self.loop.time() + self.limits.drain_seconds)
        if self._waits_for in (Wait.HEAD, Wait.NEXT, Wait.CLOSE):
            self.transport.close()
        elif self.cycle is not None:
            self.cycle.keep_alive = False

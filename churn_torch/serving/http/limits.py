"""Limits of the server: what a client may take, and how many there may be."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from enum import Enum
from typing import Any

# A connection holds no place after so many seconds without a request.
HELD = 1.0
# Of connections without a place there are so many times the limit; more are closed at once.
OPEN = 10

# Requests that a client may send before it has got the answers to earlier ones.
PIPELINED = 64
# A body that comes in slowly has more time: a second for so many bytes.
SLOWEST = 65_536
# A client has so long to read why its connection is closed: seconds.
LINGER = 2.0
# These paths are answered on connections beyond the limit too.
ALWAYS_ANSWERED = (b"/health", b"/metrics")
# Lines that a head may have.
LINES = 1_000
# A body may come in so many chunks of fewer bytes than these.
TINY, TINY_CHUNKS = 16, 4_096


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a client may take.

    Attributes:
        connections: Open connections; requests on further ones are answered with 503.
        head_seconds: Until the head of a request is complete (408).
        body_seconds: From then until the body is complete (408), and to read the answer.
        idle_seconds: Until the next request on the same connection.
        drain_seconds: For open requests after the server was told to stop.
        head_bytes: Bytes of the head of a request; larger ones are answered with 431.
    """

    connections: int
    head_seconds: float
    body_seconds: float
    idle_seconds: float
    drain_seconds: float
    head_bytes: int = 65_536


class Wait(Enum):
    """What a connection waits for."""

    HEAD = "head"
    BODY = "body"
    ANSWER = "answer"
    NEXT = "next request"
    END = "end of the answers"
    CLOSE = "client to close it"


class Places:
    """Whether there is a place for another connection.

    Args:
        limits: What clients may take.

    Attributes:
        limits: The same.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._n_idle = 0

    @property
    def n_open(self) -> int:
        """How many connections may be open, those included that are refused or wait for long."""
        return OPEN * self.limits.connections

    def are_taken(self, connections: Set[Any]) -> bool:
        """Return whether requests on another connection are refused."""
        return len(connections) - self._n_idle > self.limits.connections

    def check(self, connections: Set[Any], now: float) -> None:
        """Close connections whose time is over, and all that wait if there are far too many.

        Args:
            connections: All connections of a server.
            now: The loop's time.
        """
        is_crowded = len(connections) > 0.9 * self.n_open
        self._n_idle = 0
        for connection in list(connections):
            connection.check(now)
            if connection.is_idle(now - HELD):
                self._n_idle += 1
                if is_crowded:
                    connection.give_way()

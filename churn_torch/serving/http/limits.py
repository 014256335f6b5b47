"""What a client of the server may take."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Any

# A connection holds no place after so many seconds without a request.
HELD = 1.0
# Of connections without a place there are so many times the limit; more are closed at once.
OPEN = 10


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a client may take.

    Attributes:
        connections: Open connections; requests on further ones are answered with 503.
        head_bytes: Bytes of the head of a request; larger ones are answered with 431.
        head_seconds: Until the head of a request is complete (408).
        body_seconds: From then until the body is complete (408), and to read the answer.
        idle_seconds: Until the next request on the same connection.
        drain_seconds: For open requests after the server was told to stop.
    """

    connections: int = 1_000
    head_bytes: int = 65_536
    head_seconds: float = 10.0
    body_seconds: float = 60.0
    idle_seconds: float = 5.0
    drain_seconds: float = 10.0


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

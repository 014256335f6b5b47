"""The names that clients may call the server by."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fastapi import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from churn_torch.serving.http.request_error import RequestError

_PORT = re.compile(r":[0-9]*$")


class HostMiddleware:
    """Refuses requests that call the server by another name, in the header Host.

    Args:
        app: Answers the others.
        names: Such as ``churn.example.com``, ``*.example.com`` or ``[::1]``; ``*`` is any.
    """

    def __init__(self, app: ASGIApp, names: Sequence[str]) -> None:
        self.app = app
        self._names = frozenset(_plain(name) for name in names)
        self._ends = tuple(_plain(name)[1:] for name in names if name.startswith("*"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        host = dict(scope.get("headers", ())).get(b"host", b"").decode("latin-1")
        name = _plain(_PORT.sub("", host))
        if scope["type"] != "http" or name in self._names or name.endswith(self._ends):
            await self.app(scope, receive, send)
            return
        error = RequestError(
            "Host", expected="a name of allowed_hosts", got=repr(host[:80]), status=400
        )
        answer = Response(error.content(), error.status, media_type="application/json")
        await answer(scope, receive, send)


def _plain(name: str) -> str:
    """Return a name as it is compared: a dot at its end makes no other name of it."""
    return name.strip().lower().removesuffix(".")

"""Bodies of requests: how much of them is held, and which ones are not read."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request

from churn_torch.serving.http.request_error import RequestError

# Larger bodies are handled in a thread, so that short requests need not wait.
LARGE_BODY = 65_536
# Of large bodies so many times the limit of one are held at a time.
HELD = 16
_GZIP = ("gzip", "x-gzip")
_ONCE = (b"content-encoding", b"content-type", b"origin", b"sec-fetch-site")

Sent = Mapping[bytes, bytes]
"""The headers of a request by name in small letters, as they were sent."""


class Bodies:
    """Reads the bodies of requests, and counts what is held of all of them.

    Args:
        max_bytes: Bytes that a body may have, packed and unpacked.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes, self._held = max_bytes, 0

    async def read(self, request: Request, headers: Sent) -> bytes:
        """Return a body; `release` it when its work is done.

        Args:
            request: The request.
            headers: Its headers.

        Raises:
            RequestError: It is too large (413), or too many are held (503).
            ClientDisconnect: The client is gone.
        """
        if int(headers.get(b"content-length", 0)) > self._max_bytes:
            raise self._too_large()
        chunks: list[bytes] = []
        size = 0
        try:
            async for chunk in request.stream():
                size += len(chunk)
                self._held += len(chunk)
                if size > self._max_bytes:
                    raise self._too_large()
                if size > LARGE_BODY and self._held > HELD * self._max_bytes:
                    raise RequestError(
                        "",
                        expected=f"fewer than {HELD} of the largest requests at a time",
                        got="more",
                        fix="send this one again later",
                        status=503,
                    )
                chunks.append(chunk)
        except BaseException:
            self._held -= size
            raise
        return b"".join(chunks)

    def release(self, body: bytes) -> None:
        """Forget a body that `read` returned."""
        self._held -= len(body)

    def unpack(self, body: bytes) -> bytes:
        """Return what a gzip body holds.

        Raises:
            RequestError: It holds too much (413), or it is no gzip (400).
        """
        unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            unpacked = unpacking.decompress(body, self._max_bytes + 1)
        except zlib.error as error:
            raise _no_gzip(f"something else: {error}") from None
        if len(unpacked) > self._max_bytes:
            raise self._too_large()
        if not unpacking.eof or unpacking.unused_data:
            raise _no_gzip("a part of it" if not unpacking.eof else "more behind its end")
        return unpacked

    def _too_large(self) -> RequestError:
        return RequestError(
            "",
            expected=f"at most {self._max_bytes:,} bytes",
            got="more",
            fix="send the rows in several requests, or start the server with a higher max_bytes",
            status=413,
        )


def _no_gzip(got: str) -> RequestError:
    return RequestError(
        "", expected="a body in gzip, as its Content-Encoding says", got=got, status=400
    )


def check_once(headers: Sequence[tuple[bytes, bytes]]) -> None:
    """Refuse headers that stand twice and say what a body is: others may go by the other one.

    Args:
        headers: Names in small letters, and values.

    Raises:
        RequestError: Naming the first one (400).
    """
    names = [name for name, _ in headers if name in _ONCE]
    if twice := [name for name in names if names.count(name) > 1]:
        raise RequestError(
            "", expected=f"one header {twice[0].decode().title()}", got="several", status=400
        )


def is_packed(headers: Sent) -> bool:
    """Return whether a body is packed in gzip.

    Raises:
        RequestError: It is packed in another way (415).
    """
    coding = _text(headers, b"content-encoding").strip().lower()
    if coding in _GZIP:
        return True
    if coding in ("", "identity"):
        return False
    raise RequestError(
        "Content-Encoding",
        expected="gzip, or none",
        got=repr(coding[:80]),
        fix="send the body as it is",
        status=415,
    )


def check_origin(headers: Sent) -> None:
    """Refuse what any page on the web can make a browser send without its user's consent.

    Browsers ask the server first before a page of another address may send JSON, and this server
    does not consent. They do not ask for text and forms.

    Raises:
        RequestError: The request comes from such a page and does not say that it is JSON (415).
    """
    if b"origin" not in headers and headers.get(b"sec-fetch-site") != b"cross-site":
        return
    kind = _text(headers, b"content-type").partition(";")[0].strip().lower()
    _, _, host = _text(headers, b"origin").partition("://")
    same = host and host == _text(headers, b"host")
    if kind != "application/json" and not same:
        raise RequestError(
            "Content-Type",
            expected="application/json from a page of another address",
            got=repr(kind[:80]),
            status=415,
        )


def _text(headers: Sent, name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1")


def check_parts(body: bytes, n_objects: int, n_names: int) -> None:
    """Refuse a body with many more parts than its rows can have, before it is parsed.

    The parser stops all else while it works: 2.6 million empty lists in 8 MB take it a second.

    Args:
        body: What was sent.
        n_objects: Objects and lists that the largest good body has.
        n_names: Names that it has.

    Raises:
        RequestError: It has many more (413).
    """
    # Text may hold these characters too, and bodies that are not large may have any number.
    for most, found, parts in (
        (LARGE_BODY + 2 * n_objects, body.count(b"{") + body.count(b"["), "objects and lists"),
        (LARGE_BODY + 2 * n_names, body.count(b":"), "names"),
    ):
        if found > most:
            raise RequestError(
                "",
                expected=f"at most {most:,} {parts}",
                got=f"{found:,}",
                fix="send the rows in several requests",
                status=413,
            )


def check_names(body: bytes, n_pairs: int) -> None:
    """Refuse a body in which an object has a name twice; the parser would keep the last value.

    Args:
        body: A JSON text that was read without error.
        n_pairs: The pairs of name and value that were read.

    Raises:
        RequestError: Naming the first name that an object has twice.
    """
    # Each pair has a colon: where there are no others, it was one colon a pair.
    if body.count(b":") == n_pairs:
        return
    try:
        json.loads(body, object_pairs_hook=_refuse_twice, parse_int=len, parse_float=len)
    except RecursionError:
        raise RequestError("", expected="rows of plain values", got="deeply nested ones") from None


def _refuse_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0][:80]
        raise RequestError(
            "",
            expected="each name once in an object",
            got=f"{twice!r} twice",
            fix="send one value for it",
            column=twice,
        )
    return content

"""Heads of requests that the parser takes and RFC 9112 does not, and the answer to such clients."""

from __future__ import annotations

import re
from collections.abc import Sequence

import httptools
import orjson

from churn_torch.serving.http.limits import Limits

Headers = Sequence[tuple[bytes, bytes]]

VERSIONS = ("1.1", "1.0")
# A name or an address, and a port (RFC 3986, 3.2.2). The name may be absent.
_HOST = re.compile(rb"(\[[0-9A-Za-z:.%_~-]+\]|[0-9A-Za-z._~!$&'()*+,;=%-]*)(:[0-9]*)?")
_ABSOLUTE = re.compile(rb"https?://([^/?]*)(.*)", re.IGNORECASE)


class Refusal(ValueError):
    """Why a connection ends without an answer of the application.

    Args:
        status: The HTTP status.
        expected: What was expected.
        got: What came.
    """

    def __init__(self, status: int, expected: str, got: str) -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.status = status

    def answer(self) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """Return the headers and the body of the answer."""
        body = orjson.dumps({"detail": str(self), "row": None, "column": None})
        length = str(len(body)).encode()
        kind = (b"content-type", b"application/json")
        return [kind, (b"content-length", length), (b"connection", b"close")], body


def no_request(error: httptools.HttpParserError) -> Refusal:
    """Return why what the parser cannot read is refused, in its words where it has some."""
    why = "" if isinstance(error, httptools.HttpParserCallbackError) else f": {error}"
    return Refusal(400, "a request of HTTP/1.1", f"something else{why}")


def too_large(limits: Limits, status: int = 431) -> Refusal:
    """Return why a head, or what stands between the parts of a body, is refused."""
    return Refusal(status, f"at most {limits.head_bytes:,} bytes of head", "more")


def check_head(method: bytes, target: bytes, version: str, headers: Headers) -> bytes:
    """Return the path and query that a request asks for.

    A proxy before the server may read a wrong head in another way than the server does: it would
    take a part of one request for the next one (request smuggling), or the name of one host for
    that of another.

    Args:
        method: The method.
        target: What the request asks for, as it was sent.
        version: The version of HTTP.
        headers: Names in small letters, and values.

    Raises:
        Refusal: RFC 9112 does not allow it.
    """
    if version not in VERSIONS:
        raise Refusal(400, "a request of HTTP/1.1", f"HTTP/{version}")
    if method == b"CONNECT":
        raise Refusal(400, "a request to this server", "CONNECT")
    hosts = []
    for name, value in headers:
        if name == b"host":
            hosts.append(value)
        elif name == b"transfer-encoding":
            if version == "1.0":
                raise Refusal(400, "a Content-Length in HTTP/1.0", "a Transfer-Encoding")
            if value.strip().lower() != b"chunked":
                raise Refusal(501, "no Transfer-Encoding but chunked", "another")
    if len(hosts) > 1 or (not hosts and version == "1.1"):
        raise Refusal(400, "one header Host", f"{len(hosts)}")
    if hosts and not _HOST.fullmatch(hosts[0].strip()):
        raise Refusal(400, "a name or an address in the header Host", "something else")
    if b"#" in target:
        raise Refusal(400, "a path without a fragment", "a fragment (#)")
    if target[:1] == b"/" or (target == b"*" and method == b"OPTIONS"):
        return target
    absolute = _ABSOLUTE.fullmatch(target)
    if not absolute:
        raise Refusal(400, "a path that begins with /", "another target")
    if hosts and absolute[1].lower() != hosts[0].strip().lower():
        raise Refusal(400, "the same host in the target and the header Host", "two")
    return absolute[2] if absolute[2][:1] == b"/" else b"/" + absolute[2]

from __future__ import annotations

import httptools
import pytest

from churn_torch.serving.http.heads import Refusal, check_head, no_request

HOST = (b"host", b"x")


@pytest.mark.parametrize(
    ("target", "host", "asked"),
    [
        (b"/a?b", b"x:80", b"/a?b"),
        (b"//a", b"", b"//a"),
        (b"HTTP://X:1/a?b", b"x:1", b"/a?b"),
        (b"http://x", b"x", b"/"),
        (b"https://x?a", b"x", b"/?a"),
        (b"/", b"[::1]:8080", b"/"),
        (b"/", b"my_host.example", b"/"),
    ],
)
def test_targets(target, host, asked):
    assert check_head(b"GET", target, "1.1", [(b"host", host)]) == asked


@pytest.mark.parametrize(
    "host", [b"a b", b"a/b", b"u@b", b"a, b", b"a\xc3\xa4", b"a:b", b"[::1", b"a?"]
)
def test_names_that_are_none(host):
    with pytest.raises(Refusal, match="a name or an address"):
        check_head(b"GET", b"/", "1.1", [(b"host", host)])


@pytest.mark.parametrize(
    ("method", "target", "version", "headers", "status", "fragment"),
    [
        (b"GET", b"/", "0.9", [HOST], 400, "HTTP/0.9"),
        (b"GET", b"/", "2.0", [HOST], 400, "HTTP/2.0"),
        (b"GET", b"/", "1.1", [], 400, "one header Host, got 0"),
        (b"GET", b"/", "1.1", [HOST, HOST], 400, "got 2"),
        (b"GET", b"/", "1.0", [HOST, HOST], 400, "got 2"),
        (b"GET", b"*", "1.1", [HOST], 400, "begins with /"),
        (b"GET", b"ftp://x/a", "1.1", [HOST], 400, "begins with /"),
        (b"GET", b"http://y/", "1.1", [HOST], 400, "the same host"),
        (b"GET", b"/#a", "1.1", [HOST], 400, "fragment"),
        (b"CONNECT", b"x:1", "1.1", [HOST], 400, "CONNECT"),
        (b"POST", b"/", "1.0", [(b"transfer-encoding", b"chunked")], 400, "Content-Length"),
        (b"POST", b"/", "1.1", [HOST, (b"transfer-encoding", b"gzip, chunked")], 501, "chunked"),
    ],
)
def test_what_rfc_9112_does_not_allow(method, target, version, headers, status, fragment):
    with pytest.raises(Refusal, match=fragment) as caught:
        check_head(method, target, version, headers)
    assert caught.value.status == status


def test_the_words_of_the_parser_are_passed_on():
    told = str(no_request(httptools.HttpParserError("Duplicate Content-Length")))
    assert told == "expected a request of HTTP/1.1, got something else: Duplicate Content-Length"
    assert str(no_request(httptools.HttpParserCallbackError("x"))).endswith("something else")


def test_what_is_asked_of_the_server_as_a_whole():
    assert check_head(b"OPTIONS", b"*", "1.1", [HOST]) == b"*"

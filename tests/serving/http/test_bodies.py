from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from churn_torch.serving.http.bodies import HELD, LARGE_BODY
from churn_torch.serving.http.server import create_app
from churn_torch.serving.model_file import ModelFile
from tests.serving.http.test_server import refused

MAX_BYTES = 300_000


@pytest.fixture(scope="module")
def client(customers_run) -> Iterator[TestClient]:
    app = create_app(ModelFile(customers_run.model), max_rows=500, max_bytes=MAX_BYTES)
    with TestClient(app) as client:
        yield client


@pytest.fixture(scope="module")
def row(client) -> dict[str, Any]:
    described = client.get("/openapi.json").json()
    example: dict[str, Any] = described["components"]["schemas"]["Customer"]["example"]
    return example


# Packed bodies


def test_gzip(client, row):
    body = json.dumps({"rows": [row] * 50}).encode()
    expected = client.post("/predict", content=body).content
    for coding in ("gzip", "x-gzip", " GZIP "):
        packed = gzip.compress(body)
        found = client.post("/predict", content=packed, headers={"Content-Encoding": coding})
        assert (found.status_code, found.content) == (200, expected)


def test_a_bomb(client):
    """What it holds counts, and no more than the limit is unpacked."""
    packing = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packing.compress(b" " * 10_000_000) for _ in range(20)) + packing.flush()
    assert len(bomb) < MAX_BYTES
    answer = client.post("/predict", content=bomb, headers={"Content-Encoding": "gzip"})
    refused(answer, 413, "at most 300,000 bytes")


@pytest.mark.parametrize(
    ("body", "fragment"),
    [
        (b"{}", "got something else"),
        (gzip.compress(b"{}", mtime=0)[:-9], "got a part of it"),
        (gzip.compress(b"{}", mtime=0) + b"{}", "got more behind its end"),
        (b"", "got a part of it"),
    ],
)
def test_no_gzip(client, body, fragment):
    answer = client.post("/predict", content=body, headers={"Content-Encoding": "gzip"})
    refused(answer, 400, fragment)


@pytest.mark.parametrize("coding", ["br", "deflate", "zstd", "gzip, gzip", "x" * 200])
def test_other_codings(client, coding):
    answer = client.post("/predict", content=b"{}", headers={"Content-Encoding": coding})
    refused(answer, 415, f"Content-Encoding: expected gzip, or none, got '{coding[:80]}'")


# What is held


def test_large_bodies_at_a_time(client, row):
    """Small requests are answered while as many large ones as may be held come in."""
    bodies = client.app.state.bodies
    bodies._held = HELD * MAX_BYTES
    try:
        assert client.post("/predict", json=row).status_code == 200
        large = json.dumps(row).encode() + b" " * LARGE_BODY
        refused(client.post("/predict", content=large), 503, "send this one again later")
    finally:
        bodies._held = 0
    assert client.post("/predict", content=large).status_code == 200
    client.post("/predict", content=b" " * (MAX_BYTES + 1))
    assert bodies._held == 0


def test_many_more_parts_than_the_rows_can_have(client, row):
    """The parser would stop all else; text may hold what looks like parts, within reason."""
    for body in (
        b"[" + b"[]," * 90_000 + b"[]]",
        b'{"rows":[' + b"{}," * 90_000 + b"{}]}",
    ):
        refused(client.post("/predict", content=body), 413, "at most 66,536 objects and lists")
    names = b"{" + b",".join(b'"%d":0' % n for n in range(30_000)) + b"}"
    refused(client.post("/predict", content=names), 422, "every column")
    body = json.dumps({"rows": [row | {"plan": '{"a":[1]}'}] * 500}) + " " * LARGE_BODY
    assert client.post("/predict", content=body).status_code == 200


# Names that stand twice


def test_names_that_stand_twice(client, row):
    whole = json.dumps(row)
    name, value = next(iter(row.items()))
    again = f"{json.dumps(name)}: {json.dumps(value)}"
    escaped = again.replace(name[0], f"\\u{ord(name[0]):04x}", 1)
    for body in (
        f"{whole[:-1]}, {again}}}",
        f"{{{again}, {whole[1:]}",
        f"{whole[:-1]}, {escaped}}}",
        f'{{"rows": [{whole}, {whole[:-1]}, {again}}}]}}',
        f'{{"rows": [], "rows": [{whole}]}}',
        f'{{"rows": [{whole}], "rows": []}}',
        f'{{"rows": {"[" * 900 + "]" * 900}, "rows": []}}',
    ):
        refused(client.post("/predict", content=body), 422, "each name once|plain values")


def test_colons_in_text_are_no_names(client, row):
    answer = client.post("/predict", json=row | {"plan": 'a: "b": c:'})
    assert answer.status_code == 200
    assert answer.json()["quality"]["plan"] == "unseen category"


# Pages of other addresses


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "a" * 99])
@pytest.mark.parametrize(
    "sender",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "http://testserver:8080"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_pages_of_other_addresses_may_not_send_what_needs_no_consent(client, row, kind, sender):
    headers = sender | {"Content-Type": kind}
    answer = client.post("/predict", content=json.dumps(row), headers=headers)
    refused(answer, 415, "application/json from a page of another address")


def test_programs_and_own_pages_may_send_any_type(client, row):
    for headers in (
        {"Content-Type": "text/plain"},
        {"Content-Type": "text/plain", "Origin": "http://testserver"},
        {"Content-Type": "Application/JSON; charset=utf-8", "Origin": "https://proxy.example"},
    ):
        answer = client.post("/predict", content=json.dumps(row), headers=headers)
        assert answer.status_code == 200


@pytest.mark.parametrize("name", ["Content-Type", "Content-Encoding", "Origin", "Sec-Fetch-Site"])
def test_headers_that_say_what_a_body_is_stand_once(client, row, name):
    """A proxy before the server may go by the first one, and the server by the last."""
    accepts = [("Accept", "*/*")] * 2
    assert client.post("/predict", json=row, headers=accepts).status_code == 200
    answer = client.post("/predict", content=json.dumps(row), headers=[(name, ""), (name, "")])
    refused(answer, 400, f"one header {name}, got several")

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from churn_torch.serving.http.server import create_app
from churn_torch.serving.model_file import ModelFile


@pytest.fixture(scope="module")
def client(customers_run):
    names = ["*.Example.com", "[::1]", "localhost."]
    model = ModelFile(customers_run.model)
    with TestClient(create_app(model, max_rows=1, max_bytes=99, allowed_hosts=names)) as client:
        yield client


@pytest.mark.parametrize(
    "host",
    ["a.example.com", "A.b.EXAMPLE.com:8080", "a.example.com.", "[::1]", "[::1]:1", "LOCALHOST:"],
)
def test_names_that_are_allowed(client, host):
    assert client.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["example.com", "a.example.org", "aexample.com", "[::2]", "localhost.a", "", "::1"]
)
def test_other_names_are_refused_and_counted(client, host):
    answer = client.get("/metadata", headers={"Host": host})
    assert answer.status_code == 400
    told = f"Host: expected a name of allowed_hosts, got {host!r}."
    assert answer.json() == {"detail": told, "row": None, "column": None}
    counted = client.get("/metrics", headers={"Host": "localhost"}).text
    assert 'churn_requests_total{path="/metadata",status="400"}' in counted

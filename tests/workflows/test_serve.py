"""The server as a user starts it: refused in a sentence, or up, asked, and stopped."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import onnx
import pytest

from churn_torch.errors import InputError
from churn_torch.serving.run_model import find_model
from churn_torch.workflows.serve import listen
from tests.stderr import own

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def refused(command):
    def run(arguments: list[object], *fragments: str) -> None:
        code, out, err = command("serve", *arguments)
        assert code == 1
        assert out == ""
        err = own(err)
        assert err.startswith("Error: "), err
        assert err.count("\n") == 1, err
        for fragment in fragments:
            assert re.search(fragment, err), err

    return run


def test_no_run_and_no_model(refused, customers_run, tmp_path):
    shutil.copytree(customers_run.folder, tmp_path / "best")
    refused([f"run={tmp_path}/bset"], "bset', which is not there", "did you mean '.*best'")
    (tmp_path / "best" / "model.onnx").unlink()
    refused([f"run={tmp_path}/best"], r"expected model\.onnx in", r"churn-torch export run=")


def test_files_that_cannot_be_served(refused, customers_run, tmp_path):
    whole = customers_run.model.read_bytes()
    path = tmp_path / "model.onnx"
    foreign, newer = onnx.load_from_string(whole), onnx.load_from_string(whole)
    foreign.ClearField("metadata_props")
    for entry in newer.metadata_props:
        if entry.key == "format":
            entry.value = "99"
    for content, fragment in (
        (whole[: len(whole) // 2], "expected an ONNX file that onnxruntime can open"),
        (b"", "expected an ONNX file that onnxruntime can open"),
        (foreign.SerializeToString(), "expected an ONNX file of churn_torch"),
        (newer.SerializeToString(), "of format '99'.*install that version or newer"),
    ):
        path.write_bytes(content)
        refused([f"run={path}"], fragment)


def test_a_port_that_is_taken(refused, customers_run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        keys = [f"run={customers_run.folder}", f"port={port}"]
        refused(keys, f"host=127.0.0.1 port={port}, got an error: Address already in use", "port=0")


@pytest.mark.parametrize(
    ("key", "fragment"),
    [
        ("port=70000", "port: expected a whole number from 0 to 65535, got 70000"),
        ("port=http", "port: expected a whole number, got 'http'"),
        ("max_rows=0", "max_rows: expected 1 or more, got 0"),
        ("max_bytes=-1", "max_bytes: expected 1 or more"),
        ("head_seconds=0", "head_seconds: expected seconds, more than 0"),
        ("drain_seconds=inf", "drain_seconds: expected seconds, .* at most 86,400, got inf"),
        ("allowed_hosts=[http://a]", "allowed_hosts: expected names such as churn.example.com"),
        ("host=256.0.0.1", r"listen on host=256\.0\.0\.1"),
        ("prot=1", r"prot: .*did you mean 'port'"),
    ],
)
def test_keys_that_cannot_be_used(refused, customers_run, key, fragment):
    refused([f"run={customers_run.folder}", key], fragment)


def test_without_the_extra(refused, customers_run, monkeypatch):
    monkeypatch.delitem(sys.modules, "churn_torch.serving.http.server", raising=False)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    refused([f"run={customers_run.folder}"], "the extra \\[serve\\], got none called 'fastapi'")


def test_a_file_and_a_folder_are_both_runs(customers_run):
    assert find_model(str(customers_run.folder)) == customers_run.model
    assert find_model(str(customers_run.model)) == customers_run.model
    with pytest.raises(InputError):
        find_model(str(customers_run.folder / "nothing"))


def test_any_free_port():
    with listen("127.0.0.1", 0) as listener:
        assert listener.getsockname()[1] > 0


def test_started_asked_and_stopped(customers_run, tmp_path):
    script = ROOT / "scripts" / "serve.py"
    command = [sys.executable, script, f"run={customers_run.folder}", "port=0", "max_bytes=100000"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            printed = ""
            while not (port := re.search(r"http://127\.0\.0\.1:(\d+)", printed)):
                line = server.stdout.readline()
                assert line, server.communicate()
                printed += line
            address = f"http://127.0.0.1:{port[1]}"
            with urllib.request.urlopen(f"{address}/openapi.json", timeout=60) as response:
                row = json.load(response)["components"]["schemas"]["Customer"]["example"]

            def ask(content: bytes) -> int:
                request = urllib.request.Request(f"{address}/predict", data=content)
                try:
                    with urllib.request.urlopen(request, timeout=60) as response:
                        return int(response.status)
                except urllib.error.HTTPError as error:
                    return error.code

            assert ask(json.dumps(row).encode()) == 200
            assert ask(b"{") == 422
            assert ask(b" " * 100_001) == 413
            # Chunks without an end: what goes beyond the limit is answered, and not kept.
            with socket.create_connection(("127.0.0.1", int(port[1])), timeout=60) as raw:
                raw.sendall(
                    b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                )
                for _ in range(20):
                    raw.sendall(b"2710\r\n" + b" " * 10_000 + b"\r\n")
                assert raw.recv(12) == b"HTTP/1.1 413"
            # A client that goes away in the middle of its body.
            with socket.create_connection(("127.0.0.1", int(port[1])), timeout=60) as raw:
                raw.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{")
            assert ask(json.dumps(row).encode()) == 200
            server.send_signal(signal.SIGTERM)
            _, err = server.communicate(timeout=60)
        finally:
            server.kill()
    assert server.returncode == 128 + signal.SIGTERM
    assert own(err) == ""
    assert list(tmp_path.iterdir()) == []

"""Another model file while a server answers."""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
import signal

import pytest
from starlette.testclient import TestClient

from churn_torch.serving.http.running import Reloading, _Escaping
from churn_torch.serving.http.server import create_app
from churn_torch.serving.model_file import ModelFile
from tests.serving.made_file import write_file


@pytest.fixture
def path(tmp_path):
    return write_file(tmp_path / "model.onnx")


@pytest.fixture
def app(path):
    return create_app(ModelFile(path), max_rows=10, max_bytes=100_000)


@pytest.fixture(autouse=True)
def no_hangup(monkeypatch):
    """Leave SIGHUP of the process that runs the tests alone."""
    monkeypatch.setattr("churn_torch.serving.http.running.signal.signal", lambda *_: None)


def look(reloading: Reloading, n: int = 1) -> None:
    for _ in range(n):
        asyncio.run(reloading.look())


@pytest.mark.parametrize("watch", [True, False])
def test_the_file_is_read_again(app, path, watch, capsys):
    """When it has changed and rests, or on demand; the new one answers from then on."""
    reloading = Reloading(app, str(path), watch=watch)
    with TestClient(app) as client:
        look(reloading, 3)
        write_file(path, churn_torch_version="99")
        look(reloading)
        assert client.get("/metadata").json()["churn_torch_version"] == "0.1.0"
        if not watch:
            reloading._want(1, None)
        look(reloading)
        assert client.get("/metadata").json()["churn_torch_version"] == "99"
        assert client.get("/openapi.json").json()["info"]["version"] == "99"
        look(reloading, 3)
        assert 'churn_reloads_total{result="replaced"} 1.0' in client.get("/metrics").text
    said = " ".join(capsys.readouterr().out.split())
    assert said.count("was read again and answers now") == 1


def test_a_damaged_file_replaces_nothing(app, path, caplog):
    reloading = Reloading(app, str(path), watch=True)
    whole = path.read_bytes()
    with TestClient(app) as client:
        before = client.get("/metadata").content
        for damaged in (whole[: len(whole) // 2], b"", b"x" * 999):
            path.write_bytes(damaged)
            look(reloading, 4)
            assert "still answers: model: expected " in caplog.text
            assert len(caplog.records) == 1  # it is said once
            caplog.clear()
        path.unlink()
        look(reloading, 3)
        assert not caplog.records
        reloading._want(1, None)
        look(reloading)
        assert "still answers: run: expected " in caplog.text
        assert client.get("/metadata").content == before
        assert 'churn_reloads_total{result="refused"} 4.0' in client.get("/metrics").text


def test_a_file_with_another_interface_replaces_nothing(app, path, customers_run, caplog):
    """Clients would be refused, or miss an output that they read."""
    reloading = Reloading(app, str(path), watch=True)
    served = app.state.served
    for write, fragment in (
        (lambda: shutil.copy(customers_run.model, path), "'minutes': absent; start another server"),
        (lambda: write_file(path, reasons=None), "expected the outputs .* got none .*'reasons'"),
    ):
        write()
        look(reloading, 3)
        assert re.search(fragment, caplog.text)
        assert app.state.served is served


@pytest.mark.parametrize(
    ("before", "looks", "ends"),
    [
        (signal.SIG_DFL, 0, True),
        (signal.SIG_DFL, 1, True),
        (signal.SIG_DFL, 2, False),  # disowned: no signal came with the closing
        (signal.SIG_IGN, 0, False),  # started by nohup
    ],
)
def test_a_closed_window_ends_the_server(app, path, monkeypatch, before, looks, ends):
    windows, killed = [True], []
    running = "churn_torch.serving.http.running"
    monkeypatch.setattr(f"{running}._has_terminal", lambda: windows[-1])
    monkeypatch.setattr(f"{running}.signal.signal", lambda *_: before)
    monkeypatch.setattr(f"{running}.os.kill", lambda *sent: killed.append(sent[1]))
    reloading = Reloading(app, str(path), watch=False)
    reloading._want(1, None)  # the window is open: a reload
    look(reloading)
    assert not killed
    windows.append(False)
    look(reloading, looks)
    reloading._want(1, None)
    assert killed == [signal.SIGTERM] * ends


def test_control_characters_are_shown():
    record = logging.makeLogRecord({"msg": "a\x1b[31m\nERROR: b\u2028", "levelname": "ERROR"})
    assert _Escaping("%(levelname)s: %(message)s").format(record) == (
        "ERROR: a\\x1b[31m\\nERROR: b\\u2028"
    )

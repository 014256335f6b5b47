"""The README is run line by line."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytorch_lightning as pl

from churn_torch.workflows.runs import publish
from churn_torch.workflows.runs.artefacts import ARTEFACTS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [body for found, body in BLOCKS if found == language]


def bash_lines() -> list[str]:
    return [line for body in blocks("bash") for line in body.splitlines()]


def test_the_two_commands_open_the_readme():
    first = blocks("")[0].splitlines()
    assert [line.split("#")[0].strip() for line in first] == ["make train", "make test"]
    assert README.index("make train") < 100


def test_every_block_works_in_order(command, monkeypatch, tmp_path: Path):
    """Bash lines and Python blocks, in one empty folder.

    In this process, which has imported torch already; tests/test_scripts.py starts the scripts.
    """
    (tmp_path / "scripts").symlink_to(ROOT / "scripts")
    (tmp_path / "outputs").mkdir()
    monkeypatch.chdir(tmp_path)
    # That the defaults learn enough is tested in tests/workflows/test_train.py.
    start = pl.Trainer.__init__

    def fewer_epochs(trainer, *, max_epochs, **keys):
        start(trainer, max_epochs=min(max_epochs, 4), **keys)

    monkeypatch.setattr(pl.Trainer, "__init__", fewer_epochs)
    # The blocks below read the file of the last training; tests/export guards those of the others.
    trainings = [line for line in bash_lines() if line.split()[1] in ("train", "tune")]
    line, write = "", publish.write_model

    def write_few(*arguments, **keys):
        return [] if line in trainings[:-1] else write(*arguments, **keys)

    monkeypatch.setattr(publish, "write_model", write_few)
    ran = 0
    for language, body in BLOCKS:
        if language == "python":
            exec(compile(body, "README.md", "exec"), {"__name__": "__main__"})
            ran += 1
        for line in body.splitlines() if language == "bash" else ():
            program, name, *arguments = shlex.split(line)
            if name == "-c":
                exec(compile(arguments[0], "README.md", "exec"), {"__name__": "__main__"})
            else:
                assert program == "churn-torch" or Path(name).is_file(), line
                code, out, err = command(Path(name).stem, *arguments)
                assert code == 0, f"{line}\n{out}\n{err}"
                assert "Warning" not in err, err
            ran += 1
    assert ran >= 9
    check_page(tmp_path, command)
    check_server(tmp_path)
    for made in ("scores.parquet", "churn.onnx", "outputs/latest/model.onnx"):
        assert (tmp_path / made).exists()


def check_page(folder: Path, command) -> None:
    """Make the what-if page and serve it as the README does; npm is spared a second download."""
    runtime = ROOT / "tests" / "export" / "node" / "node_modules" / "onnxruntime-web"
    if not runtime.is_dir():
        assert os.environ.get("CI") != "true", "npm ci has not been run"
        return  # tests/export/test_web.py skips and says why
    make, serve = (shlex.split(line)[1:] for line in blocks("console")[0].splitlines())
    code, _, err = command(*make, f"runtime={runtime}")
    assert code == 0, err
    serving = [sys.executable, "-u", *serve, "0"]
    with subprocess.Popen(
        serving, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        try:
            url = re.search(r"http://[\d.:]+/", server.stdout.readline())
            assert url
            with urllib.request.urlopen(url[0], timeout=60) as response:
                assert b"what if" in response.read()
        finally:
            server.terminate()


def check_server(folder: Path) -> None:
    """Start the server as the README does, and post the body that its curl posts."""
    _, start, ask = blocks("console")
    address, body = re.findall(r'curl -s "http://127.0.0.1:8080(.*?)" -d \'(.*)\'', ask, re.DOTALL)[
        0
    ]
    name, *arguments = shlex.split(start)[1:]
    command = [sys.executable, str(ROOT / "scripts" / f"{name}.py"), *arguments, "port=0"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        said = "".join(server.stdout.readline() for _ in range(2))
        port = re.search(r"http://127.0.0.1:(\d+)", said)
        try:
            assert port, said
            request = urllib.request.Request(
                f"http://127.0.0.1:{port[1]}{address}", data=body.encode()
            )
            with urllib.request.urlopen(request, timeout=60) as response:
                answer = json.load(response)
        finally:
            server.terminate()
        assert server.wait(60) == 143  # as the shell reports SIGTERM
    assert len(answer["reasons"]) == 3
    assert answer["quality"] == {"streaming_movies": "missing"}


def test_the_table_of_files_names_every_artefact():
    table = README.split("| file | content |")[1].split("\n\n")[0]
    names = re.findall(r"^\| (.+?) \|", table, re.MULTILINE)
    named = re.findall(r"`([\w.]+)`", " ".join(names))
    assert sorted(named) == sorted(artefact.name for artefact in ARTEFACTS)


def test_links_lead_somewhere():
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target

"""The README is run line by line, and its tree is the tree there is."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [body for found, body in BLOCKS if found == language]


def test_the_two_commands_open_the_readme():
    first = blocks("")[0].splitlines()
    assert [line.split("#")[0].strip() for line in first] == ["make train", "make test"]
    assert README.index("make train") < 100


def test_every_block_works_in_order(tmp_path: Path):
    """Bash lines and Python blocks, in one empty folder, with the scripts of this checkout."""
    (tmp_path / "scripts").symlink_to(ROOT / "scripts")
    (tmp_path / "outputs").mkdir()
    ran = 0
    for language, body in BLOCKS:
        commands: list[list[str]] = []
        if language == "bash":
            commands = [shlex.split(line) for line in body.splitlines()]
        elif language == "python":
            commands = [["python", "-c", body]]
        for command in commands:
            assert command[0] == "python", command
            done = subprocess.run(
                [sys.executable, *command[1:]], cwd=tmp_path, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
            assert "Warning" not in done.stderr, done.stderr
            ran += 1
    assert ran >= 9
    for made in ("scores.parquet", "churn.onnx", "outputs/latest/model.onnx"):
        assert (tmp_path / made).exists()


def test_run_folder_table_names_every_file():
    table = README.split("| file | what |")[1].split("\n\n")[0]
    named = set(re.findall(r"`([\w.]+\.\w+)`", table))
    assert named == {
        "model.onnx", "metrics.json", "predictions.parquet", "schema.json", "weights.pt",
        "config.yaml", "train.log", "last.ckpt",
    }  # fmt: skip


def tree() -> list[tuple[str, str]]:
    """Paths of the README's tree with their purposes; `a/ b/` lines name several folders."""
    entries, folders = [], []
    for line in README.split("## The tree")[1].split("```")[1].strip("\n").splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        name, _, purpose = line.strip().partition("  ")
        names = re.findall(r"\S+/(?= |$)|\S+", name)
        names = names if all(part.endswith("/") for part in names) else [name.split()[0]]
        folders = folders[:depth]
        entries += [("".join(folders) + part, purpose.strip()) for part in names]
        if names[-1].endswith("/"):
            folders = [*folders, names[-1]]
    return entries


@pytest.mark.parametrize(("path", "purpose"), tree())
def test_every_entry_of_the_tree_exists(path: str, purpose: str):
    assert (ROOT / path).exists()
    assert purpose or path.startswith("conf/")


def test_every_module_and_folder_is_in_the_tree():
    named = {path.rstrip("/") for path, _ in tree()}
    purposes = "\n".join(line for line in README.split("## The tree")[1].splitlines())
    package = ROOT / "churn_torch"
    for path in sorted(package.rglob("*.py")):
        if path.name == "__init__.py":
            continue
        relative = path.relative_to(ROOT).as_posix()
        shared = path.parent.name == "nets" and path.name in purposes
        assert relative in named or shared, f"{relative} is not in the README's tree"
    for group in sorted(p for p in (ROOT / "conf").iterdir() if p.is_dir()):
        assert f"conf/{group.name}" in named

"""The guides of docs/guides are run block by block."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

GUIDES = sorted((Path(__file__).resolve().parents[1] / "docs" / "guides").glob("*.md"))


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_every_block_works_in_order(guide: Path, command, monkeypatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    text = guide.read_text(encoding="utf-8")
    said = ""
    for language, body in re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if language == "python":
            exec(compile(body, guide.name, "exec"), {"__name__": "__main__"})
        for line in body.splitlines() if language == "bash" else ():
            program, name, *arguments = shlex.split(line)
            assert program == "churn-torch", line
            code, out, err = command(name, *arguments)
            assert code == 0, f"{line}\n{out}\n{err}"
            assert "Warning" not in err, err
            said += out
    # What the guide says that a training says.
    for word in ("cp1252", "above the header left out", "€ and . left out", "k.A."):
        assert word in said

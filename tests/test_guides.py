"""The guides of docs/guides are run block by block."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

GUIDES = sorted((Path(__file__).resolve().parents[1] / "docs" / "guides").glob("*.md"))
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What a guide says that its commands say, beside the lines of its blocks without a language.
SAID = {
    "your-table": ("cp1252", "above the header left out", "€ and . left out", "k.A."),
    "explain": (
        "below the threshold already",
        "Importance:",
        "above 30 columns are nearly collinear",
    ),
    "sequences": ("lists of days before the day of the row", "Reasons are exact"),
    "report": ("Report: report.html", "Report: two.html"),
    "leakage": ("refund alone tells churn", "To leave out all of them"),
    "fairness": (
        "female: no difference beyond chance in how the model treats the groups.",
        "A threshold by group decides by the column itself",
    ),
    "compare": ("it is really better than job 1", "corrected for that (Nadeau & Bengio 2003)"),
    "events": (
        "Run folder: ",
        "customers at 1998-07-01.",
        "rows scored, written to scores.csv",
    ),
    "survival": (
        "It is not learned from; in model.onnx tenure is how long a customer has stayed so far",
        "left within 12 periods",
        "leave by the end of the data.",
        "customers at 1998-07-01.",
    ),
    "features": (
        "features.orders.by.channel: the most frequent values before",
        "rows scored, written to scores.csv",
    ),
    "campaign": (
        "keep rates play no part",
        "(the optimum of the relaxation)",
        "test customers who stay spent",
    ),
}


def words(text: str) -> str:
    """Return text without the lines of tables, which are as wide as the terminal."""
    return " ".join(text.replace("│", " ").split())


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_every_block_works_in_order(guide: Path, command, monkeypatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    said, shown = "", []
    for language, body in BLOCK.findall(guide.read_text(encoding="utf-8")):
        if language == "python":
            exec(compile(body, guide.name, "exec"), {"__name__": "__main__"})
        for line in body.splitlines() if language == "bash" else ():
            program, name, *arguments = shlex.split(line)
            assert program == "churn-torch", line
            code, out, err = command(name, *arguments)
            assert code == 0, f"{line}\n{out}\n{err}"
            assert "Warning" not in err, err
            said += out
        shown += [body] if not language else []
    for word in SAID[guide.stem]:
        assert word in said
    kept = words(said)
    for body in shown:
        lines = [body] if "│" not in body else body.splitlines()
        for line in lines:
            assert numberless(line) in numberless(kept), line


def numberless(text: str) -> str:
    """Return text with every number alike: its last digits differ between machines."""
    return re.sub(r"[-+]?\d[\d.,]*\d|\d", "0", words(text))

"""Free memory: limits that are read right, and files that are refused before they fill it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.readers import free_memory, packing, sources, text_files
from churn_torch.tables.readers.free_memory import available_bytes
from tests.tables.readers.workbooks import write_xlsx


def test_the_lowest_limit_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(free_memory, "_LIMITS", ())
    free = available_bytes()
    assert free is not None
    assert 2**20 < free < 2**50
    limits = tmp_path / "memory.max", tmp_path / "limit_in_bytes", tmp_path / "none"
    monkeypatch.setattr(free_memory, "_LIMITS", limits)
    limits[0].write_text("max\n")
    limits[1].write_text("9223372036854771712\n")
    assert available_bytes() == pytest.approx(free, rel=0.5)
    limits[0].write_text("1048576\n")
    assert available_bytes() == 1048576


@pytest.mark.parametrize("name", ["t.xlsx", "t.json", "t.json.gz", "t.sav"])
def test_what_is_read_whole_must_fit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """By what is in the file: packed, all of them are small."""
    frame = pd.DataFrame({"a": ["b" * 50] * 500, "c": range(500)})
    path = tmp_path / name
    if name == "t.xlsx":
        write_xlsx(path, {"t": [list(frame), *frame.to_numpy().tolist()]})
    elif name == "t.sav":
        pytest.importorskip("pyreadstat").write_sav(frame, path, compress=True)
    else:
        text = json.dumps({"rows": frame.to_dict("records")}, indent=1).encode()
        path.write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    assert len(sources.read(path)) == 500
    monkeypatch.setattr(free_memory, "available_bytes", lambda: 20_000)
    with pytest.raises(InputError, match=r"expected a table that fits into the free memory"):
        sources.read(path)


def test_unpacking_leaves_room_on_the_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "t.json.gz"
    path.write_bytes(gzip.compress(b'[{"a": 1}, {"a": 2}]'))
    monkeypatch.setattr(packing, "_LEFT_FREE", 1.0)
    with pytest.raises(InputError, match=r"t\.json\.gz: expected a file that .* has room for, got"):
        sources.read(path)


@pytest.mark.parametrize("end", [b"]", b"]\n"])
def test_a_document_may_be_one_line_and_a_row_may_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, end: bytes
) -> None:
    monkeypatch.setattr(text_files, "BLOCK", 1000)
    (tmp_path / "t.json").write_bytes(b"[" + b",".join([b'{"a": 1}'] * 70_000) + end)
    assert len(sources.read(tmp_path / "t.json")) == 70_000
    (tmp_path / "t.csv").write_bytes(b"a,b\n" + b"1,2 " * 100_000)
    with pytest.raises(InputError, match="a line is longer than"):
        sources.read(tmp_path / "t.csv")

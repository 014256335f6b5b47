"""Memory: estimates that are of the right size, and limits that are read right."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_torch.tables.readers import memory
from churn_torch.tables.readers.memory import available_bytes, estimated_bytes
from churn_torch.tables.readers.sources import read


def test_estimates_are_of_the_size_in_memory(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "number": rng.normal(size=20_000),
            "whole": rng.integers(0, 9, 20_000),
            "text": [f"customer number {i}" for i in range(20_000)],
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_csv(tmp_path / "t.csv", index=False)
    for name in ("t.parquet", "t.csv"):
        size = read(tmp_path / name).memory_usage(deep=True).sum()
        assert 0.4 < estimated_bytes(tmp_path / name) / size < 2
    assert estimated_bytes(str(tmp_path / "t.*")) == sum(
        estimated_bytes(tmp_path / name) for name in ("t.parquet", "t.csv")
    )
    text = (tmp_path / "t.csv").read_bytes()
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(text))
    # What is packed is unpacked to see: zeros grow to a thousand times their size.
    assert estimated_bytes(tmp_path / "t.csv.gz") == estimated_bytes(tmp_path / "t.csv")


def test_sources_without_files_have_no_estimate() -> None:
    assert estimated_bytes("SELECT 1 AS a") is None
    assert estimated_bytes(pd.DataFrame({"a": [1]})) is None


def test_the_lowest_limit_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "_LIMITS", ())
    free = available_bytes()
    assert free is not None
    assert 2**20 < free < 2**50
    limits = tmp_path / "memory.max", tmp_path / "limit_in_bytes", tmp_path / "none"
    monkeypatch.setattr(memory, "_LIMITS", limits)
    limits[0].write_text("max\n")
    limits[1].write_text("9223372036854771712\n")
    assert available_bytes() == pytest.approx(free, rel=0.5)
    limits[0].write_text("1048576\n")
    assert available_bytes() == 1048576

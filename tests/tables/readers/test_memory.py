"""Memory: estimates that are of the right size."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd

from churn_torch.tables.readers.memory import estimated_bytes
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

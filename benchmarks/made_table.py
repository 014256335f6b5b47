"""Make a large customer table for benchmarks: 20 mixed columns with quirks, written as Parquet.

python benchmarks/made_table.py 1000000 /tmp/customers.parquet
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

CHUNK_ROWS = 100_000


def made_rows(n_rows: int, first: int, seed: int = 0) -> pd.DataFrame:
    """Return rows ``first`` onwards: 10 numbers, 6 categories, 2 booleans, a date, a code."""
    rng = np.random.default_rng([seed, first])
    numbers = rng.normal(size=(n_rows, 8)) @ rng_mixing(seed)
    charges = np.exp(numbers[:, 0]) * 50
    tenure = rng.integers(0, 72, n_rows)
    plan = rng.choice(["basic", "plus", "premium", "family"], n_rows, p=[0.5, 0.3, 0.15, 0.05])
    region = rng.integers(0, 50, n_rows)
    paperless = rng.random(n_rows) < 0.6
    logit = (
        -1.5 + 0.8 * numbers[:, 1] - 0.5 * numbers[:, 2] - 0.03 * tenure
        + 0.6 * (plan == "basic") + 0.02 * (region % 7) + 0.3 * paperless
    )  # fmt: skip
    frame = pd.DataFrame({f"usage_{i}": numbers[:, i] for i in range(8)})
    frame["charges"] = np.where(rng.random(n_rows) < 0.02, np.nan, charges)
    frame["tenure"] = tenure
    frame["plan"] = plan
    frame["region"] = np.char.add("region_", region.astype(str))
    for i, size in enumerate((3, 5, 12, 200)):
        frame[f"category_{i}"] = np.char.add("level ", rng.integers(0, size, n_rows).astype(str))
    frame["paperless"] = np.where(paperless, "Yes", "No")
    frame["autopay"] = rng.integers(0, 2, n_rows)
    days = rng.integers(0, 3000, n_rows)
    frame["signup"] = pd.Timestamp("2017-01-01") + pd.to_timedelta(days, unit="D")
    frame["last_seen"] = 1_700_000_000 + rng.integers(0, 10_000_000, n_rows)
    frame["churned"] = np.where(rng.random(n_rows) < 1 / (1 + np.exp(-logit)), "yes", "no")
    return frame


def rng_mixing(seed: int) -> np.ndarray:
    """Return the matrix that correlates the usage columns, the same for every chunk."""
    return np.eye(8) + 0.3 * np.random.default_rng(seed).normal(size=(8, 8))


def write(n_rows: int, path: Path) -> None:
    """Write the table chunk by chunk, so that its size is not bounded by memory."""
    writer = None
    for first in range(0, n_rows, CHUNK_ROWS):
        rows = made_rows(min(CHUNK_ROWS, n_rows - first), first)
        table = pa.Table.from_pandas(rows, preserve_index=False)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


if __name__ == "__main__":
    write(int(sys.argv[1]), Path(sys.argv[2]))

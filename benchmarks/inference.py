"""How long the kinds of a large table take to be inferred.

    python benchmarks/inference.py

The table has a million rows: eight columns of real numbers, four of whole ones, six of categories,
dates and a target, typed as Parquet gives them. Prints CPU seconds of three rounds. To compare two
versions, run it in both checkouts in turn (``PYTHONPATH=CHECKOUT``) and report the ratio.
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from churn_torch.tables.inference.infer import infer
from churn_torch.tables.options import ColumnRoles

ROWS = 1_000_000


def made() -> pd.DataFrame:
    """Make the table."""
    rng = np.random.default_rng(0)
    columns: dict[str, object] = {f"real{i}": rng.normal(size=ROWS) for i in range(8)}
    columns |= {f"whole{i}": rng.integers(0, 100, ROWS) for i in range(4)}
    for i in range(6):
        words = [f"w{j}" for j in range(5 * (i + 1))]
        columns[f"category{i}"] = pd.Series(rng.choice(words, ROWS), dtype="str")
    days = pd.to_timedelta(rng.integers(0, 3000, ROWS), unit="D")
    columns["date"] = pd.Series(pd.Timestamp("2015-01-01") + days)
    columns["churn"] = pd.Series(rng.choice(["yes", "no"], ROWS), dtype="str")
    return pd.DataFrame(columns)


def main() -> None:
    """Time the inference."""
    frame = made()
    for _ in range(3):
        start = time.process_time()
        infer(frame, ColumnRoles(target="churn"))
        print(f"{time.process_time() - start:.2f} CPU s")


if __name__ == "__main__":
    main()

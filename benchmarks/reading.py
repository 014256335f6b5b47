"""How long a table of 10^6 x 20 takes to be read, here and in another checkout.

    python benchmarks/reading.py --other CHECKOUT [--rows 1000000] [--rounds 3]

Reads a CSV, the same file in gzip and the table as Parquet in chunks, as a streamed training does.
Each reading is a process of its own, which first reads once untimed; what that reading found out
about the file is forgotten. The checkouts take turns. Prints the smallest CPU seconds of each, and
the ratio of this checkout to the other.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import made_table
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parents[1]
TIMED = """
import sys, time
from churn_torch.tables.readers import csv_form
from churn_torch.tables.readers.sources import read_chunks
for _ in range(2):
    csv_form._form.cache_clear()
    start = time.process_time()
    for _ in read_chunks(sys.argv[1]):
        pass
print(time.process_time() - start)
"""


def seconds(checkout: Path, table: Path) -> float:
    """Return the CPU seconds that a checkout takes to read a table."""
    done = subprocess.run(
        [sys.executable, "-c", TIMED, str(table)],
        cwd=checkout,  # which comes first among the places of modules
        capture_output=True,
        check=True,
        text=True,
    )
    return float(done.stdout)


def tables(folder: Path, rows: int) -> list[Path]:
    """Write the made table in three forms."""
    parquet, csv, packed = (folder / f"table.{end}" for end in ("parquet", "csv", "csv.gz"))
    made_table.write(rows, parquet)
    pa_csv.write_csv(pq.read_table(parquet), csv)
    with csv.open("rb") as file, gzip.open(packed, "wb", compresslevel=6) as out:
        shutil.copyfileobj(file, out)
    return [csv, packed, parquet]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--other", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    print("| table | CPU s | other | ratio |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for table in tables(Path(folder), given.rows):
            rounds = [
                (seconds(HERE, table), seconds(given.other.resolve(), table))
                for _ in range(given.rounds)
            ]
            here, other = map(min, zip(*rounds, strict=True))
            print(f"| {table.name} | {here:.2f} | {other:.2f} | {here / other:.2f} |", flush=True)


if __name__ == "__main__":
    main()

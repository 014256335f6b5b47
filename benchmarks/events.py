"""Customer rows from made events, beside one plain pass of DuckDB over the same file.

    python benchmarks/events.py [--events 5000000] [--memory 1GB]

The log has one customer for 25 events, two years, an amount, 7 channels and 200 products. Rows are
made at 5 cut-offs with 4 windows: count, sum, mean, different products, gaps, frequency, a trend,
shares of 5 channels and the last channel. The plain pass reads the same columns and groups them by
customer (count, sum, minimum, maximum, different products), once. Each side runs in a process of
its own; memory is the peak of the process, disk the most that the folder of the rows held.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
from pathlib import Path

import measured
from rich.console import Console
from rich.table import Table

MAKE = """
import duckdb
with duckdb.connect(config={{"memory_limit": "1500MB", "threads": 2}}) as connection:
    connection.execute('''COPY (
        SELECT CAST(hash(i * 7 + 1) % {customers} AS BIGINT) AS customer_id,
               TIMESTAMP '2023-01-01'
               + to_microseconds(CAST(hash(i * 11 + 3) % (730 * 86400) AS BIGINT) * 1000000)
               AS ordered_at,
               round(-20 * ln((hash(i * 13 + 5) % 1000000 + 1) / 1000001.0), 2) AS amount,
               'channel ' || (hash(i * 17 + 7) % 7) AS channel,
               CAST(hash(i * 19 + 9) % 200 AS INTEGER) AS product
        FROM range({events}) AS made(i)) TO '{source}' (FORMAT parquet)''')
"""
PLAIN = """
import duckdb
with duckdb.connect(config={{"memory_limit": "{memory}", "threads": 2}}) as connection:
    connection.execute('''CREATE TABLE totals AS
        SELECT customer_id, count(*), sum(amount), min(ordered_at), max(ordered_at),
               count(DISTINCT product), max(channel)
        FROM '{source}' GROUP BY customer_id''')
"""
FEATURES = """
from churn_torch.events.feature_tables import write_feature_tables
from churn_torch.events.specification import EventSpecification
specification = EventSpecification.from_mapping({{
    "events": {{
        "orders": {{"source": "{source}", "id": "customer_id", "time": "ordered_at"}}
    }},
    "features": {{"orders": {{
        "windows": ["7d", "30d", "90d", "all"], "sum": ["amount"], "mean": ["amount"],
        "distinct": ["product"], "gaps": True, "frequency": True, "trend": ["30d/90d"],
        "by": {{"channel": 5}}, "last": ["channel"],
    }}}},
    "population": {{"active": {{"orders": "90d"}}}},
    "label": {{"none_of": "orders", "within": "30d"}},
    "cutoffs": {{"every": "30d", "count": 5}},
}})
tables = write_feature_tables(specification, "{out}", memory="{memory}", threads=2)
print(sum(tables.rows), len(tables.cutoffs), sum(f.stat().st_size for f in tables.files) // 10**6)
"""


def main() -> None:
    """Make the log, run both sides and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--memory", default="1GB")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, out = folder / "orders.parquet", folder / "rows"
        values = {"source": str(source), "out": str(out), "memory": arguments.memory}
        values |= {"events": arguments.events, "customers": max(arguments.events // 25, 1)}
        measured.process("-c", MAKE.format(**values))
        idle = measured.process("-c", "import churn_torch.events.feature_tables")
        plain = measured.process("-c", PLAIN.format(**values))
        with MostDisk(out) as disk:
            made = measured.process("-c", FEATURES.format(**values))
        size = source.stat().st_size / 1e6
    table = Table("", "seconds", "CPU seconds", "ratio of CPU", "peak MB", "disk MB")
    table.add_row(
        "plain pass",
        f"{plain.seconds:.1f}",
        f"{plain.cpu_seconds:.1f}",
        "1.0",
        f"{plain.peak_mb:.0f}",
        "",
    )
    seconds, cpu = made.seconds - idle.seconds, made.cpu_seconds - idle.cpu_seconds
    table.add_row(
        "rows at 5 cut-offs",
        f"{seconds:.1f}",
        f"{cpu:.1f}",
        f"{cpu / plain.cpu_seconds:.1f}",
        f"{made.peak_mb:.0f}",
        f"{disk.most / 1e6:.0f}",
    )
    rows, cutoffs, written = made.last_line.split()
    console = Console()
    console.print(f"{arguments.events:,} events in {size:.0f} MB; {int(rows):,} rows at {cutoffs} "
                  f"cut-offs in {written} MB")  # fmt: skip
    console.print(table)


class MostDisk:
    """The most bytes that a folder held, looked at ten times a second."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.most = 0

    def __enter__(self) -> MostDisk:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stopped.wait(0.1):
            size = 0
            for path in self._folder.rglob("*"):
                try:
                    size += path.stat().st_size
                except OSError:  # it is gone
                    continue
            self.most = max(self.most, size)


if __name__ == "__main__":
    main()

"""What the report of a run costs on top of its training, and how large the page is.

    python benchmarks/report.py [--rows 1000000]

On Telco, and on the made table (20 mixed columns), each with an offer: a training with
report=false and one with report=true, one after the other, each in a process of its own; then the
command that writes the page of the finished run.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from measured import SCRIPTS, process

OFFER = ("offer=call", "data.value=100")


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    n_rows = parser.parse_args().rows
    print(
        "| data | training, CPU s | report adds | command | peak GB: training | with report "
        "| command | page kB |"
    )
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        table = root / "made.parquet"
        process(Path(__file__).with_name("made_table.py"), str(n_rows), table)
        made = ("data=table", f"data.source={table}", "data.target=churned")
        for name, keys in (("Telco", ()), (f"{n_rows:,} made rows", made)):
            out = root / name.replace(" ", "-")
            keys = (*keys, *OFFER, f"outputs={out}")
            plain = process(SCRIPTS / "train.py", *keys, "report=false")
            reported = process(SCRIPTS / "train.py", *keys)
            page = root / "page.html"
            command = process(SCRIPTS / "report.py", f"run={out / 'latest'}", f"out={page}")
            added = reported.cpu_seconds - plain.cpu_seconds
            print(
                f"| {name} | {plain.cpu_seconds:.1f} | {added:.1f} "
                f"({reported.seconds - plain.seconds:.1f} wall) | {command.cpu_seconds:.1f} "
                f"({command.seconds:.1f} wall) "
                f"| {plain.peak_mb / 1e3:.2f} | {reported.peak_mb / 1e3:.2f} "
                f"| {command.peak_mb / 1e3:.2f} "
                f"| {page.stat().st_size / 1e3:.0f} |"
            )


if __name__ == "__main__":
    main()

"""Tables larger than memory: rows a second and peak memory, as the table grows.

    python benchmarks/out_of_core.py [--rows 1000000 10000000 30000000] [--folder /mnt/disk]
                                     [--in-memory 2000000]

A table of 64 float32 columns and a target drawn from a logistic model of them, as Parquet files of
a million rows with row groups of 250,000. The files are kept when ``--folder`` is given, and made
only where they are missing: 0.26 GB a million rows; training needs as much again for its features.

For each size, every line a process of its own:

- newton, adam (2 epochs): churn_torch with data.streaming=true. "read" is the pass over the files
  for statistics, "write" the one that preprocesses them to disk, "train" a training pass over
  these features (the median of the passes after the first); rows of all parts count for the first
  two, training rows for the third. Decoding the Parquet files is then over.
- SGDClassifier: pyarrow batches of 65,536 rows as pandas frames into ``partial_fit``, one pass.

At ``--in-memory`` rows (features of fewer than a million stay in memory in any case) the same
trainings run with data.streaming=false and the same split by hash: the ratio of training passes
streamed to in memory, and the largest difference between the coefficients of newton.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import measured

PART_ROWS = 1_000_000
GROUP_ROWS = 250_000
BATCH_ROWS = 65_536
N_COLUMNS = 64
OPTIMIZERS = {"newton": [], "adam": ["trainer.max_epochs=2"]}
PASSES_OVER_ALL = {"statistics": "read", "features": "write"}


def write_part(path: Path, first: int, n_rows: int) -> None:
    """Write rows ``first`` onwards."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    weight = np.random.default_rng(0).normal(size=N_COLUMNS).astype(np.float32) / 8
    rng = np.random.default_rng([1, first])
    names = [f"x{i}" for i in range(N_COLUMNS)]
    schema = pa.schema([*((name, pa.float32()) for name in names), ("churn", pa.int8())])
    temporary = path.with_suffix(".part")
    with pq.ParquetWriter(temporary, schema, use_dictionary=["churn"]) as writer:
        for start in range(0, n_rows, GROUP_ROWS):
            x = rng.standard_normal((N_COLUMNS, min(GROUP_ROWS, n_rows - start)), dtype=np.float32)
            churn = rng.random(x.shape[1]) < 1 / (1 + np.exp(1.5 - weight @ x))
            arrays = [pa.array(column) for column in x] + [pa.array(churn.astype(np.int8))]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    temporary.rename(path)


def table(folder: Path, n_rows: int) -> Path:
    """Return a folder with the Parquet files of a table; sizes share their files."""
    parts = folder / "parts"
    chosen = folder / f"rows_{n_rows}"
    parts.mkdir(parents=True, exist_ok=True)
    chosen.mkdir(exist_ok=True)
    for first in range(0, n_rows, PART_ROWS):
        n = min(PART_ROWS, n_rows - first)
        part = parts / f"{first:010}_{n}.parquet"
        if not part.exists():
            if shutil.disk_usage(folder).free < 1.1 * (n_rows - first) * N_COLUMNS * 4 + 2e9:
                raise SystemExit(f"{folder}: not enough room for {n_rows:,} rows")
            measured.process(__file__, "--write", part, str(first), str(n))
        link = chosen / part.name
        if not link.exists():
            os.link(part, link)
    return chosen


def churn_torch(source: Path, outputs: Path, optimizer: str, *, streamed: bool) -> dict[str, Any]:
    """Train once; return rates, seconds, peak memory and the file of the weights."""
    outcome = measured.train_in_steps(
        *("model=logreg", f"optimizer={optimizer}", *OPTIMIZERS[optimizer]),
        *("data=table", f"data.source={source}", "data.target=churn", "data.split.by=hash"),
        *(f"data.streaming={str(streamed).lower()}", f"outputs={outputs}"),
    )
    data, steps = outcome["metrics"]["data"], outcome["steps"]
    rates = {
        PASSES_OVER_ALL[step["step"]]: data["n_rows"] / step["seconds"] / 1e6
        for step in steps
        if step["step"] in PASSES_OVER_ALL
    }
    later = outcome["passes"][1:] or outcome["passes"]
    return {
        **rates,
        "train": data["n_train"] / statistics.median(later) / 1e6,
        "passes": len(outcome["passes"]),
        "seconds": sum(step["seconds"] for step in steps),
        "peak": max(step["peak_mb"] for step in steps),
        "steps": steps,
        "weights": Path(outcome["folder"]) / "weights.pt",
    }


def sgd_pass(source: Path) -> None:
    """Give every row once to SGDClassifier, chunk by chunk; print the rows a second."""
    import time

    import pyarrow.parquet as pq
    from sklearn.linear_model import SGDClassifier

    files = (pq.ParquetFile(path) for path in sorted(source.glob("*.parquet")))
    batches = (batch for file in files for batch in file.iter_batches(BATCH_ROWS))
    model, n_rows, start = SGDClassifier(loss="log_loss"), 0, time.perf_counter()
    for batch in batches:
        frame = batch.to_pandas()
        label = frame.pop("churn").to_numpy()
        model.partial_fit(frame.to_numpy(), label, classes=[0, 1])
        n_rows += len(frame)
    print(n_rows / (time.perf_counter() - start) / 1e6)


def largest_difference(first: Path, second: Path) -> float:
    """Return the largest difference of two runs' coefficients, over the largest coefficient."""
    code = (
        "import sys, torch\n"
        "a, b = (torch.load(path, weights_only=True) for path in sys.argv[1:])\n"
        "names = [name for name in a if name.startswith('net.')]\n"
        "a, b = (torch.cat([s[name].flatten() for name in names]) for s in (a, b))\n"
        "print(float((a - b).abs().max()))"
    )
    return float(measured.process("-c", code, first, second).last_line)


def show(name: str, n_rows: int, result: dict[str, Any]) -> None:
    """Print one line of the table."""
    rates = "".join(f"{result.get(k, float('nan')):8.3f}" for k in ("read", "write", "train"))
    print(
        f"{n_rows:>11,} {name:24}{rates} {result.get('passes', 1):7} {result['seconds']:8.1f} "
        f"{result['peak']:8.0f}",
        flush=True,
    )


def compare(source: Path, outputs: Path, n_rows: int, *, in_memory: bool, in_steps: bool) -> None:
    """Run every line of one size."""
    for optimizer in OPTIMIZERS:
        streamed = churn_torch(source, outputs, optimizer, streamed=True)
        show(f"{optimizer} streamed", n_rows, streamed)
        if in_memory:
            whole = churn_torch(source, outputs, optimizer, streamed=False)
            show(f"{optimizer} in memory", n_rows, whole)
            line = f"streamed to in memory: {streamed['train'] / whole['train']:.2f} of the rate"
            if optimizer == "newton":
                off = largest_difference(streamed["weights"], whole["weights"])
                line += f", coefficients differ by {off:.1e}"
            print(f"{'':12}{line}", flush=True)
        if in_steps:
            for step in streamed["steps"]:
                print(
                    f"{'':14}{step['step']:34} {step['seconds']:8.2f} s {step['peak_mb']:8.0f} MB",
                    flush=True,
                )
    cost = measured.process(__file__, "--sgd", source)
    rate = float(cost.last_line)
    show(
        "SGDClassifier, one pass",
        n_rows,
        {"train": rate, "seconds": cost.seconds, "peak": cost.peak_mb},
    )


def main() -> None:
    """Make the tables and print a line for each training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000, 30_000_000])
    parser.add_argument("--in-memory", type=int, nargs="*", default=[2_000_000])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--steps", action="store_true", help="print the steps of each training")
    # The two processes this script starts of itself.
    parser.add_argument("--write", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--sgd", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write:
        path, first, n_rows = arguments.write
        write_part(Path(path), int(first), int(n_rows))
        return
    if arguments.sgd:
        sgd_pass(arguments.sgd)
        return
    if arguments.folder:
        arguments.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder, outputs = arguments.folder or Path(name), Path(name) / "outputs"
        print(f"{'':36}   M rows/s")
        print(f"{'rows':>11} {'':24}    read   write   train  passes  seconds  peak MB")
        for n_rows in sorted({*arguments.rows, *arguments.in_memory}):
            source = table(folder, n_rows)
            compare(
                source,
                outputs,
                n_rows,
                in_memory=n_rows in arguments.in_memory,
                in_steps=arguments.steps,
            )
            shutil.rmtree(outputs)


if __name__ == "__main__":
    sys.exit(main())

"""From a million customers in Parquet to a call list, beside the scoring of the same file.

    python benchmarks/campaign_list.py [--rows 1000000] [--rounds 3]

A logistic regression learns from 50,000 other rows of the made table (20 mixed columns and an id).
Each side
then runs in a process of its own: `churn-torch score`, and `churn-torch campaign` with one offer
for a budget that pays for a twentieth of the customers, with one offer without a budget (reasons
for everybody whom it pays to contact), and with two offers. Seconds and memory are those of the
process less those of one that only imports the same modules; the fastest of the rounds counts.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
from pathlib import Path

import measured
from rich.console import Console
from rich.table import Table

TRAINING_ROWS = 50_000
SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
PREPARE = """
import sys
from pathlib import Path
sys.path.insert(0, {folder!r})
import pyarrow as pa
import pyarrow.parquet as pq
from made_table import made_rows, write
from churn_torch import compose, train
write({rows}, Path({source!r}))
table = pq.read_table({source!r})
ids = pa.array([f"C-{{i:08d}}" for i in range({rows})])
pq.write_table(table.append_column("customer_id", ids), {source!r})
training = made_rows({training}, first={rows})
training["customer_id"] = [f"T-{{i:08d}}" for i in range({training})]
keys = ["data=table", "data.source=-", "data.target=churned", "data.id=customer_id"]
train(compose("train", keys), Path({run!r}), source=training)
"""


def main() -> None:
    """Run the rounds and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stderr(io.StringIO()):
        folder = Path(name)
        source, run = folder / "customers.parquet", folder / "run"
        values = {"folder": str(Path(__file__).parent), "rows": arguments.rows}
        values |= {"source": str(source), "run": str(run), "training": TRAINING_ROWS}
        measured.process("-c", PREPARE.format(**values))
        common = [f"run={run}", f"source={source}"]
        campaign = [*common, "value=100", "overwrite=true", f"out={folder / 'calls.csv'}"]
        budget = f"budget={arguments.rows // 20 * 10}"
        sides = {
            "score": ["score", *common, f"out={folder / 'scores.parquet'}"],
            "campaign: call, budget": ["campaign", *campaign, "offer=call", budget],
            "campaign: call, no budget": ["campaign", *campaign, "offer=call"],
            "campaign: two offers, budget": [
                "campaign",
                *campaign,
                "offer=[call,discount]",
                budget,
            ],
        }
        costs: dict[str, list[measured.Cost]] = {side: [] for side in sides}
        idle: dict[str, measured.Cost] = {}
        for command in ("score", "campaign"):
            only = f"import churn_torch.cli.main, churn_torch.workflows.{command}"
            idle[command] = measured.process("-c", only)
        for _ in range(arguments.rounds):
            for side, keys in sides.items():
                costs[side].append(measured.process(SCRIPTS / f"{keys[0]}.py", *keys[1:]))
    result = Table("", "seconds", "CPU seconds", "ratio to score", "peak MB beyond imports")
    seconds = {}
    for side, of_side in costs.items():
        best = min(of_side, key=lambda cost: cost.seconds)
        without = idle[sides[side][0]]
        seconds[side] = best.seconds - without.seconds
        result.add_row(
            side,
            f"{seconds[side]:.2f}",
            f"{best.cpu_seconds - without.cpu_seconds:.2f}",
            f"{seconds[side] / seconds['score']:.1f}",
            f"{max(cost.peak_mb for cost in of_side) - without.peak_mb:.0f}",
        )
    Console(width=100).print(result)


if __name__ == "__main__":
    main()

"""Time to a first result: --help, and a training on the Telco sample by steps.

    python benchmarks/first_result.py [--rounds 5]

Each figure is the fastest of some processes, which alternate: Python alone; the imports of torch
and pytorch_lightning alone, which every training under Lightning needs; ``--help``; and a training
on 7,043 customers, by default and with optimizer=newton, the latter also split into its steps
(benchmarks/measured.py). Ratios are to the bare imports.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import measured

IMPORTS = "import torch, pytorch_lightning"
# Groups of the steps of benchmarks/measured.py; all others count as data.
GROUPS = {
    "python": "imports",
    "configuration": "start",
    "fit": "fit",
    "export": "export",
    "calibrate": "evaluate",
    "validation and test predictions": "evaluate",
    "test metrics": "evaluate",
    "save and report": "evaluate",
    "end of Python": "end",
}


def group(step: str) -> str:
    """Return which part of a run a step belongs to."""
    return "imports" if step.startswith("imports") else GROUPS.get(step, "data")


def main() -> None:
    """Measure all and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        outputs = f"outputs={Path(folder)}"
        telco = ["model=logreg", outputs]
        newton = [*telco, "optimizer=newton"]
        commands = {
            "python alone": ("-c", "pass"),
            "torch, pytorch_lightning": ("-c", IMPORTS),
            "train.py --help": (measured.SCRIPTS / "train.py", "--help"),
            "telco": (measured.SCRIPTS / "train.py", *telco),
            "telco, optimizer=newton": (measured.SCRIPTS / "train.py", *newton),
        }
        costs: dict[str, list[measured.Cost]] = {name: [] for name in commands}
        parts: dict[str, list[float]] = {}
        for _ in range(rounds):
            for name, command in commands.items():
                costs[name].append(measured.process(*command))
            split: dict[str, float] = {}
            for step in measured.train_in_steps(*newton)["steps"]:
                name = f"  {group(step['step'])}"
                split[name] = split.get(name, 0.0) + step["seconds"]
            for name, seconds in split.items():
                parts.setdefault(name, []).append(seconds)
    bare = min(cost.seconds for cost in costs["torch, pytorch_lightning"])
    print(f"{'':28} seconds  ratio   CPU s  peak MB")
    for name, several in costs.items():
        seconds = min(cost.seconds for cost in several)
        cpu, peak = min(c.cpu_seconds for c in several), max(c.peak_mb for c in several)
        print(f"{name:28} {seconds:7.2f}  {seconds / bare:5.2f} {cpu:7.2f} {peak:8.0f}")
    for name, several_seconds in parts.items():
        print(f"{name:28} {min(several_seconds):7.2f}  {min(several_seconds) / bare:5.2f}")


if __name__ == "__main__":
    main()

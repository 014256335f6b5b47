"""Time to churn beside Cox regression: C-index and error of the horizon on the same test rows.

    python -m venv /tmp/lifelines && /tmp/lifelines/bin/pip install lifelines
    python benchmarks/survival.py --lifelines /tmp/lifelines/bin/python [--tables Telco made]

lifelines is no dependency: it runs in a Python of its own, which gets the training rows and returns
the risks of the test rows. Tables: Telco (tenure in months, without total_charges), recidivism of
Rossi and breast cancer of the German study group, both shipped with lifelines, and made customers
whose hazard follows proportional odds. Each is split five times; training rows alone are fitted.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import churn_torch
from churn_torch import samples
from churn_torch.evaluation.survival.concordance import concordance
from churn_torch.tables.labelled.in_memory import MemoryTable
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.workflows.configuration.options import train_options

SEEDS = range(5)
MODELS = {"logreg": ["net=logreg"], "scorecard": ["net=scorecard"]}
# Writes a table of lifelines, or fits Cox regression and writes the risks of the test rows.
COX = """
import sys, pandas as pd
from lifelines import CoxPHFitter, datasets
if sys.argv[1] in ("rossi", "gbsg2"):
    getattr(datasets, f"load_{sys.argv[1]}")().to_csv(sys.argv[2], index=False)
    sys.exit()
train, test = (pd.read_csv(path) for path in sys.argv[1:3])
both = pd.get_dummies(pd.concat([train, test]), drop_first=True, dtype=float)
features = both.drop(columns=["_time", "_left"])
mean, spread = features[: len(train)].mean(), features[: len(train)].std()
both[features.columns] = (features - mean) / spread.replace(0, 1)
fitted = CoxPHFitter(penalizer=float(sys.argv[4])).fit(both[: len(train)], "_time", "_left")
fitted.predict_partial_hazard(both[len(train):]).to_csv(sys.argv[3], index=False)
"""
PENALIZER = "0.0001"  # as penalty.l2, on the mean of the log-likelihood


class Table(NamedTuple):
    """A table, its column of durations, who left, the units of a period, and the horizon."""

    frame: pd.DataFrame
    duration: str
    event: str
    period: float
    horizon: int


def made(n: int = 1_500) -> pd.DataFrame:
    """Return customers with a hazard of proportional odds that falls with time."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(n, 4))
    plan = rng.choice(["a", "b", "c"], n)
    risk = numbers @ [0.8, -0.5, 0.3, 0.0] + 0.7 * (plan == "a")
    ends = rng.integers(1, 37, n)
    months, left = np.zeros(n, dtype=int), np.zeros(n, dtype=bool)
    for month in range(1, 37):
        here = (months == month - 1) & (ends >= month) & ~left
        leaves = rng.random(n) < 1 / (1 + np.exp(-(-3 - 0.03 * month + risk)))
        months[here], left[here & leaves] = month, True
    frame = pd.DataFrame(numbers, columns=list("wxyz")).assign(plan=plan)
    return frame.assign(months=months, left=np.where(left, "yes", "no"))


def tables(python: str, folder: Path) -> Iterator[tuple[str, Table]]:
    """Yield each table by its name."""
    telco = pd.read_parquet(samples.path("telco")).drop(columns="total_charges")
    yield "Telco", Table(telco, "tenure", "churn", 1, 12)
    for name, time, event, period, horizon in (
        ("rossi", "week", "arrest", 1, 26),
        ("gbsg2", "time", "cens", 90, 8),
    ):
        path = folder / f"{name}.csv"
        subprocess.run([python, "-c", COX, name, path], check=True)
        yield name, Table(pd.read_csv(path), time, event, period, horizon)
    yield "made", Table(made(), "months", "left", 1, 12)


def cox(python: str, folder: Path, table: Table, train: Any, test: Any) -> np.ndarray:
    """Return the risks of the test rows by Cox regression."""
    frame = table.frame.rename(columns={table.duration: "_time"})
    frame["_left"] = left_of(table)
    frame["_time"] = frame["_time"].clip(lower=0.5 * table.period)  # lifelines takes no 0
    frame = frame.drop(columns=table.event)
    paths = [folder / f"{name}.csv" for name in ("train", "test", "risk")]
    frame.iloc[train].to_csv(paths[0], index=False)
    frame.iloc[test].to_csv(paths[1], index=False)
    subprocess.run([python, "-W", "ignore", "-c", COX, *map(str, paths), PENALIZER], check=True)
    return pd.read_csv(paths[2]).iloc[:, 0].to_numpy()


def left_of(table: Table) -> pd.Series:
    """Return 1 for who left."""
    return table.frame[table.event].astype(str).str.lower().isin(["yes", "1"]).astype(int)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lifelines", required=True, help="a Python with lifelines")
    parser.add_argument("--tables", nargs="+", help="only these")
    chosen = parser.parse_args()
    python = chosen.lifelines
    print(
        "| table | rows | left | Cox | "
        + " | ".join(MODELS)
        + " | predicted, left by the horizon |"
    )
    print("|---|---|---|---|" + "---|" * (len(MODELS) + 1))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name, table in tables(python, folder):
            if chosen.tables and name not in chosen.tables:
                continue
            rows = []
            for seed in SEEDS:
                keys = ["data=table", "data.source=x", f"data.target={table.event}", f"seed={seed}"]
                keys += [f"data.duration={table.duration}", f"data.period={table.period}"]
                keys += [f"data.horizon={table.horizon}", "model=survival", "report=false"]
                keys += ["export.outputs=[probability]", f"outputs={folder}"]
                options = train_options(churn_torch.compose("train", keys))
                read = read_labelled(options.table, seed=seed, source=table.frame)
                assert isinstance(read, MemoryTable)
                test = read.split.test
                assert read.lifetime is not None
                last, left = read.lifetime[test, 1], read.label[test]
                found = [cox(python, folder, table, read.split.train, test)]
                horizon = None
                for model, more in MODELS.items():
                    config = churn_torch.compose("train", [*keys, *more])
                    run = churn_torch.train(
                        config, folder / name / str(seed) / model, source=table.frame
                    )
                    start = table.frame.iloc[test].assign(**{table.duration: 0})
                    found.append(run.predict_proba(start))
                    measured = run.metrics["survival"]
                    horizon = horizon or [
                        measured[f"{what}_within_horizon"] or np.nan
                        for what in ("predicted", "observed")
                    ]
                indices = [concordance(risk, last, left) for risk in found]
                rows.append([*(index.value for index in indices if index), *(horizon or [])])
            mean = np.nanmean(rows, axis=0)
            gains = ", ".join(f"{value:.4f} ({value - mean[0]:+.4f})" for value in mean[1:-2])
            cells = [
                name,
                f"{len(table.frame):,}",
                f"{int(left_of(table).sum()):,}",
                f"{mean[0]:.4f}",
            ]
            cells += [*gains.split(", "), f"{mean[-2]:.1%}, {mean[-1]:.1%}"]
            print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()

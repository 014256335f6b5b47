"""Write made customer tables with strong interactions, to choose defaults on beside real ones.

    python benchmarks/made_tables.py FOLDER

Real public tables are mostly noisy and nearly linear; those of operators often follow their own
rules. Each table has 4,000 rows: columns that matter, columns that do not, and missing cells.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

N_ROWS = 4000


def columns(random: np.random.Generator) -> pd.DataFrame:
    """Return the columns that all tables share."""
    frame = pd.DataFrame(
        {
            "tenure": random.exponential(30, N_ROWS).round().clip(0, 120),
            "minutes": random.normal(180, 50, N_ROWS).clip(0).round(1),
            "charge": random.lognormal(3.5, 0.5, N_ROWS).round(2),
            "roaming": random.gamma(2, 5, N_ROWS).round(1),
            "tickets": random.poisson(1.5, N_ROWS),
            "discount": random.uniform(0, 1, N_ROWS).round(3),
            "age": random.normal(45, 15, N_ROWS).clip(18, 90).round(),
            "plan": random.choice(
                ["basic", "plus", "family", "pro"], N_ROWS, p=[0.4, 0.3, 0.2, 0.1]
            ),
            "contract": random.choice(["month", "year"], N_ROWS),
            "abroad": random.choice(["no", "yes"], N_ROWS, p=[0.85, 0.15]),
            "region": random.choice([f"r{i}" for i in range(30)], N_ROWS),
        }
    )
    for i in range(6):
        frame[f"other_{i}"] = random.normal(size=N_ROWS).round(3)
    return frame


def rules(frame: pd.DataFrame, random: np.random.Generator) -> np.ndarray:
    """Churn by a few hard rules of two and three columns, 2 % of the labels turned."""
    churn = (frame.tickets >= 4) & (frame.minutes < 190)
    churn |= (frame.abroad == "yes") & (frame.roaming < 6)
    churn |= (frame.charge > 45) & (frame.discount < 0.25) & (frame.contract == "month")
    churn |= (frame.tenure < 6) & (frame.plan == "pro")
    return np.asarray(churn ^ (random.uniform(size=N_ROWS) < 0.02))


def products(frame: pd.DataFrame, random: np.random.Generator) -> np.ndarray:
    """Churn by a smooth score of products, ratios and bumps of columns."""
    score = 1.5 * np.sin(frame.age / 8) * (frame.contract == "month")
    score += 2.0 * np.log(frame.charge / (frame.minutes + 20)) * (frame.discount - 0.4)
    score += 1.5 * np.exp(-((frame.tenure - 24) ** 2) / 40) * (frame.tickets > 0)
    score += 0.8 * (frame.plan.map({"basic": -1, "plus": 0, "family": 1, "pro": 2}) * frame.other_0)
    return np.asarray(random.uniform(size=N_ROWS) < 1 / (1 + np.exp(-(2 * score - 1.5))))


def trees(frame: pd.DataFrame, random: np.random.Generator) -> np.ndarray:
    """Churn by a sum of 12 trees of depth 3 on drawn columns and cuts, with some noise."""
    numbers = frame.select_dtypes("number").to_numpy()
    kinds = [frame[name].astype("category").cat.codes for name in ("plan", "contract", "abroad")]
    x = np.column_stack([numbers, *kinds])
    score = np.zeros(N_ROWS)
    for _ in range(12):
        leaf = np.zeros(N_ROWS, dtype=int)
        for _ in range(3):
            column = random.integers(x.shape[1])
            cut = np.quantile(x[:, column], random.uniform(0.2, 0.8))
            leaf = 2 * leaf + (x[:, column] > cut)
        score += random.normal(size=8)[leaf]
    score = (score - np.quantile(score, 0.8)) / score.std()
    return np.asarray(random.uniform(size=N_ROWS) < 1 / (1 + np.exp(-4 * score)))


def main() -> None:
    """Write one CSV a table."""
    folder = Path(sys.argv[1])
    for seed, make in enumerate((rules, products, trees)):
        random = np.random.default_rng(seed)
        frame = columns(random)
        frame["churn"] = np.where(make(frame, random), "yes", "no")
        hidden = random.uniform(size=(N_ROWS, 2)) < 0.03
        frame[["charge", "age"]] = frame[["charge", "age"]].mask(hidden)
        frame.to_csv(folder / f"made_{make.__name__}.csv", index=False)
        print(f"made_{make.__name__}.csv: {(frame.churn == 'yes').mean():.1%} churn")


if __name__ == "__main__":
    main()

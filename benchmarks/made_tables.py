"""Write made customer tables with strong interactions, to choose defaults on beside real ones.

    python benchmarks/made_tables.py FOLDER

Real public tables are mostly noisy and nearly linear; those of operators often follow their own
rules. Three tables share their columns, 4,000 rows of them: some matter, some do not, and cells
are missing. The other two have the shape of an operator's counters and of a bank's accounts.
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


def chance(score: np.ndarray) -> np.ndarray:
    """Return the probabilities of log-odds."""
    return 1 / (1 + np.exp(-score))


def usage(random: np.random.Generator) -> pd.DataFrame:
    """3,000 customers of an operator: counters driven by three habits, which profiles share."""
    n = 3000
    profiles = random.normal(size=(220, 3))
    profile = random.integers(220, size=n)
    z = profiles[profile] + 0.25 * random.normal(size=(n, 3))
    calls = random.poisson(np.exp(3.2 + 0.9 * z[:, 0]))
    noise = 0.1 * random.normal(size=n)
    seconds = (calls * np.exp(4 + 0.3 * z[:, 1] + noise)).round()
    sms = random.poisson(np.exp(2 + 1.3 * z[:, 1]))
    partners = random.binomial(calls, chance(0.5 * z[:, 2] - 0.5))
    failures = random.poisson(np.exp(1 + 0.7 * z[:, 2]))
    months = (30 + 6 * z[:, 2] + 4 * random.normal(size=n)).clip(1, 47).round()
    fee = random.poisson(np.exp(-0.3 + 0.8 * z[:, 0])).clip(0, 10)
    age = random.choice([15, 25, 30, 45, 55], n, p=[0.04, 0.33, 0.45, 0.13, 0.05])
    plan = random.choice(["prepaid", "contract"], n, p=[0.92, 0.08])
    complaint = random.uniform(size=n) < chance(0.8 * z[:, 2] - 3.2)
    inactive = (calls < 12) & (random.uniform(size=n) < 0.9)
    value = (seconds * 0.04 + sms * 4.5) * (1.2 - age / 100) * (1 + 0.05 * random.normal(size=n))
    score = 2.2 * np.sin(2.2 * z[:, 0]) * np.cos(1.5 * z[:, 1]) - 1.4 * z[:, 0]
    score += 3.5 * complaint + 1.5 * inactive + 0.8 * z[:, 2] * z[:, 1]
    score = (score - np.quantile(score, 0.84)) / score.std()
    churn = random.uniform(size=n) < chance(7 * score)
    return pd.DataFrame(
        {
            "failures": failures, "complaint": np.where(complaint, "yes", "no"), "months": months,
            "fee": fee, "seconds": seconds, "calls": calls, "sms": sms, "partners": partners,
            "age": age, "plan": plan, "status": np.where(inactive, "inactive", "active"),
            "value": value.round(2), "churn": np.where(churn, "yes", "no"),
        }
    )  # fmt: skip


def accounts(random: np.random.Generator) -> pd.DataFrame:
    """9,000 customers of a bank: bumps and steps of a few columns, and much chance."""
    n = 9000
    age = random.gamma(9, 4.3, n).clip(18, 92).round()
    products = random.choice([1, 2, 3, 4], n, p=[0.5, 0.43, 0.05, 0.02])
    empty = random.uniform(size=n) < 0.36
    balance = np.where(empty, 0, random.normal(120e3, 30e3, n).clip(0)).round(2)
    country = random.choice(["A", "B", "C"], n, p=[0.5, 0.25, 0.25])
    sex = random.choice(["f", "m"], n)
    active = random.uniform(size=n) < 0.52
    card = random.uniform(size=n) < 0.7
    points = random.normal(650, 97, n).clip(350, 850).round()
    tenure = random.integers(0, 11, n)
    salary = random.uniform(100, 2e5, n).round(2)
    score = 3.2 * np.exp(-(((age - 54) / 11) ** 2)) - 2.6
    score += np.select([products == 1, products == 2, products == 3], [0.6, -1.1, 2.6], 4.0)
    score += 0.9 * (country == "C") - active * (1 + 0.8 * (age > 45)) - 0.5 * (sex == "m")
    score -= 0.7 * ((balance == 0) & (products == 1))
    score -= 0.001 * (points - 650) * (1 + (points < 410) * 8)
    churn = random.uniform(size=n) < chance(score)
    return pd.DataFrame(
        {
            "points": points, "country": country, "sex": sex, "age": age, "tenure": tenure,
            "balance": balance, "products": products, "card": card.astype(int),
            "active": active.astype(int), "salary": salary, "churn": np.where(churn, "yes", "no"),
        }
    )  # fmt: skip


def main() -> None:
    """Write one CSV a table."""
    folder = Path(sys.argv[1])
    for seed, make in enumerate((rules, products, trees)):
        random = np.random.default_rng(seed)
        frame = columns(random)
        frame["churn"] = np.where(make(frame, random), "yes", "no")
        hidden = random.uniform(size=(N_ROWS, 2)) < 0.03
        frame[["charge", "age"]] = frame[["charge", "age"]].mask(hidden)
        write(frame, folder / f"made_{make.__name__}.csv")
    for seed, make_table in ((11, usage), (12, accounts)):
        made = make_table(np.random.default_rng(seed))
        write(made, folder / f"made_{make_table.__name__}.csv")


def write(frame: pd.DataFrame, path: Path) -> None:
    """Write a table and say how many churn."""
    frame.to_csv(path, index=False)
    print(f"{path.name}: {(frame.churn == 'yes').mean():.1%} churn")


if __name__ == "__main__":
    main()

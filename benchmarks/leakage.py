"""Whether leakage is found where it is planted, and nothing is said of sound tables.

    python benchmarks/leakage.py made [--tables 20]
    python benchmarks/leakage.py real --data FOLDER
    python benchmarks/leakage.py speed [--rows 1000000]

Made tables differ by seed: 2,000 to 8,000 customers, 5 to 40 % churn, numbers, categories and
dates, cells missing at random and because a customer has no such contract; a third holds nothing
but categories of few values, so that customers are alike by chance. The label is a smooth function
of some columns, or a rule of them with little noise. Into each a leak of every kind is planted, one
at a time. ``extra`` counts tables in which something else was said as well. ``real`` names what is
said of public tables in FOLDER. ``speed`` compares the look at a table with reading it once.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from churn_torch.report.suspicions import Suspicion
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.tables.options import DataOptions
from churn_torch.tables.split_options import SplitOptions
from churn_torch.workflows.measurement.suspicions import of_files, suspicions

Generator = np.random.Generator
Plant = Callable[[pd.DataFrame, Generator], pd.DataFrame]
REAL = (
    ("ibm_telco/Telco-Customer-Churn.csv", "Churn", []),
    ("wa_churn_modeldata/wa_churn.csv", "churn", []),
    ("mlc_churn/mlc_churn.csv", "churn", []),
    ("bank_churn_modelling/Churn_Modelling.csv", "Exited", []),
    ("iranian_churn/Customer_Churn.csv", "Churn", []),
    ("hillstrom/hillstrom.csv.gz", "visit", ["conversion", "spend"]),
    ("hillstrom/hillstrom.csv.gz", "conversion", []),
)


def customers(seed: int, strength: float | None = None) -> pd.DataFrame:
    """Return a sound table; with a strength of 5 the label is nearly a rule."""
    random = np.random.default_rng(seed)
    n = int(random.integers(2_000, 8_000))
    frame = categories(random, n) if seed % 3 == 2 else mixed(random, n)
    scores = [pd.factorize(frame[name], sort=True)[0] for name in frame]
    ranks = [pd.Series(score).rank(pct=True).to_numpy() - 0.5 for score in scores]
    weights = random.normal(size=len(ranks)) * (random.random(len(ranks)) < 0.6)
    score = np.sum([w * r for w, r in zip(weights, ranks, strict=True)], axis=0)
    # Where columns act otherwise on later customers, a split by time would rightly measure less.
    undated = [
        i for i, name in enumerate(frame) if name not in ("joined", "tenure", "renewal", "paid")
    ]
    i, j = random.choice(undated, 2, replace=False)
    score += 3 * ranks[i] * ranks[j]
    score = score / (score.std() or 1.0)
    drawn = random.choice([0.7, 1.5, 5.0])
    score = (drawn if strength is None else strength) * (
        score - np.quantile(score, 1 - random.uniform(0.05, 0.4))
    )
    churn = random.random(n) < 1 / (1 + np.exp(-score))
    return frame.assign(churn=np.where(churn, "yes", "no"))


def mixed(random: Generator, n: int) -> pd.DataFrame:
    """Return numbers, categories and dates."""
    joined = pd.Timestamp("2020-01-01") + pd.to_timedelta(random.integers(0, 1500, n), "D")
    tenure = (pd.Timestamp("2024-06-01") - joined).days / 30
    fee = random.choice([20.0, 35.0, 50.0, 80.0], n) + random.normal(0, 3, n).round(1)
    contract = random.choice(["month", "year", "two"], n, p=[0.5, 0.3, 0.2])
    renewal = joined + pd.to_timedelta(random.integers(1, 24, n) * 91, "D")
    frame = pd.DataFrame(
        {
            "joined": joined,
            "tenure": np.asarray(tenure).round(),
            "fee": fee,
            "paid": (np.asarray(tenure) * fee * random.uniform(0.9, 1.1, n)).round(2),
            "contract": contract,
            "renewal": pd.Series(renewal).where(contract != "month"),
            "discount": np.where(random.random(n) < 0.4, random.random(n).round(2), np.nan),
            "calls": random.poisson(3, n),
            "minutes": random.gamma(2, 90, n).round(1),
            "age": random.normal(45, 15, n).clip(18, 90).round(),
            "region": random.choice([f"r{i}" for i in range(30)], n),
            "abroad": random.choice(["no", "yes"], n, p=[0.85, 0.15]),
            "credit_score": random.normal(650, 90, n).round(),
        }
    )
    frame.loc[random.random(n) < 0.08, "minutes"] = np.nan
    return frame


def categories(random: Generator, n: int) -> pd.DataFrame:
    """Return categories of few values, most of which go along with the kind of a customer."""
    kind = random.integers(0, 4, n)
    columns = {}
    for i in range(12):
        own = random.integers(0, 4, size=4)
        free = random.integers(0, int(random.integers(2, 5)), n)
        columns[f"c{i}"] = np.where(random.random(n) < 0.5, own[kind], free)
    frame = pd.DataFrame(columns).astype(str).radd("v")
    return frame.assign(tenure=random.integers(1, 73, n), fee=random.choice(range(20, 120, 5), n))


def plant(column: Callable[[np.ndarray, Generator], object], name: str) -> Plant:
    """Return a function that adds a column, made from who churns."""

    def planted(frame: pd.DataFrame, random: Generator) -> pd.DataFrame:
        return frame.assign(**{name: column((frame["churn"] == "yes").to_numpy(), random)})

    return planted


def day(frame: pd.DataFrame, random: Generator) -> pd.Series:
    """Return a time of each row."""
    days = pd.to_timedelta(random.integers(0, 365, len(frame)), "D")
    return pd.Series(pd.Timestamp("2024-06-30") + days)


def later(frame: pd.DataFrame, random: Generator) -> pd.DataFrame:
    """Plant a date of contact that lies after the snapshot for 60 % of those who leave."""
    snapshot = day(frame, random)
    after = (frame["churn"] == "yes") & (random.random(len(frame)) < 0.6)
    shift = np.where(after, random.integers(1, 60, len(frame)), -random.integers(0, 60, len(frame)))
    return frame.assign(
        snapshot_date=snapshot, last_contact=snapshot + pd.Series(pd.to_timedelta(shift, "D"))
    )


def weeks(frame: pd.DataFrame, random: Generator) -> pd.DataFrame:
    """Plant churn that goes by the week of an order, up and down by chance."""
    ordered = pd.Timestamp("2023-01-02") + pd.to_timedelta(random.integers(0, 140, len(frame)), "D")
    week = np.asarray((ordered - ordered.min()).days) // 7
    chance = np.where(random.permutation(20) < 10, 0.08, 0.5)[week]
    churn = np.where(random.random(len(frame)) < chance, "yes", "no")
    return frame.assign(ordered=ordered, churn=churn)


def repeated(change: Callable[[pd.DataFrame, Generator], pd.DataFrame]) -> Plant:
    """Return a function that repeats 6 % of the rows, changed."""

    def planted(frame: pd.DataFrame, random: Generator) -> pd.DataFrame:
        again = frame.sample(frac=0.06, random_state=int(random.integers(2**31)))
        both = pd.concat([frame, change(again.reset_index(drop=True), random)], ignore_index=True)
        return both.sample(frac=1, random_state=int(random.integers(2**31)), ignore_index=True)

    return planted


def changed(n_cells: int) -> Callable[[pd.DataFrame, Generator], pd.DataFrame]:
    """Return a function that takes cells of rows from other rows."""

    def change(rows: pd.DataFrame, random: Generator) -> pd.DataFrame:
        names = [name for name in rows if name != "churn"]
        new = rows.copy()
        for row in range(len(rows)):
            for name in random.choice(names, n_cells, replace=False):
                others = rows.loc[rows[name] != rows.loc[row, name], name]
                new.loc[row, name] = others.iloc[random.integers(len(others))]
        return new

    return change


def rounded(rows: pd.DataFrame, random: Generator) -> pd.DataFrame:
    """Change numbers by at most a thousandth, and one text."""
    numbers = rows.select_dtypes("number").columns
    new = rows.copy()
    new[numbers] = rows[numbers] * (1 + random.uniform(-1e-4, 1e-4, (len(rows), len(numbers))))
    return new


def by_churn(frame: pd.DataFrame, random: Generator) -> pd.DataFrame:
    """Sort the table by churn, and let 5 % of the rows stand anywhere."""
    key = (frame["churn"] == "yes") + random.normal(0, 0.1, len(frame))
    key = np.where(random.random(len(frame)) < 0.05, random.random(len(frame)), key)
    return frame.iloc[np.argsort(key)].reset_index(drop=True)


def several_rows(frame: pd.DataFrame, random: Generator) -> pd.DataFrame:
    """Give 20 % of the customers a second row with cells of its own and the same id."""
    ids = pd.Series(np.arange(len(frame))).astype(str).radd("C")
    again = random.choice(len(frame), len(frame) // 5, replace=False)
    other = frame.sample(len(again), random_state=1).assign(id=ids[again].to_numpy())
    return pd.concat([frame.assign(id=ids), other], ignore_index=True)


PLANTS: dict[str, tuple[str, Plant]] = {
    "a column of AUROC .99": (
        "alone",
        plant(lambda y, r: y * 3.3 + r.normal(size=len(y)), "level"),
    ),
    "a column of AUROC .96, far ahead": (
        "ahead",
        plant(lambda y, r: y * 2.5 + r.normal(size=len(y)), "level"),
    ),
    "missing where a customer stays": (
        "missing",
        plant(lambda y, r: np.where(y, r.random(len(y)), np.nan), "refund"),
    ),
    "nearly so: 4 % of the cells are not": (
        "missing",
        plant(
            lambda y, r: np.where(y ^ (r.random(len(y)) < 0.04), r.random(len(y)), np.nan), "refund"
        ),
    ),
    "filled for 30 % of the churners": (
        "one_sided",
        plant(
            lambda y, r: np.where(
                y & (r.random(len(y)) < 0.3), r.choice(["price", "move"], len(y)), None
            ),
            "note",
        ),
    ),
    "a status that 40 % of the churners get": (
        "one_sided",
        plant(
            lambda y, r: np.where(
                y & (r.random(len(y)) < 0.4), "closed", r.choice(["new", "active"], len(y))
            ),
            "status",
        ),
    ),
    "a date after the snapshot": ("later", later),
    "a column named ChurnScore": (
        "name",
        plant(lambda y, r: y * 1.2 + r.normal(size=len(y)), "ChurnScore"),
    ),
    "a column named Kündigungsgrund": (
        "name",
        plant(
            lambda y, r: np.where(
                r.random(len(y)) < 0.5 + 0.3 * y, r.choice(["a", "b"], len(y)), "c"
            ),
            "Kündigungsgrund",
        ),
    ),
    "rows of one id": ("same_id", several_rows),
    "exact copies": ("copies", repeated(lambda rows, random: rows)),
    "copies with another cell": ("near_copies", repeated(changed(1))),
    "copies with two other cells, no numbers": ("near_copies", repeated(changed(2))),
    "copies with two other cells": ("near_copies", repeated(changed(2))),
    "copies with other digits": ("near_copies", repeated(rounded)),
    "rows sorted by churn": ("order", by_churn),
    "churn by the week of an order": ("time", weeks),
}


def looked_at(frame: pd.DataFrame) -> list[Suspicion]:
    """Return what is said of a table."""
    id = "id" if "id" in frame else None
    data = DataOptions(target="churn", positive="yes", id=id)
    table = read_labelled(data, seed=0, source=frame)
    return suspicions(table, SplitOptions())


def by_files(frame: pd.DataFrame, random: Generator, leak: bool) -> list[Suspicion]:
    """Return what is said of the files of a table, which were parted by churn or by chance."""
    churn = (frame["churn"] == "yes").to_numpy()
    first = churn ^ (random.random(len(frame)) < 0.05) if leak else random.random(len(frame)) < 0.5
    with tempfile.TemporaryDirectory() as folder:
        frame[first].to_csv(Path(folder) / "left.csv", index=False)
        frame[~first].to_csv(Path(folder) / "current.csv", index=False)
        data = DataOptions(target="churn", positive="yes", source=f"{folder}/*.csv")
        table = read_labelled(data, seed=0)
        return of_files(data, None, table.schema)


def made(n_tables: int, console: Console) -> None:
    """Count where planted leaks are found, and what is said of tables without."""
    shown = Table("planted", "kind", "found", "extra", "s a table")
    tables = [customers(seed) for seed in range(n_tables)]
    for name, (kind, planted) in PLANTS.items():
        found = extra = 0
        start = time.perf_counter()
        for seed in range(n_tables):
            frame = tables[seed]
            if kind == "ahead":  # of columns that tell little together
                frame = customers(seed, strength=1.0)
            elif "two" in name:  # tables with many different numbers, or with hardly any
                frame = customers(3 * seed + (2 if "no numbers" in name else seed % 2))
            kinds = {one.kind for one in looked_at(planted(frame, np.random.default_rng(seed)))}
            found += kind in kinds
            extra += bool(kinds - {kind})
        seconds = (time.perf_counter() - start) / n_tables
        shown.add_row(name, kind, f"{found}/{n_tables}", str(extra), f"{seconds:.2f}")
    for leak in (True, False):
        said = [by_files(f, np.random.default_rng(i), leak) for i, f in enumerate(tables)]
        name = "churners in a file of their own" if leak else "files parted by chance"
        shown.add_row(name, "files", f"{sum(map(bool, said))}/{n_tables}", "0", "")
    clean = [looked_at(frame) for frame in tables]
    shown.add_row("nothing", "", f"{sum(map(bool, clean))}/{n_tables}", "", "")
    console.print(shown)
    for said in clean:
        for one in said:
            console.print(one.kind, one.sentence)


def real(folder: Path, console: Console) -> None:
    """Print what is said of public tables, from ten splits."""
    for path, target, ignore in REAL:
        said: dict[str, int] = {}
        start = time.perf_counter()
        for seed in range(10):
            data = DataOptions(target=target, source=str(folder / path), ignore=ignore)
            table = read_labelled(data, seed=seed, inspected=True)
            for one in suspicions(table, SplitOptions()):
                said[f"{one.kind} {one.columns}"] = said.get(f"{one.kind} {one.columns}", 0) + 1
        console.print(path, target, said, f"{(time.perf_counter() - start) / 10:.2f} s a table")


def speed(rows: int, console: Console) -> None:
    """Compare the look at a streamed table with one pass over it."""
    frame = pd.concat([customers(0)] * (rows // 2_000 + 1), ignore_index=True)[:rows]
    random = np.random.default_rng(0)
    for name in ("fee", "paid", "minutes"):
        frame[name] = frame[name] * random.uniform(0.5, 1.5, rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.parquet"
        frame.to_parquet(path, index=False)
        data = DataOptions(target="churn", positive="yes", source=str(path), streaming=True)
        table = read_labelled(data, seed=0, inspected=True)
        start = time.perf_counter()
        for _ in table.chunks():
            pass
        first = time.perf_counter() - start
        start = time.perf_counter()
        for _ in table.chunks():
            pass
        second = time.perf_counter() - start
        start = time.perf_counter()
        found = suspicions(table, SplitOptions())
        look = time.perf_counter() - start
    console.print(
        f"{rows:,} rows: first pass, which keeps rows, {first:.1f} s; a later pass {second:.1f} s; "
        f"the look {look:.1f} s; said: {[one.kind for one in found]}"
    )


def main() -> None:
    """Run one of the three."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("made", "real", "speed"))
    parser.add_argument("--tables", type=int, default=20)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    given = parser.parse_args()
    console = Console(width=140)
    if given.what == "made":
        made(given.tables, console)
    elif given.what == "real":
        real(given.data, console)
    else:
        speed(given.rows, console)


if __name__ == "__main__":
    main()

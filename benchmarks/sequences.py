"""Nets that read events against windowed sums of the same events, on real logs, split by time.

    python benchmarks/sequences.py [--logs cdnow retail] [--models logreg scorecard gru ...]

A row is a customer at a cut-off who was active in the days before it; the label is no order in the
days after it. The test is the last cut-off, whose horizon begins where that of the training ends.
All models see the windows (counts and sums over several spans, recency, tenure, gaps); gru and
event_transformer see the orders too. Validation holds customers out (30 %). The nets that read
events are small and take few epochs (width 16, `--epochs`), and `--rows` training rows are learned
from, by all models, so that a training takes minutes on two busy cores. AUROC and log-loss of the
test rows with intervals of 95 %, then the paired differences to the first model.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from quality import SHARED
from rich.console import Console
from rich.table import Table

from churn_torch.cli.compose import compose
from churn_torch.workflows.compare import compare
from churn_torch.workflows.train import train

LAST = 30  # orders of a customer that are read
MODELS = ("logreg", "scorecard", "wide_deep", "gru", "event_transformer")
READS_EVENTS = ("gru", "event_transformer")


class Log(NamedTuple):
    """A log of orders, and how rows are made of it."""

    orders: pd.DataFrame  # customer, time, the numbers and categories of an order
    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    cutoffs: list[pd.Timestamp]  # the last one is the test
    active_days: int
    horizon_days: int


def cdnow() -> Log:
    """Return the CDNOW log: 69,659 orders of 23,570 customers of a shop for music."""
    path = SHARED / "cdnow_events" / "cdnow_master.csv.gz"
    raw = pd.read_csv(path, dtype={"customer_id": str}, parse_dates=["date"])
    raw.columns = ["customer", "time", "cds", "dollars"]
    cutoffs = pd.to_datetime(["1997-05-01", "1997-07-01", "1997-09-01", "1997-11-01"])
    test = pd.Timestamp(
        "1998-02-01"
    )  # the horizon of the last training cut-off ends the day before
    return Log(raw, ("dollars", "cds"), (), [*cutoffs, test], 180, 90)


def retail() -> Log:
    """Return the log of online retail, an order an invoice: customers with an id only."""
    path = SHARED / "online_retail_events" / "online_retail.parquet"
    raw = pd.read_parquet(path).dropna(subset=["CustomerID"])
    raw = raw.assign(amount=raw["Quantity"] * raw["UnitPrice"])
    grouped = raw.groupby(["CustomerID", "InvoiceNo"], sort=False)
    orders = grouped.agg(
        time=("InvoiceDate", "min"),
        amount=("amount", "sum"),
        lines=("StockCode", "size"),
        products=("StockCode", "nunique"),
    ).reset_index()
    orders["time"] = pd.to_datetime(orders["time"])
    orders["kind"] = np.where(
        orders["InvoiceNo"].astype(str).str.startswith("C"), "cancelled", "sold"
    )
    orders = orders.rename(columns={"CustomerID": "customer"}).drop(columns="InvoiceNo")
    cutoffs = pd.to_datetime(["2011-03-01", "2011-04-15", "2011-06-01", "2011-07-15"])
    test = pd.Timestamp("2011-09-15")
    return Log(orders, ("amount", "lines", "products"), ("kind",), [*cutoffs, test], 120, 60)


LOGS = {"cdnow": cdnow, "retail": retail}


def rows_at(log: Log, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Return the rows of a cut-off: windows, lists of the last orders, and the label."""
    day = pd.Timedelta(days=1)
    orders = log.orders
    past = orders[orders["time"] < cutoff].sort_values(["customer", "time"], kind="stable")
    past = past.assign(days=(cutoff - past["time"]) / day)
    by = past.groupby("customer")
    recency = by["days"].min()
    active = recency.index[recency <= log.active_days]
    features: dict[str, Any] = {"recency": recency, "tenure": by["days"].max()}
    gap = by["days"].diff().abs()
    gaps = gap.groupby(past["customer"])
    features |= {"gap_mean": gaps.mean(), "gap_std": gaps.std()}
    features["recency_in_gaps"] = recency / features["gap_mean"].clip(lower=1)
    for name in log.numbers:
        features[f"{name}_mean"] = by[name].mean()
        features[f"{name}_last"] = by[name].last()
    for span in (30, 60, 120, 10_000):
        within = past[past["days"] <= span]
        of_span = within.groupby("customer")
        word = "all" if span == 10_000 else f"{span}d"
        features[f"n_{word}"] = of_span.size()
        for name in log.numbers:
            features[f"{name}_{word}"] = of_span[name].sum()
        for name in log.categories:
            for value in sorted(orders[name].unique()):
                count = within[within[name] == value].groupby("customer").size()
                features[f"n_{name}_{value}_{word}"] = count
    table = pd.DataFrame(features).loc[active]
    sums = [name for name in table if name.endswith(("d", "all"))]
    table[sums] = table[sums].fillna(0)
    last = past.groupby("customer").tail(LAST).groupby("customer")
    for name in (*log.numbers, *log.categories):
        table[f"orders_{name}"] = last[name].agg(list).loc[active]
    table["orders_days_before"] = last["days"].agg(list).loc[active]
    until = cutoff + log.horizon_days * day
    later = orders[(orders["time"] >= cutoff) & (orders["time"] < until)]
    table["churned"] = np.where(table.index.isin(later["customer"].unique()), "no", "yes")
    return table.rename_axis("customer").reset_index()


def overrides(log: Log, model: str, folder: Path, epochs: int) -> list[str]:
    """Return the choices of a training."""
    lists = [f"orders_{name}" for name in (*log.numbers, *log.categories, "days_before")]
    chosen = [
        *(f"model={model}", "data=table", "data.target=churned", "data.positive='yes'"),
        *(f"data.source={folder / 'train.parquet'}", f"data.test_source={folder / 'test.parquet'}"),
        *("data.split.by=group", "data.split.column=customer", "data.split.validation=0.3"),
        *("data.split.test=0", "leakage=ignore", "report=false", f"outputs={folder / 'runs'}"),
    ]
    if model in READS_EVENTS:
        return [
            *chosen,
            f"data.sequences.orders.columns=[{','.join(lists)}]",
            "data.sequences.orders.days_before=orders_days_before",
            f"data.sequences.orders.last={LAST}",
            "model.width=16",
            f"trainer.max_epochs={epochs}",
        ]
    return [*chosen, f"data.ignore=[{','.join(lists)}]"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", nargs="*", default=list(LOGS), choices=list(LOGS))
    parser.add_argument("--models", nargs="*", default=list(MODELS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--rows", type=int, default=12_000)
    chosen = parser.parse_args()
    warnings.filterwarnings("ignore")
    console = Console()
    table = Table("log", "model", "seed", "AUROC", "interval", "log-loss", "seconds")
    for name in chosen.logs:
        log = LOGS[name]()
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            rows = pd.concat([rows_at(log, cutoff) for cutoff in log.cutoffs[:-1]])
            test = rows_at(log, log.cutoffs[-1])
            rows.to_parquet(folder / "train.parquet")
            test.to_parquet(folder / "test.parquet")
            share = (test["churned"] == "yes").mean()
            console.print(
                f"{name}: {len(rows):,} rows for training and validation, {len(test):,} for the "
                f"test, {share:.1%} churn"
            )
            for model in chosen.models:
                for seed in range(chosen.seeds):
                    start = time.perf_counter()
                    choices = overrides(log, model, folder, chosen.epochs)
                    choices += [f"seed={seed}", f"train_rows={chosen.rows}"]
                    config = compose("train", choices)
                    run = train(config, folder / f"{model}_{seed}")
                    seconds = time.perf_counter() - start
                    metrics = run.metrics["test"]
                    interval = metrics["intervals"]["auroc"]
                    table.add_row(
                        name,
                        model,
                        str(seed),
                        f"{metrics['auroc']:.4f}",
                        f"{interval[0]:.4f} to {interval[1]:.4f}",
                        f"{metrics['log_loss']:.4f}",
                        f"{seconds:.0f}",
                    )
            runs = [str(folder / f"{model}_0") for model in chosen.models]
            for metric in ("auroc", "log_loss") if len(runs) > 1 else ():
                compare(compose("compare", [f"runs=[{','.join(runs)}]", f"metric={metric}"]))
    console.print(table)


if __name__ == "__main__":
    main()

"""How often the search for weak segments is wrong, and how often it finds a planted one.

    python benchmarks/weak_segments.py [--tables 200] [--seed 0] [--depth 2]

A table has customers with numbers, categories, a date, a yes/no and missing cells, who leave by a
logistic function of them. ``right`` is a model that knows the function; ``fitted`` is a logistic
regression on other customers, four times as many as those tested. An alarm is a table in which a
segment is returned. Planted: customers there leave by another log-odds than the model
says. ``found`` is the share of tables in which the rows of all returned segments and those of the
planted one have a Jaccard index above 0.5: more rows are in both than in one of them. ``any`` is
the share in which any segment is returned.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression

from churn_torch.evaluation.groups import weak_segments as search
from churn_torch.evaluation.groups.segment_tree import ABOVE, IS_NOT, MISSING, UP_TO
from churn_torch.evaluation.groups.weak_segments import WeakSegment
from churn_torch.tables.schema import Column, Kind, Schema, Storage

NUMBERS = ("tenure", "charges", "calls")
WORDS = {
    "contract": ["Month-to-month", "One year", "Two year"],
    "region": ["North", "South", "East", "West", "Centre", "Islands", "Coast", ""],
}
SCHEMA = Schema(
    (
        *(Column(name, Kind.NUMERIC, Storage.NUMBER) for name in NUMBERS),
        Column("senior", Kind.BOOLEAN, Storage.NUMBER),
        Column("joined", Kind.DATETIME, Storage.DATETIME),
        *(Column(name, Kind.CATEGORICAL, Storage.TEXT) for name in WORDS),
    ),
    "churned",
    "yes",
    "no",
)


def draw(rng: np.random.Generator, n: int, intercept: float) -> tuple[pd.DataFrame, np.ndarray]:
    """Return parsed rows and their true log-odds of churn."""
    tenure = np.floor(rng.exponential(20, n)).clip(0, 72)
    charges = np.where(rng.random(n) < 0.1, np.nan, rng.normal(65, 20, n).round(2))
    calls = rng.poisson(2, n).astype(float)
    contract = rng.choice(3, n, p=[0.55, 0.25, 0.2])
    region = rng.choice(8, n, p=[0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.05, 0.05])
    senior = (rng.random(n) < 0.16).astype(float)
    joined = 19_000 - 30 * tenure + rng.normal(0, 5, n)
    logit = intercept - 0.03 * tenure + 0.25 * calls + np.array([0.8, -0.5, -1.5])[contract]
    logit += 0.4 * senior + 0.015 * (np.nan_to_num(charges, nan=65) - 65)
    frame = pd.DataFrame(
        {
            "tenure": tenure,
            "charges": charges,
            "calls": calls,
            "senior": senior,
            "joined": joined,
            "contract": pd.Series(np.array(WORDS["contract"])[contract], dtype="str"),
            "region": pd.Series(np.array(WORDS["region"])[region], dtype="str"),
        }
    )
    return frame, logit


def design(frame: pd.DataFrame) -> np.ndarray:
    """Return the columns of a logistic regression that knows all there is to know."""
    numbers = frame.select_dtypes("number").fillna({"charges": 65}).to_numpy()
    missing = frame[["charges"]].isna().to_numpy()
    dummies = pd.get_dummies(frame[list(WORDS)]).to_numpy()
    columns = np.hstack([numbers, missing, dummies]).astype(float)
    return (columns - columns.mean(0)) / columns.std(0).clip(1e-9)


def rows_of(segment: WeakSegment, frame: pd.DataFrame) -> np.ndarray:
    """Return the rows in which the conditions of a segment hold, by their words."""
    inside = np.ones(len(frame), bool)
    for one in segment.conditions:
        cells = frame[one.column]
        is_text = one.column in WORDS
        missing = (cells == "") if is_text else cells.isna()
        if one.value == MISSING:
            holds = missing
        elif is_text:
            holds = cells == one.value
        else:
            at = {"yes": 1.0, "no": 0.0}.get(one.value)
            if at is None:
                is_date = one.column == "joined"
                at = np.datetime64(one.value).astype(float) if is_date else float(one.value)
            whole = np.floor(cells) if one.column == "joined" else cells
            holds = {UP_TO: whole <= at, ABOVE: whole > at}.get(one.operator, whole == at)
        if one.operator == IS_NOT:
            holds = ~holds
        if one.or_missing:
            holds |= missing
        inside &= np.asarray(holds)
    return inside


# What is planted: the rows, and what is added to the true log-odds of a model's.
Plant = Callable[[pd.DataFrame, np.ndarray], tuple[np.ndarray, np.ndarray]]


def shifted(choose: Callable[[pd.DataFrame], pd.Series], by: float) -> Plant:
    """Return a plant of customers who leave by log-odds that are higher."""

    def plant(frame: pd.DataFrame, logit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows = choose(frame).to_numpy()
        return rows, np.where(rows, by, 0.0)

    return plant


def disordered(frame: pd.DataFrame, logit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Plant a region whose mean is right, but where the model knows nothing of who leaves."""
    rows = (frame["region"] == "South").to_numpy()
    rate = (1 / (1 + np.exp(-logit[rows]))).mean()
    return rows, np.where(rows, np.log(rate / (1 - rate)) - logit, 0.0)


def new_and_monthly(frame: pd.DataFrame) -> pd.Series:
    """Choose some 12 % of the customers by two columns."""
    return (frame["contract"] == "Month-to-month") & (frame["tenure"] <= 4)


PLANTS: dict[str, Plant] = {
    "region East (15 %), +0.7": shifted(lambda f: f["region"] == "East", 0.7),
    "region East (15 %), +1.5": shifted(lambda f: f["region"] == "East", 1.5),
    "monthly, tenure to 4 (12 %), +0.7": shifted(new_and_monthly, 0.7),
    "monthly, tenure to 4 (12 %), +1.5": shifted(new_and_monthly, 1.5),
    "charges missing (10 %), -1.5": shifted(lambda f: f["charges"].isna(), -1.5),
    "region Islands (5 %), +1.5": shifted(lambda f: f["region"] == "Islands", 1.5),
    "region South (20 %), in no order": disordered,
}


def searched(
    frame: pd.DataFrame, logit: np.ndarray, label: np.ndarray, seed: int
) -> tuple[WeakSegment, ...]:
    """Return what is found of a model that says these log-odds."""
    return search.weak_segments(frame, 1 / (1 + np.exp(-logit)), label, SCHEMA, seed=seed)


def show_alarms(tables: int, seed: int) -> None:
    """Print how often a model without weak segments is said to have one."""
    table = Table("rows tested", "churn rate", "right: alarms", "fitted: alarms")
    for n in (500, 1000, 5000, 20_000):
        for intercept in (-1.5, -4.0):
            rng, rates, alarms = np.random.default_rng(seed), [], np.zeros(2)
            for number in range(tables):
                frame, logit = draw(rng, n, intercept)
                label = rng.random(n) < 1 / (1 + np.exp(-logit))
                rates.append(label.mean())
                alarms[0] += bool(searched(frame, logit, label, number))
                other, its_logit = draw(rng, 4 * n, intercept)
                its_label = rng.random(4 * n) < 1 / (1 + np.exp(-its_logit))
                both = design(pd.concat([other, frame], ignore_index=True))
                model = LogisticRegression(C=1.0).fit(both[: 4 * n], its_label)
                fitted = model.decision_function(both[4 * n :])
                alarms[1] += bool(searched(frame, fitted, label, number))
            shares = (f"{each / tables:.3f}" for each in alarms)
            table.add_row(f"{n:,}", f"{np.mean(rates):.3f}", *shares)
    Console(width=100).print(table)


def show_found(tables: int, seed: int) -> None:
    """Print how often planted segments are found."""
    sizes = (1000, 2000, 5000, 20_000)
    table = Table("planted", *(f"{n:,} rows: found (any)" for n in sizes))
    for name, plant in PLANTS.items():
        cells = []
        for n in sizes:
            rng, found, alarms = np.random.default_rng(seed), 0, 0
            for number in range(tables):
                frame, logit = draw(rng, n, -1.5)
                rows, more = plant(frame, logit)
                label = rng.random(n) < 1 / (1 + np.exp(-logit - more))
                segments = searched(frame, logit, label, number)
                alarms += bool(segments)
                told = np.zeros(n, bool)
                for one in segments:
                    told |= rows_of(one, frame)
                found += (told & rows).sum() > 0.5 * (told | rows).sum()
            cells.append(f"{found / tables:.2f} ({alarms / tables:.2f})")
        table.add_row(name, *cells)
    Console(width=120).print(table)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tables", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--depth", type=int, default=search.DEPTH)
    given = parser.parse_args()
    search.DEPTH = given.depth
    show_alarms(given.tables, given.seed)
    show_found(given.tables, given.seed)


if __name__ == "__main__":
    main()

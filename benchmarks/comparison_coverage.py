"""How often the intervals of a comparison hold the true difference: 95 % is promised.

    python benchmarks/comparison_coverage.py coverage [--tables 1000] [--seed 0]
    python benchmarks/comparison_coverage.py equal [--tables 400] [--seed 0]
    python benchmarks/comparison_coverage.py speed [--rows 1000000]

A table is a sample of customers with a known chance to leave, a logistic function of seven columns.
Each model knows the chance but for one or two columns, so the truth is known (from two million
customers) and models of equally strong missing columns are equally good. ``coverage`` compares two
models: ``equal``, ``better`` by far, ``close`` (one knows all). With 1,000 tables a share is right
to within 0.014. With ``clusters`` each customer has three rows, equal but for the outcome.
``equal`` counts how often five equal models are called different: by each metric, each model
against the first, and against the best. ``speed`` is in times of `np.sort` of the probabilities of
one model.
"""

from __future__ import annotations

import argparse
import functools
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from churn_torch.evaluation.model_comparison.comparison import against, against_best, estimates
from churn_torch.evaluation.model_comparison.simultaneous import differences

WEIGHTS = np.array([1.0, 0.8, 0.4, 0.4, 0.4, 0.4, 0.4])
UNKNOWN = {"equal": ((2,), (3,)), "better": ((6,), (1,)), "close": ((), (6,))}
EQUAL = ((2,), (3,), (4,), (5,), (6,))
INTERCEPTS = {0.29: -1.3, 0.07: -3.5, 0.02: -5.0}
METRICS = ("AUROC", "log-loss", "Brier", "lift 10 %")
PAIR = np.array([[0, 1]])


@dataclass(frozen=True)
class Case:
    """Customers, and two models of them."""

    n: int
    rate: float
    kind: str
    clustered: bool = False


CASES = (
    *(Case(n, 0.29, kind) for n in (200, 1000, 5000) for kind in UNKNOWN),
    *(Case(n, 0.07, kind) for n in (300, 1000, 5000) for kind in UNKNOWN),
    *(Case(n, 0.02, kind) for n in (300, 500, 750, 1000, 1500, 2000, 5000) for kind in UNKNOWN),
    *(Case(n, rate, "equal", True) for n, rate in ((999, 0.29), (3000, 0.07))),
)


def draw(
    rng: np.random.Generator,
    n: int,
    intercept: float,
    unknown: tuple[tuple[int, ...], ...],
    rows_each: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Return labels, and the probabilities of each model; rows of one customer side by side."""
    columns = rng.normal(size=(n // rows_each, len(WEIGHTS)))
    chance = 1 / (1 + np.exp(-intercept - columns @ WEIGHTS))
    label = rng.random(n) < chance.repeat(rows_each)
    probabilities = []
    for left_out in unknown:
        known = WEIGHTS.copy()
        known[list(left_out)] = 0
        spread = np.sum(np.square(WEIGHTS - known))
        # The mean of a logistic function over a normal column, nearly.
        logit = (intercept + columns @ known) / np.sqrt(1 + np.pi * spread / 8)
        probabilities.append((1 / (1 + np.exp(-logit))).repeat(rows_each))
    return label, np.array(probabilities, np.float32)


@functools.cache
def truth(rate: float, kind: str) -> np.ndarray:
    """Return the true differences of the four metrics."""
    rng, found = np.random.default_rng(10**6), np.zeros(len(METRICS))
    for _ in range(4):
        sample = estimates(*draw(rng, 500_000, INTERCEPTS[rate], UNKNOWN[kind]))
        found += [one.value[0] - one.value[1] for one in sample]
    return found / 4


def coverage(case: Case, tables: int, seed: int) -> tuple[np.ndarray, float]:
    """Return the share of tables whose interval holds the truth, by metric; mean churners."""
    rng, held, churners = np.random.default_rng(seed), np.zeros(4), 0
    right = truth(case.rate, case.kind)
    rows_each = 3 if case.clustered else 1
    clusters = np.arange(case.n) // 3 if case.clustered else None
    for _ in range(tables):
        while True:
            label, probability = draw(
                rng, case.n, INTERCEPTS[case.rate], UNKNOWN[case.kind], rows_each
            )
            if label.sum() >= 2:
                break
        churners += int(label.sum())
        for number, one in enumerate(estimates(label, probability, clusters=clusters)):
            found = differences(one, PAIR)
            held[number] += found.low[0] - 1e-9 <= right[number] <= found.high[0] + 1e-9
    return held / tables, churners / tables


def show_coverage(tables: int, seed: int) -> None:
    """Print a line a case."""
    table = Table("rows", "churners", "models", *METRICS)
    for case in CASES:
        held, churners = coverage(case, tables, seed)
        kind = f"{case.kind}, clusters" if case.clustered else case.kind
        table.add_row(f"{case.n:,}", f"{churners:.0f}", kind, *(f"{each:.3f}" for each in held))
    Console(width=100).print(table)


def show_equal(tables: int, seed: int) -> None:
    """Print how often one or more of five equal models is called different."""
    table = Table("rows", "churners", "against", *METRICS)
    names = list("abcde")
    for n, rate in ((1000, 0.29), (1000, 0.07), (5000, 0.07)):
        rng, churners = np.random.default_rng(seed), 0
        found = {way: np.zeros(4) for way in ("the first", "the best", "the best, uncorrected")}
        for _ in range(tables):
            label, probability = draw(rng, n, INTERCEPTS[rate], EQUAL)
            churners += int(label.sum())
            for number, one in enumerate(estimates(label, probability)):
                to_best = against_best(names, one)
                found["the first"][number] += any(each.is_real for each in against(names, one, 0))
                found["the best"][number] += any(each.is_real for each in to_best)
                found["the best, uncorrected"][number] += any(e.p_value < 0.05 for e in to_best)
        for way, counts in found.items():
            shares = (f"{each / tables:.3f}" for each in counts)
            table.add_row(f"{n:,}", f"{churners / tables:.0f}", way, *shares)
    Console(width=100).print(table)


def show_speed(rows: int) -> None:
    """Print what a comparison of two and of five models costs, in times of a sort."""
    label, probability = draw(np.random.default_rng(0), rows, INTERCEPTS[0.07], EQUAL)
    sort = _seconds(lambda: np.sort(probability[0]))
    order = _seconds(lambda: np.argsort(probability[0], kind="stable"))
    table = Table("models", "all metrics, in times of np.sort", "of a stable np.argsort")
    for n_models in (2, 5):
        taken = _seconds(
            lambda n=n_models: [
                against_best(list("abcde")[:n], one) for one in estimates(label, probability[:n])
            ]
        )
        table.add_row(str(n_models), f"{taken / sort:.0f}", f"{taken / order:.0f}")
    Console(width=100).print(table)


def _seconds(call: Callable[[], object]) -> float:
    """Return the least seconds of three calls."""
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return min(taken)


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["coverage", "equal", "speed"])
    parser.add_argument("--tables", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", type=int, default=1_000_000)
    given = parser.parse_args()
    if given.what == "coverage":
        show_coverage(given.tables or 1000, given.seed)
    elif given.what == "equal":
        show_equal(given.tables or 400, given.seed)
    else:
        show_speed(given.rows)


if __name__ == "__main__":
    main()

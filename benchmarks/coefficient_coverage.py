"""How often the intervals of odds ratios hold the true odds ratio: 95 % is promised.

    python benchmarks/coefficient_coverage.py [--tables 200] [--seed 0] [--kind customers]

A table is a sample of customers; `churn_torch.explanation.coefficients` finds their odds ratios.
``right``: customers leave by a logistic function of the columns, with standard errors from the
Hessian. ``bent``: log-odds that bend in a column and depend on a product of two, so that no
logistic regression is right; the truth is what it finds on a million customers. ``customers``:
several rows each, alike in two columns and in a mood that no column shows. ``sampled``: all
churners and one in five of the others were kept, and weights say so. Where a case has two ways to
find standard errors, both are shown. With 200 tables a share is right to within 0.03.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from churn_torch.explanation.coefficients import coefficients
from churn_torch.models.calibration import Calibrator
from churn_torch.models.nets.linear import Linear
from churn_torch.models.preprocessing.preprocess import Columns, Preprocess
from churn_torch.models.preprocessing.statistics import PreprocessOptions, fit_statistics
from churn_torch.models.scorer import Scorer
from churn_torch.tables.encode import encode, parse
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.options import ColumnRoles

TERMS = {
    ("age", "per unit"): 0.03,
    ("calls", "per unit"): 0.3,
    ("member", "yes against no"): -0.5,
    ("plan", "gold against basic"): 0.8,
}
INTERCEPTS = {0.27: -3.0, 0.05: -5.1}
TRUTH_ROWS = 1_000_000
AS_IT_IS = PreprocessOptions(outliers="none")


@dataclass(frozen=True)
class Case:
    """Customers, and how they leave."""

    n: int
    rate: float
    kind: str
    rows_each: int = 1

    def draw(self, rng: np.random.Generator, n: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
        """Return n rows with their labels, the customer of each row, and its weight."""
        n_customers = n // self.rows_each
        customer = np.arange(n_customers).repeat(self.rows_each)
        n = len(customer)
        age = rng.normal(45, 12, n_customers)[customer].round(1)
        member = rng.integers(0, 2, n_customers)[customer]
        calls = rng.poisson(2, n)
        plan = rng.choice(["basic", "plus", "gold"], n, p=[0.5, 0.35, 0.15])
        logit = INTERCEPTS[self.rate] + 0.03 * age + 0.3 * calls - 0.5 * member
        logit = logit + 0.8 * (plan == "gold")
        if self.kind == "bent":
            logit = logit + 0.003 * (age - 45) ** 2 - 0.8 * calls * (plan == "gold")
        if self.kind == "customers":
            logit = logit + rng.normal(0, 1.5, n_customers)[customer]
        churned = rng.random(n) < 1 / (1 + np.exp(-logit))
        frame = pd.DataFrame(
            {"age": age, "calls": calls, "member": member, "plan": plan, "churned": churned}
        )
        weight = np.ones(n)
        if self.kind == "sampled":
            kept = churned | (rng.random(n) < 0.2)
            frame, customer = frame[kept].reset_index(drop=True), customer[kept]
            weight = np.where(frame["churned"], 1.0, 5.0)
        return frame, customer, weight


CASES = (
    *(Case(n, rate, "right") for n, rate in ((200, 0.27), (1000, 0.27), (5000, 0.27))),
    *(Case(n, 0.05, "right") for n in (1000, 5000)),
    *(Case(n, 0.27, "bent") for n in (300, 1000, 5000)),
    Case(5000, 0.05, "bent"),
    *(Case(n, 0.27, "customers", 10) for n in (200, 300, 400, 1000, 5000)),
    *(Case(n, 0.05, "customers", 10) for n in (500, 1000, 2000)),
    *(Case(n, rate, "sampled") for n, rate in ((1000, 0.27), (5000, 0.27), (5000, 0.05))),
)


def measured(case: Case, table: tuple[pd.DataFrame, np.ndarray, np.ndarray], **how: object) -> dict:
    """Return the coefficients of a table by column and term."""
    frame, customer, weight = table
    schema = infer(frame, ColumnRoles(target="churned"))
    parsed = parse(frame, schema)
    schema, statistics = fit_statistics([parsed], schema, AS_IT_IS)
    preprocess = Preprocess(schema, AS_IT_IS)
    preprocess.load_statistics(statistics)
    scorer = Scorer(preprocess, Linear(n_features=preprocess.n_features), Calibrator())
    found = coefficients(
        scorer,
        schema,
        Columns.from_arrays(encode(parsed, schema)),
        frame["churned"].to_numpy(),
        weight=weight if case.kind == "sampled" else None,
        l2=0.0,
        **{"group": customer, **how} if case.kind == "customers" else how,
    )
    return {(row.column, row.term): row for row in found.rows}


def truth(case: Case) -> dict[tuple[str, str], float]:
    """Return the true coefficients."""
    if case.kind in ("right", "sampled"):
        return TERMS
    found = measured(case, case.draw(np.random.default_rng(10**6), TRUTH_ROWS))
    return {term: found[term].estimate for term in TERMS}


def ways(case: Case) -> dict[str, dict[str, object]]:
    """Return the standard errors that are tried, the right ones last."""
    hessian = {"Hessian": {}}
    if case.kind == "right":
        return hessian
    if case.kind == "customers":
        return {"rows alone": {"group": None}, "by customer": {}}
    return hessian | {"robust": {"robust": True}}


def main() -> None:
    """Print a line a case."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tables", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=sorted({case.kind for case in CASES}))
    given = parser.parse_args()
    shown = Table("rows", "customers", "churn rate", "kind", "standard errors",
                  *(f"{column}" for column, _ in TERMS))  # fmt: skip
    for case in CASES:
        if given.kind not in (None, case.kind):
            continue
        right, rates, n_customers = truth(case), [], case.n // case.rows_each
        rng = np.random.default_rng(given.seed)
        held = {way: {term: [] for term in TERMS} for way in ways(case)}
        for _ in range(given.tables):
            table = case.draw(rng, case.n)
            rates.append(np.average(table[0]["churned"], weights=table[2]))
            for way, how in ways(case).items():
                found = measured(case, table, **how)
                for term in TERMS:
                    if term in found:  # no churner of a level has no odds ratio
                        one = found[term]
                        held[way][term].append(one.odds_low <= np.exp(right[term]) <= one.odds_high)
        for way, by_term in held.items():
            shares = (f"{np.mean(each):.3f}" for each in by_term.values())
            shown.add_row(f"{case.n:,}", f"{n_customers:,}", f"{np.mean(rates):.2f}", case.kind,
                          way, *shares)  # fmt: skip
    Console(width=110).print(shown)


if __name__ == "__main__":
    main()

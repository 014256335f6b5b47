"""What customers will spend: the spend head against BG/NBD with Gamma-Gamma, on CDNOW.

    python benchmarks/spend.py [--models logreg scorecard]

Each model is trained by one command on CDNOW's log (churn-torch train events=cdnow), which learns
the spend of those who stay; (1 - churn_probability) * expected_spend is then what to expect of a
customer in the 60 days after the last cut-off, whose labels nobody has seen. Beside it, fitted to
all orders before the last cut-off:

- BG/NBD and Gamma-Gamma: expected orders (benchmarks/bg_nbd.py) times the expected value of an
  order, p (v + m x) / (p x + q - 1) of x repeat orders with mean m, fitted by maximum likelihood
  (Fader & Hardie 2013, "The Gamma-Gamma model of monetary value").
- the spend of the last 60 days again, and the mean of all.

Total: expected over spent. Deciles: customers by expected spend in ten groups, the mean absolute
difference of their totals as a share of all that was spent. Error: mean absolute error.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import bg_nbd
import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd
from cdnow import cdnow
from scipy.optimize import minimize
from scipy.special import gammaln

from churn_torch.cli.compose import compose
from churn_torch.workflows.train import train

Floats = npt.NDArray[np.float64]


def gamma_gamma(repeats: Floats, mean: Floats) -> tuple[float, float, float]:
    """Fit p, q and v to the mean value of each customer's repeat orders."""

    def loss(logs: Floats) -> float:
        p, q, v = np.exp(logs)
        terms = (
            gammaln(p * repeats + q) - gammaln(p * repeats) - gammaln(q) + q * np.log(v)
            + (p * repeats - 1) * np.log(mean) + p * repeats * np.log(repeats)
            - (p * repeats + q) * np.log(repeats * mean + v)
        )  # fmt: skip
        return -float(terms.mean())

    found = minimize(
        loss, np.log([6.0, 4.0, 15.0]), method="Nelder-Mead", options={"maxiter": 4000}
    )
    p, q, v = np.exp(found.x)
    return float(p), float(q), float(v)


def value_of_an_order(orders: pd.DataFrame, cutoff: pd.Timestamp, ids: pd.Series) -> Floats:
    """Return the expected value of the next order of each customer."""
    known = orders[(orders["time"] < cutoff) & (orders["value"] > 0)]
    days = known.groupby(["customer", "time"], as_index=False)["value"].sum()
    first = days.groupby("customer")["time"].transform("min")
    repeat = days[days["time"] > first].groupby("customer")["value"].agg(["size", "mean"])
    p, q, v = gamma_gamma(repeat["size"].to_numpy(float), repeat["mean"].to_numpy())
    print(f"Gamma-Gamma: p {p:.3f}, q {q:.3f}, v {v:.3f}")
    of_test = repeat.reindex(ids).fillna(0.0)
    x, m = of_test["size"].to_numpy(float), of_test["mean"].to_numpy()
    return np.asarray(p * (v + m * x) / (p * x + q - 1))


def line(name: str, expected: Floats, spent: Floats) -> str:
    """Return a line of the table."""
    order = np.argsort(-expected, kind="stable")
    deciles = sum(
        abs(expected[rows].sum() - spent[rows].sum()) for rows in np.array_split(order, 10)
    )
    rank = pd.Series(expected).corr(pd.Series(spent), method="spearman")
    return (
        f"| {name} | {expected.sum() / spent.sum():.3f} | {deciles / spent.sum():.3f} | "
        f"{np.abs(expected - spent).mean():.2f} | {rank:.3f} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--models", nargs="+", default=["logreg", "scorecard"])
    models = parser.parse_args().models
    log = cdnow()
    orders = duckdb.sql(log.orders).df()
    with tempfile.TemporaryDirectory() as name:
        lines: list[str] = []
        for number, model in enumerate(models):
            folder = Path(name) / model
            keys = [*log.keys, f"model={model}", "report=false", f"outputs={name}"]
            run = train(compose("train", keys), folder)
            tested = pd.read_parquet(run.folder / "predictions.parquet")
            spent = tested["spend"].to_numpy(float)
            if not number:
                cutoff, ids = tested["cutoff"].iloc[0], tested["customer_id"]
                known = bg_nbd.purchases(orders, cutoff)
                parameters = bg_nbd.fit(bg_nbd.Purchases(*known.to_numpy().T))
                of_test = bg_nbd.Purchases(*known.loc[ids].to_numpy().T)
                n_orders = bg_nbd.expected_purchases(of_test, parameters, log.ahead / 7)
                theirs = n_orders * value_of_an_order(orders, cutoff, ids)
                lines.append(line("BG/NBD and Gamma-Gamma", theirs, spent))
                recent = orders[(orders["time"] < cutoff)]
                recent = recent[recent["time"] >= cutoff - pd.Timedelta(days=log.ahead)]
                again = recent.groupby("customer")["value"].sum().reindex(ids).fillna(0.0)
                lines.append(line("the last 60 days again", again.to_numpy(), spent))
            ours = (1 - tested["churn_probability"]) * tested["expected_spend"]
            lines.append(line(f"windows, {model} and spend head", ours.to_numpy(float), spent))
    print(f"{len(spent):,} customers spent {spent.sum():,.0f}")
    print("| | total | deciles | error | rank correlation |\n|---|---|---|---|---|")
    print("\n".join(lines))


if __name__ == "__main__":
    main()

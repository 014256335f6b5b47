"""Events to a model: windows and a net against hand-made RFM and against BG/NBD, on two real logs.

    python benchmarks/cdnow.py [--sample CDNOW_sample.txt] [--models logreg scorecard wide_deep]
    python benchmarks/cdnow.py --retail online_retail.parquet

CDNOW's log, or the one that is named. It has five cut-offs; all is tested on the customers of the
last one, whose labels nobody has seen. Each model is trained by one command, from the log to the
ONNX file (churn-torch train events=... report=false), in a process of its own. Beside it, from the
same log, for the same rows:

- RFM + logistic regression: days since the last order, orders so far, mean value of an order (the
  last two as log(1 + x)), scaled, scikit-learn's LogisticRegression on the earlier four cut-offs.
- BG/NBD: fitted to all orders before the last cut-off, ranked by 1 - P(alive), and by the expected
  number of orders in the label window (benchmarks/bg_nbd.py).

AUROC has DeLong's interval; differences are paired, against RFM, and hold for all lines of a table
at once. `--sample` is the file of that name of the package lifetimes: the fit is then compared with
the published parameters. The online retail log is UCI's (one line an article; CustomerID missing in
a quarter of the lines, cancellations with a negative Quantity); it is no part of the project.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import measured

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

RETAIL = """
customers: null
events:
  orders: {source: "LINES", id: CustomerID, time: InvoiceDate, filter: "Quantity > 0"}
  cancellations: {source: "LINES", id: CustomerID, time: InvoiceDate, filter: "Quantity < 0"}
features:
  orders:
    windows: [30d, 60d, 90d, all]
    active_days: true
    sum: [amount, Quantity]
    mean: [amount]
    distinct: [InvoiceNo, StockCode]
    frequency: true
    gaps: true
    trend: [30d/90d]
    by: {Country: 3}
  cancellations: {windows: [30d, 90d, all], sum: [amount]}
population: {active: {orders: 180d}}
label: {none_of: orders, within: 30d}
cutoffs: {every: 30d, count: 5}
"""


@dataclass(frozen=True)
class Log:
    """A log of orders.

    Attributes:
        name: Of the table.
        keys: What train needs to know of it.
        orders: SQL for customer, time and value of each order.
        ahead: Days of the label window.
    """

    name: str
    keys: tuple[str, ...]
    orders: str
    ahead: float


def cdnow() -> Log:
    """Return the shipped log."""
    from churn_torch import samples

    orders = "SELECT customer_id AS customer, date::TIMESTAMP AS time, dollar_value AS value "
    return Log("CDNOW", ("events=cdnow",), f"{orders} FROM '{samples.path('cdnow')}'", 60.0)


def retail(path: Path, folder: Path) -> Log:
    """Return the online retail log, with its specification written to a file."""
    lines = f"SELECT *, Quantity * UnitPrice AS amount FROM '{path}'"
    specification = folder / "retail.yaml"
    specification.write_text(RETAIL.replace("LINES", lines))
    orders = (
        "SELECT CustomerID::BIGINT::VARCHAR AS customer, min(InvoiceDate) AS time, "
        f"sum(Quantity * UnitPrice) AS value FROM '{path}' "
        "WHERE Quantity > 0 AND CustomerID IS NOT NULL GROUP BY CustomerID, InvoiceNo"
    )
    return Log("online retail", (f"specification={specification}",), orders, 30.0)


def rfm(orders: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return log(1 + orders), days since the last one, log(1 + mean value) of rows at a cut-off."""
    import numpy as np

    (cutoff,) = rows["cutoff"].unique()
    by = orders[orders["time"] < cutoff].groupby("customer")
    known = by.agg(last=("time", "max"), count=("time", "size"), value=("value", "mean"))
    known = known.loc[rows["id"]]
    days = (cutoff - known["last"]).dt.total_seconds() / 86_400
    value = np.log1p(known["value"].clip(lower=0))
    return np.column_stack([np.log1p(known["count"]), days, value])


def compare(log: Log, models: list[str], folder: Path) -> None:
    """Train the models, fit the others to the same rows, and print the table."""
    import bg_nbd
    import duckdb
    import numpy as np
    import pandas as pd
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from churn_torch.evaluation.auroc_interval import auroc_interval, ranked_counts
    from churn_torch.evaluation.model_comparison.comparison import against
    from churn_torch.evaluation.model_comparison.paired_metrics import auroc_estimates, ranked

    costs, runs = {}, {}
    for model in models:
        outputs = folder / log.name / model
        keys = (*log.keys, f"model={model}", "report=false", f"outputs={outputs}")
        costs[model] = measured.train(*keys)
        runs[model] = (outputs / "latest").resolve()
    tables = sorted((runs[models[0]] / "feature_tables").glob("*.parquet"))
    id_column = json.loads((runs[models[0]] / "events.json").read_text())["id"]
    rows = [pd.read_parquet(path) for path in tables]
    rows = [one.assign(id=one[id_column].astype(str)) for one in rows]
    orders = duckdb.sql(log.orders).df()
    orders["customer"] = orders["customer"].astype(str)
    print(f"{log.name}: " + ", ".join(f"{len(one):,}" for one in rows) + " rows")

    test, label = rows[-1], rows[-1]["churned"].to_numpy()
    by_hand = make_pipeline(StandardScaler(), LogisticRegression())
    by_hand.fit(
        np.concatenate([rfm(orders, one) for one in rows[:-1]]),
        np.concatenate([one["churned"] for one in rows[:-1]]),
    )
    scores = {"RFM + logistic regression": by_hand.predict_proba(rfm(orders, test))[:, 1]}
    (cutoff,) = test["cutoff"].unique()
    known = bg_nbd.purchases(orders, cutoff)
    parameters = bg_nbd.fit(bg_nbd.Purchases(*known.to_numpy().T))
    of_test = bg_nbd.Purchases(*known.loc[test["id"]].to_numpy().T)
    scores["BG/NBD, 1 - P(alive)"] = 1 - bg_nbd.alive(of_test, parameters)
    expected = bg_nbd.expected_purchases(of_test, parameters, log.ahead / 7)
    scores["BG/NBD, expected orders"] = np.exp(-expected)
    for model, run in runs.items():
        tested = pd.read_parquet(run / "predictions.parquet")
        tested = tested.set_index(tested[id_column].astype(str)).loc[test["id"]]
        assert (tested["label"].to_numpy() == label).all()
        scores[f"windows + {model}"] = tested["churn_probability"].to_numpy()

    names = list(scores)
    paired = auroc_estimates(label, [ranked(label, one) for one in scores.values()])
    differences = {one.first: one for one in against(names, paired, 0)}
    print("| model | AUROC [95 %] | minus RFM [95 %] | seconds (CPU) |")
    print("|---|---|---|---|")
    for name, score in scores.items():
        counts = ranked_counts(np.asarray(score, np.float64), label.astype(np.float64))
        low, high = auroc_interval(*counts)
        auroc = paired.value[names.index(name)]
        beside = ""
        if one := differences.get(name):
            beside = f"{one.difference:+.4f} [{one.low:+.4f} to {one.high:+.4f}]"
        cost = costs.get(name.removeprefix("windows + "))
        seconds = "" if cost is None else f"{cost.seconds:.1f} ({cost.cpu_seconds:.1f})"
        print(f"| {name} | {auroc:.4f} [{low:.4f} to {high:.4f}] | {beside} | {seconds} |")
    print(f"BG/NBD: {', '.join(f'{v:.3f}' for v in parameters)}; churn {label.mean():.1%}")


def check_published(path: Path) -> None:
    """Fit the tenth of CDNOW's customers, 39 weeks, and print the parameters beside the paper's."""
    import bg_nbd
    import pandas as pd

    log = pd.read_csv(path, sep=r"\s+", header=None, usecols=[1, 2], names=["customer", "time"])
    log["time"] = pd.to_datetime(log["time"].astype(str), format="%Y%m%d")
    known = bg_nbd.purchases(log, pd.Timestamp("1997-10-01"))
    # The paper counts to the last day of September.
    known["age"] -= 1 / 7
    purchases = bg_nbd.Purchases(*known.to_numpy().T)
    found = bg_nbd.fit(purchases)
    likelihood = bg_nbd.log_likelihood(purchases, found).sum()
    print(f"{len(known):,} customers, log-likelihood {likelihood:.1f} (published: -9582.4)")
    for name, value in found._asdict().items():
        print(f"  {name}: {value:.3f} (published: {bg_nbd.PUBLISHED[name]})")


def main() -> None:
    """Print the table of a log."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--retail", type=Path)
    parser.add_argument("--sample", type=Path)
    parser.add_argument("--models", nargs="+", default=["logreg", "scorecard", "wide_deep"])
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as folder:
        if arguments.sample is not None:
            check_published(arguments.sample)
        path = arguments.retail
        log = cdnow() if path is None else retail(path.resolve(), Path(folder))
        compare(log, arguments.models, Path(folder))


if __name__ == "__main__":
    main()

"""What a campaign earns on test rows: trained on expected profit, or on cross-entropy.

    python benchmarks/profit_loss.py [--tables telco made_segment] [--models logreg] [--seeds 5]

Both sides contact every customer at or above a threshold of the probability; it is the one that
earns most on the validation rows. ``own`` needs no threshold: cross-entropy's probability and each
customer's own value and costs decide (expected net value above 0), as a campaign does. All are in
per cent of what one would earn who knew who leaves. Intervals of the difference: Student's t over
the seeds, each with its own split, with the variance of overlapping splits (Nadeau & Bengio 2003,
"Inference for the generalization error"). Costs are in mean values of a customer. Tables that are
not there are left out.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from quality import SHARED, TABLES
from rich.console import Console
from rich.table import Table
from scipy import stats
from scipy.special import expit
from sklearn.metrics import log_loss

from churn_torch.cli.compose import compose
from churn_torch.decisions.offers import Offer, payoffs
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.training.inference import scored
from churn_torch.workflows.configuration.options import train_options
from churn_torch.workflows.fit import fitted

VALUES = {
    "telco": "12 * MonthlyCharges",
    "mlc": "12 * (total_day_charge + total_eve_charge + total_night_charge + total_intl_charge)",
    "bank_balance": "0.02 * Balance",
    "bank_salary": "0.01 * EstimatedSalary",
    "iranian": '"Customer Value"',
    "made_linear": "value",
    "made_segment": "value",
}
# Contact cost and incentive in mean values of a customer, and the keep rate.
OFFERS = {
    "cheap call": (0.01, 0.0, 0.3),
    "discount": (0.01, 0.1, 0.3),
    "high keep": (0.05, 0.0, 0.6),
}
VALIDATION, TEST = 0.3, 0.3
N_MADE = 6000


class Side(NamedTuple):
    """Probabilities of the validation and the test rows, and what is known of the rows."""

    validation: np.ndarray
    test: np.ndarray
    payoff: dict[str, np.ndarray]  # by part; of loss=profit alone
    label: np.ndarray
    value: np.ndarray


def made(name: str) -> pd.DataFrame:
    """Return a table of which the truth is known.

    ``made_linear``: log-odds are linear, values say nothing of churn. ``made_segment``: one row
    in eight is worth ten others, and usage moves churn up among them and down among the
    others, which no linear model can follow.
    """
    random = np.random.default_rng(0)
    x = random.normal(size=(N_MADE, 3)).round(3)
    segment = random.uniform(size=N_MADE) < (0.5 if name == "made_linear" else 0.125)
    value = random.gamma(4, 25, N_MADE)
    if name == "made_linear":
        logit = -1.5 + x @ [1.0, -0.7, 0.3] + 0.5 * segment
    else:
        value = value * np.where(segment, 10, 1)
        logit = -1.5 + 1.5 * x[:, 0] * np.where(segment, 1, -1) + 0.5 * x[:, 1]
    churn = np.where(random.uniform(size=N_MADE) < expit(logit), "yes", "no")
    frame = pd.DataFrame(x, columns=["usage", "tickets", "age"])
    return frame.assign(
        segment=np.where(segment, "business", "home"), value=value.round(2), churn=churn
    )


def words_of(table: str, seed: int, model: str, arguments: argparse.Namespace) -> list[str]:
    """Return the choices of a training that do not depend on the loss."""
    source, target, positive = "made", "churn", "yes"
    if not table.startswith("made_"):
        file, target, positive = TABLES[table.partition("_")[0]]
        source = arguments.data / file
    value = VALUES[table].replace('"', '\\"')
    words = ["data=table", f"data.source={source}", f"data.target={target}", f"model={model}"]
    words += [f"data.positive={positive}", f"data.split.validation={VALIDATION}", f"seed={seed}"]
    words += [f"data.split.test={TEST}", f'data.value="{value}"']
    return words if model == "logreg" else [*words, f"trainer.max_epochs={arguments.epochs}"]


def fit(table: str, words: list[str]) -> Side:
    """Fit as a training does."""
    options = train_options(compose("train", words))
    source = made(table) if table.startswith("made_") else None
    data = read_labelled(options.data, seed=options.seed, source=source)
    with (
        tempfile.TemporaryDirectory() as folder,
        fitted(options, data, Path(folder), n_threads=1, announce=lambda _: None) as model,
    ):
        parts = {name: model.store.parts[name] for name in ("validation", "test")}
        probability = {
            name: np.concatenate([rows.probability.numpy() for rows in scored(model.scorer, part)])
            for name, part in parts.items()
        }
        blocks = {name: part.read([slice(0, part.n_rows)]) for name, part in parts.items()}
        payoff = {n: b.payoff.double().numpy() for n, b in blocks.items() if b.payoff is not None}
        carried = pd.concat(model.store.carried_chunks(10**9))
        label = blocks["test"].label.numpy().copy()
        return Side(**probability, payoff=payoff, label=label, value=carried["value"].to_numpy())


def best_threshold(probability: np.ndarray, payoff: np.ndarray) -> float:
    """Return the threshold at which contacting the rows at or above it earns most."""
    order = np.argsort(-probability, kind="stable")
    earned = np.concatenate([[0.0], np.cumsum(payoff[order])])
    ends = np.flatnonzero(np.diff(probability[order], append=-1.0)) + 1
    best = max([0, *ends], key=lambda n: earned[n])
    return float(probability[order][best - 1]) if best else np.inf


def compared(table: str, seed: int, model: str, arguments: argparse.Namespace) -> list[dict]:
    """Return what each side earns under each offer, in money a test customer."""
    words = words_of(table, seed, model, arguments)
    plain = fit(table, words)
    mean_value = float(plain.value.mean())
    records = []
    for name in arguments.offers:
        cost, incentive, keep_rate = OFFERS[name]
        offer = Offer(
            contact_cost=cost * mean_value, incentive=incentive * mean_value, keep_rate=keep_rate
        )
        keys = {"contact_cost": offer.contact_cost, "incentive": offer.incentive}
        terms = [f"offer.call.{key}={value}" for key, value in keys.items()]
        terms += [f"offer.call.keep_rate={keep_rate}", "offer=call", "loss=profit"]
        trained = fit(table, [*words, *terms])
        payoff = trained.payoff["test"]
        earned = {"perfect": float(np.maximum(payoff, 0).mean())}
        for side, of in (("cross-entropy", plain), ("profit", trained)):
            threshold = best_threshold(of.validation, trained.payoff["validation"])
            earned[side] = float((payoff * (of.test >= threshold)).mean())
        own = payoffs(offer, plain.value).net(plain.test.astype(np.float64), keep_rate) > 0
        earned["own"] = float((payoff * own).mean())
        losses = {
            f"log-loss {side}": log_loss(plain.label, of.test.astype(np.float64))
            for side, of in (("cross-entropy", plain), ("profit", trained))
        }
        records.append({"table": table, "model": model, "offer": name, **earned, **losses})
    return records


def interval(difference: np.ndarray) -> tuple[float, float]:
    """Return the interval of 95 % of a mean over splits that overlap."""
    n = len(difference)
    variance = difference.var(ddof=1) * (1 / n + TEST / (1 - VALIDATION - TEST))
    reach = float(stats.t.ppf(0.975, n - 1) * np.sqrt(variance))
    return difference.mean() - reach, difference.mean() + reach


def main() -> None:
    """Train every side, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=SHARED, help="where the tables are")
    parser.add_argument("--tables", nargs="+", default=list(VALUES))
    parser.add_argument("--models", nargs="+", default=["logreg"])
    parser.add_argument("--offers", nargs="+", default=list(OFFERS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=30, help="most of a net, in each of its fits")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    records: list[dict[str, Any]] = []
    for table in arguments.tables:
        is_made = table.startswith("made_")
        if not is_made and not (arguments.data / TABLES[table.partition("_")[0]][0]).exists():
            continue
        for model in arguments.models:
            for seed in range(arguments.seeds):
                records += compared(table, seed, model, arguments)
    shown = Table("table", "model", "offer", title="per cent of what perfect knowledge earns")
    for name in ("cross-entropy", "profit", "difference", "95 %", "own", "log-loss ce", "profit"):
        shown.add_column(name, justify="right")
    frame = pd.DataFrame(records)
    for names, rows in frame.groupby(["table", "model", "offer"], sort=False):
        share = rows[["cross-entropy", "profit", "own"]].div(rows["perfect"], axis=0) * 100
        low, high = interval((share["profit"] - share["cross-entropy"]).to_numpy())
        mean, losses = share.mean(), rows[["log-loss cross-entropy", "log-loss profit"]].mean()
        difference = mean["profit"] - mean["cross-entropy"]
        shown.add_row(
            *names, f"{mean['cross-entropy']:.1f}", f"{mean['profit']:.1f}", f"{difference:+.1f}",
            f"{low:+.1f} to {high:+.1f}", f"{mean['own']:.1f}", *(f"{x:.4f}" for x in losses),
        )  # fmt: skip
    Console(width=140).print(shown)


if __name__ == "__main__":
    main()

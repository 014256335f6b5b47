"""Whether model=logreg ends at its optimum by default, and what that costs beside Adam.

    python benchmarks/default_fit.py [--rounds 3] [--tables telco mlc] [--sides auto newton adam]
    python benchmarks/default_fit.py --wide 100 500 2000 --sides newton lbfgs adam

For each table a fit of the same rows by each side, an option of conf/optimizer. Per fit: how far
its objective (mean loss of the training rows plus penalty, in float64) lies above the lowest of the
sides, relative to it; AUROC of the test rows; seconds of the fit alone, the fastest of the rounds,
as a ratio to the last side's. Tables that are not there are left out.

With --wide: made tables of 60,000 rows with so many features, which decides where auto changes from
newton to lbfgs.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from quality import SHARED, TABLES
from sklearn.metrics import roc_auc_score

from churn_torch.cli.compose import compose
from churn_torch.models.preprocessing.expansion import Expansion
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.training.fit import one_thread
from churn_torch.training.inference import scored
from churn_torch.workflows.configuration.options import TrainOptions, train_options
from churn_torch.workflows.fit import Fitted, fitted

MORE = {
    "wa_churn": ("wa_churn_modeldata/wa_churn.csv", "churn", "Yes"),
    "hillstrom": ("hillstrom/hillstrom.csv.gz", "visit", "1"),
}
IGNORED = {"hillstrom": ["conversion", "spend"]}  # known only after the visit
WIDE_ROWS = 60_000


def objective(model: Fitted, l2: float) -> float:
    """Return the penalised mean loss of the training rows in float64."""
    block = model.store.parts["train"].read([slice(0, model.store.parts["train"].n_rows)])
    expansion, linear = Expansion(model.scorer.preprocess), model.scorer.net.linear
    assert isinstance(linear, torch.nn.Linear)
    weight = linear.weight.detach().double().squeeze(0)
    total = 0.0
    for chunk in block.in_chunks(8_192):
        x = expansion(chunk.dense, chunk.codes).double()
        logit = x @ weight + linear.bias.detach().double()
        margin = (1 - 2 * chunk.label.double()) * logit
        total += float(torch.nn.functional.softplus(margin).sum())
    return total / len(block.label) + l2 / 2 * float(weight @ weight)


def fit(options: TrainOptions, source: Any, folder: Path) -> dict[str, float]:
    """Fit once; return the objective, the test AUROC, seconds and passes over the rows."""
    table = read_labelled(options.data, seed=0, source=source)
    assert isinstance(options.penalty.l2, float)
    with (
        one_thread() as n_threads,
        fitted(options, table, folder, n_threads=n_threads, announce=lambda _: None) as model,
    ):
        parts = list(scored(model.scorer, model.store.parts["test"]))
        probability, label = (torch.cat([part[i] for part in parts]).numpy() for i in (0, 1))
        return {
            "objective": objective(model, options.penalty.l2),
            "auroc": float(roc_auc_score(label, probability)),
            "seconds": float(model.fit["seconds"]),
            "epochs": float(model.fit["epochs"]),
            "features": float(model.scorer.preprocess.n_features),
        }


def compare(name: str, keys: list[str], sides: list[str], rounds: int, source: Any) -> None:
    """Print a line for each side."""
    best: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for side in sides:
                options = train_options(compose("train", [*keys, f"optimizer={side}"]))
                one = fit(options, source, Path(folder))
                if side not in best or one["seconds"] < best[side]["seconds"]:
                    best[side] = one
    lowest = min(one["objective"] for one in best.values())
    for side in sides:
        one = best[side]
        gap = one["objective"] / lowest - 1
        print(
            f"{name:12} {one['features']:8.0f}  {side:7} {one['objective']:.6f} {gap:+9.1e} "
            f"{one['auroc']:.4f} {one['epochs']:6.0f} {one['seconds']:7.2f} "
            f"{one['seconds'] / max(best[sides[-1]]['seconds'], 0.01):6.2f}",
            flush=True,
        )


def wide(n_features: int) -> pd.DataFrame:
    """Return rows of 12 categories with so many values in all, and 8 numbers."""
    rng = np.random.default_rng(n_features)
    frame = pd.DataFrame({f"x{i}": rng.normal(size=WIDE_ROWS) for i in range(8)})
    logit = frame["x0"] - 0.5 * frame["x1"] - 1
    n_categories = -(-n_features // 250)
    for i in range(n_categories):
        levels = rng.integers(0, n_features // n_categories, WIDE_ROWS)
        frame[f"c{i}"] = np.char.add("level ", levels.astype(str))
        logit = logit + rng.normal(size=n_features)[levels] * 0.3
    frame["churned"] = np.where(rng.random(WIDE_ROWS) < 1 / (1 + np.exp(-logit)), "yes", "no")
    return frame


def main() -> None:
    """Compare on the shared tables, or on wide ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tables", nargs="+", default=[*TABLES, *MORE])
    parser.add_argument("--sides", nargs="+", default=["auto", "newton", "adam"])
    parser.add_argument("--data", type=Path, default=SHARED, help="the folder with the tables")
    parser.add_argument("--wide", type=int, nargs="+")
    arguments = parser.parse_args()
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    print(f"{'table':12} features  side    objective       gap  AUROC epochs seconds  ratio")
    keys = ["model=logreg", "data=table", "trainer=cpu", "callbacks.progress=false"]
    for n_features in arguments.wide or []:
        more = ["data.source=-", "data.target=churned"]
        compare("made", [*keys, *more], arguments.sides, arguments.rounds, wide(n_features))
    if arguments.wide:
        return
    for name in arguments.tables:
        path, target, positive = {**TABLES, **MORE}[name]
        if not (arguments.data / path).exists():
            continue
        more = [f"data.target={target}", f"data.positive={positive}", "data.source=-"]
        more.append(f"data.ignore=[{','.join(IGNORED.get(name, []))}]")
        compare(name, [*keys, *more], arguments.sides, arguments.rounds, arguments.data / path)


if __name__ == "__main__":
    sys.exit(main())

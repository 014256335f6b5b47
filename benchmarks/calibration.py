"""What each calibrator does to the log-loss of test rows, by model and number of validation rows.

    python benchmarks/calibration.py [--tables telco mlc] [--models mlp gam] [--seeds 4]

A net is trained once a table, model and seed (split 40 % training, 30 % validation, 30 % test); the
logits are kept (--cache). Then every calibrator is fitted on parts of the validation rows of
several sizes and measured on all test rows, which nothing is chosen on. Shown is the mean over
seeds and parts of the test log-loss minus that of ``none``, in thousandths of a nat, with its
standard error over the seeds; below, how often a calibrator improves on none, and its worst case.
The rows of benchmarks/quality.py; tables that are not there are left out.
"""

from __future__ import annotations

import argparse
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from quality import SHARED, TABLES
from rich.console import Console
from rich.table import Table
from scipy.special import expit
from sklearn.metrics import log_loss

from churn_torch.cli.compose import compose
from churn_torch.models import calibration
from churn_torch.models.calibration import Auto, Calibrator
from churn_torch.training.calibrate import LINEAR_MARGIN, MARGIN
from churn_torch.training.inference import sampled_logits
from churn_torch.workflows import fit as fitting
from churn_torch.workflows.configuration.options import train_options

CALIBRATORS: list[type[Calibrator]] = [getattr(calibration, name) for name in calibration.__all__]
LINEAR = ("logreg", "scorecard")
PARTS = {300: 4, 700: 3, 1400: 2, 10**9: 1}  # rows, and how many parts of that size


def logits(table: str, model: str, seed: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return logits and labels of the validation and test rows, from the cache or a training."""
    path = arguments.cache / f"{table}-{model}-{seed}.npz"
    if path.exists():
        return dict(np.load(path))
    file, target, positive = TABLES[table]
    words = [
        "data=table", f"data.source={arguments.data / file}", f"data.target={target}",
        f"data.positive={positive}", "data.split.validation=0.3", "data.split.test=0.3",
        f"seed={seed}", f"model={model.split()[0]}", *model.split()[1:], "calibration=none",
    ]  # fmt: skip
    if model.split()[0] not in LINEAR:
        words.append(f"trainer.max_epochs={arguments.epochs}")
    options = train_options(compose("train", words))
    data = fitting_table(options)
    arguments.cache.mkdir(parents=True, exist_ok=True)
    found = {}
    with fitting.fitted(
        options, data, arguments.cache / "fit", n_threads=1, announce=lambda _: None
    ) as fitted:
        for part in ("validation", "test"):
            raw, label, _ = sampled_logits(fitted.scorer, fitted.store.parts[part], 10**9)
            found[f"{part} logit"] = (raw - fitted.scorer.prior_shift).double().numpy()
            found[f"{part} label"] = label.double().numpy()
    np.savez(path, **found)
    return found


def fitting_table(options: Any) -> Any:
    """Return the table, read and split."""
    from churn_torch.tables.labelled.read import read_labelled

    return read_labelled(options.data, seed=options.seed)


def measured(table: str, model: str, seed: int, rows: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the test log-loss of every calibrator after every part of the validation rows."""
    order = np.random.default_rng(seed).permutation(len(rows["validation label"]))
    records = []
    for size, n_parts in PARTS.items():
        size = min(size, len(order))
        for part in range(min(n_parts, len(order) // size)):
            kept = order[part * size :][:size]
            logit, label = rows["validation logit"][kept], rows["validation label"][kept]
            for make in CALIBRATORS:
                made = make()
                if isinstance(made, Auto):
                    margin = LINEAR_MARGIN if model.split()[0] in LINEAR else MARGIN
                    made.fit(logit, label, margin=margin)
                else:
                    made.fit(logit, label)
                with torch.no_grad():
                    z = made(torch.from_numpy(rows["test logit"])).numpy()
                name = "none" if make is Calibrator else make.__name__.lower()
                record = {"table": table, "model": model, "seed": seed, "rows": size}
                record |= {"part": part, "calibrator": name}
                record["loss"] = log_loss(rows["test label"], expit(z))
                record["chosen"] = made.chosen if isinstance(made, Auto) else ""
                records.append(record)
    return records


def main() -> None:
    """Train what is not kept yet, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=SHARED, help="where the tables are")
    parser.add_argument("--tables", nargs="+", default=list(TABLES))
    parser.add_argument("--models", nargs="+", default=["mlp", "gam", "logreg"])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=30, help="most of a net")
    parser.add_argument("--cache", type=Path, default=Path("outputs/calibration"))
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    records = []
    for seed in range(arguments.seeds):
        for table in arguments.tables:
            if not (arguments.data / TABLES[table][0]).exists():
                continue
            for model in arguments.models:
                records += measured(table, model, seed, logits(table, model, seed, arguments))
    show(pd.DataFrame(records))


def show(done: pd.DataFrame) -> None:
    """Print the mean differences to none, and how often and how much at worst."""
    keys = ["table", "model", "seed", "rows", "part"]
    losses = done.pivot_table(index=keys, columns="calibrator", values="loss")
    gains = 1000 * losses.sub(losses["none"], axis=0).drop(columns="none")
    done = done.assign(rows=done["rows"].where(done["rows"].isin(PARTS), 10**9))
    gains = gains.reset_index()
    gains["rows"] = gains["rows"].where(gains["rows"].isin(PARTS), 10**9)
    names = [name for name in gains.columns if name not in keys]
    console = Console(width=150)
    shown = Table("model", "table", "rows", "none", *names, "auto takes", title="test log-loss")
    for (model, table, rows), here in gains.groupby(["model", "table", "rows"], sort=False):
        of_seed = here.groupby("seed")[names].mean()
        same = (done["model"] == model) & (done["table"] == table) & (done["rows"] == rows)
        taken = Counter(done.loc[same & (done["calibrator"] == "auto"), "chosen"])
        none = done.loc[same & (done["calibrator"] == "none"), "loss"].mean()
        cells = [f"{of_seed[n].mean():+.2f} ± {of_seed[n].sem():.2f}" for n in names]
        said = ", ".join(f"{name} {count}" for name, count in taken.most_common())
        size = "all" if rows == 10**9 else f"{rows:,}"
        shown.add_row(model, table, size, f"{none:.4f}", *cells, said)
    console.print(shown)
    total = Table("model", "calibrator", "mean", "better than none", "worst", "worst 5 %",
                  title="over all tables, seeds and parts")  # fmt: skip
    for model, here in gains.groupby("model", sort=False):
        for name in names:
            gain = here[name]
            total.add_row(
                model, name, f"{gain.mean():+.2f}", f"{(gain < 0).mean():.0%} (same "
                f"{(gain.abs() < 1e-3).mean():.0%})", f"{gain.max():+.1f}",
                f"{gain.nlargest(max(len(gain) // 20, 1)).mean():+.1f}",
            )  # fmt: skip
    console.print(total)


if __name__ == "__main__":
    main()

"""Five-fold accuracy of ``model=scorecard``, with standard errors, pairs and seconds.

    python benchmarks/scorecard.py [--tables telco mlc] [override ...]

The folds are those of benchmarks/accuracy.py. Each goes through the pipeline's own steps up to the
fitted net, without calibration and export; the pipeline keeps 15 % of the training rows for
validation unless told otherwise (``data.split.validation=0.05``). ``fit`` is the processor time
from the rows to the fitted net, features included. Tables that are not there are left out.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from accuracy import TABLES, fold_config, folds
from rich.console import Console
from rich.table import Table
from sklearn.metrics import log_loss, roc_auc_score

from churn_torch.console import quietly
from churn_torch.models.scorecard.layout import ScorecardLayout
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.training.fit import fit_net, one_thread
from churn_torch.training.inference import scored
from churn_torch.workflows.configuration.options import train_options
from churn_torch.workflows.fit import new_scorer, prepared


def main() -> None:
    """Run the folds and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="scorecard")
    parser.add_argument("--tables", nargs="+", default=[t for t in TABLES if "raw" not in t])
    parser.add_argument("overrides", nargs="*")
    arguments = parser.parse_args()
    result = Table("table", "AUROC", "log-loss", "pairs", "fit, CPU s", "AUROC of the folds")
    for name in arguments.tables:
        if not TABLES[name][0].exists():
            continue
        rows = [
            one_fold(name, folder, arguments.model, arguments.overrides) for folder in folds(name)
        ]
        values = np.array(rows)
        mean, error = values.mean(0), values.std(0, ddof=1) / np.sqrt(len(values))
        result.add_row(
            name,
            *(f"{mean[i]:.4f} ± {error[i]:.4f}" for i in (0, 1)),
            f"{mean[2]:.0f}",
            f"{mean[3]:.1f}",
            " ".join(f"{v:.4f}" for v in values[:, 0]),
        )
    Console(width=130).print(result)


def one_fold(name: str, folder: Path, model: str, overrides: list[str]) -> tuple[float, ...]:
    """Return AUROC, log-loss, the number of pairs and the processor seconds of the fit."""
    options = train_options(fold_config(name, folder, model, overrides))
    torch.manual_seed(options.seed)
    table = read_labelled(options.data, seed=options.seed)
    start = time.process_time()
    with (
        one_thread() as n_threads,
        prepared(options, folder, table, quietly) as (schema, statistics, store),
    ):
        scorer = new_scorer(options, schema, statistics)
        fit_net(
            options, folder, scorer.train(), store,
            class_weights=table.weight_by_class["train"], fingerprint=table.fingerprint,
            checkpoint=None, n_threads=n_threads, announce=print,
        )  # fmt: skip
        seconds = time.process_time() - start
        test = scored(scorer.eval(), store.parts["test"])
        blocks = [(rows.probability, rows.label) for rows in test]
    probability, label = (torch.cat(part).numpy() for part in zip(*blocks, strict=True))
    auroc, loss = roc_auc_score(label, probability), log_loss(label, probability.astype(float))
    return auroc, loss, len(ScorecardLayout.of(schema).pairs), seconds


if __name__ == "__main__":
    main()

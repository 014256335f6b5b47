"""Five-fold accuracy of ``model=scorecard``, with standard errors, pairs and seconds.

    python benchmarks/scorecard.py [--tables telco mlc] [override ...]

The folds are those of benchmarks/accuracy.py. Each goes through the pipeline's own steps up to the
fitted net, without calibration and export; the pipeline keeps 15 % of the training rows for
validation unless told otherwise (``data.split.validation=0.05``). ``fit`` is the processor time
from the rows to the fitted net, features included. Tables that are not there are left out.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from accuracy import TABLES
from rich.console import Console
from rich.table import Table
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold

from churn_torch.commandline import compose
from churn_torch.tables import sources
from churn_torch.tables.labelled import read_labelled
from churn_torch.training.build import build_scorer
from churn_torch.training.features import learn_features
from churn_torch.training.fit import fit_net, one_thread
from churn_torch.training.gather import gathered
from churn_torch.training.inference import scored


def main() -> None:
    """Run the folds and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="scorecard")
    parser.add_argument("--tables", nargs="+", default=[t for t in TABLES if "raw" not in t])
    parser.add_argument("overrides", nargs="*")
    arguments = parser.parse_args()
    result = Table("table", "AUROC", "log-loss", "pairs", "fit, CPU s", "AUROC of the folds")
    for name in arguments.tables:
        source, target, positive = TABLES[name]
        if not source.exists():
            continue
        frame = sources.read(source)
        label = (frame[target].astype(str) == positive).to_numpy()
        folds = StratifiedKFold(5, shuffle=True, random_state=0).split(frame, label)
        rows = []
        for train, test in folds:
            with tempfile.TemporaryDirectory() as folder:
                parts = {"train": frame.take(train), "test": frame.take(test)}
                for part, taken in parts.items():
                    taken.to_parquet(Path(folder) / f"{part}.parquet", index=False)
                rows.append(
                    one_fold(Path(folder), arguments.model, target, positive, arguments.overrides)
                )
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


def one_fold(
    folder: Path, model: str, target: str, positive: str, overrides: list[str]
) -> tuple[float, ...]:
    """Return AUROC, log-loss, the number of pairs and the processor seconds of the fit."""
    config = compose(
        "train",
        [
            f"model={model}", "data=table", f"data.source={folder}/train.parquet",
            f"data.test_source={folder}/test.parquet", f"data.target={target}",
            f"data.positive={positive}", *overrides,
        ],
    )  # fmt: skip
    torch.manual_seed(config.seed)
    table = read_labelled(config.data, seed=config.seed)
    start = time.process_time()
    schema, statistics = learn_features(config, table, watch=iter)
    scorer = build_scorer(config, schema)
    scorer.preprocess.load_statistics(statistics)
    with one_thread() as n_threads, gathered(
        table, schema, scorer.preprocess, watch=iter, announce=print,
        folder=folder / "features", keep=False, most_bytes=1e12, choices="",
    ) as store:  # fmt: skip
        fit_net(
            config, folder, scorer.train(), store,
            class_weights=table.weight_by_class["train"], fingerprint=table.fingerprint,
            checkpoint=None, n_threads=n_threads, announce=print,
        )  # fmt: skip
        seconds = time.process_time() - start
        found = list(scored(scorer.eval(), store.parts["test"]))
    probability, label = (torch.cat(part).numpy() for part in zip(*found, strict=True))
    auroc, loss = roc_auc_score(label, probability), log_loss(label, probability.astype(float))
    return auroc, loss, len(schema.pairs), seconds


if __name__ == "__main__":
    main()

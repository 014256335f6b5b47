"""Five-fold accuracy of ``model=scorecard``, with standard errors, pairs and seconds.

    python benchmarks/scorecard.py [--tables telco mlc] [override ...]

The folds are those of benchmarks/accuracy.py, and each goes through the whole pipeline, which
keeps 15 % of the training rows for validation unless told otherwise. ``fit`` is the time from the
rows to the fitted net, features included, without the export. Tables that are not there are left
out.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from accuracy import TABLES
from rich.console import Console
from rich.table import Table
from sklearn.model_selection import StratifiedKFold

from churn_torch import pipeline
from churn_torch.commandline import compose
from churn_torch.tables import sources


def main() -> None:
    """Run the folds and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="scorecard")
    parser.add_argument("--tables", nargs="+", default=[t for t in TABLES if "raw" not in t])
    parser.add_argument("overrides", nargs="*")
    arguments = parser.parse_args()
    result = Table("table", "AUROC", "log-loss", "pairs", "fit, s", "AUROC of the folds")
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
    """Return AUROC, log-loss, the number of pairs and the seconds of the fit."""
    config = compose(
        "train",
        [
            f"model={model}", "data=table", f"data.source={folder}/train.parquet",
            f"data.test_source={folder}/test.parquet", f"data.target={target}",
            f"data.positive={positive}", f"outputs={folder}",
            "export.outputs=[probability]", *overrides,
        ],
    )  # fmt: skip
    learned = pipeline.learn_features
    seconds = 0.0

    def timed(*args: Any, **kwargs: Any) -> Any:
        nonlocal seconds
        start = time.perf_counter()
        found = learned(*args, **kwargs)
        seconds = time.perf_counter() - start
        return found

    pipeline.learn_features = timed
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            run = pipeline.train(config, folder / model)
    finally:
        pipeline.learn_features = learned
    test = run.metrics["test"]
    n_pairs = len(run.schema.pairs)
    return test["auroc"], test["log_loss"], n_pairs, seconds + run.metrics["fit"]["seconds"]


if __name__ == "__main__":
    main()

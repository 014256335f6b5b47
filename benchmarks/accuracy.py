"""Five-fold accuracy of the default models, beside scikit-learn's optimum on the same rows.

    python benchmarks/accuracy.py [--models logreg mlp] [--tables telco mlc] [override ...]

Every fold goes through the whole pipeline (its own schema, split, statistics, early stopping,
export). ``optimum`` is scikit-learn's logistic regression with the same penalty, fitted to
convergence on the same preprocessed training rows and measured on the same test rows; ``worst``
is the largest log-loss of a fold above it. Tables that are not there are left out.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold

from churn_torch import samples
from churn_torch.cli.compose import compose
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.tables.encode import encode
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.tables.readers import sources
from churn_torch.workflows import train as pipeline
from churn_torch.workflows.runs.run_folder import Run

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
TABLES = {
    "telco": (samples.path("telco"), "churn", "Yes"),
    "telco (raw CSV)": (SHARED / "ibm_telco/Telco-Customer-Churn.csv", "Churn", "Yes"),
    "mlc": (SHARED / "mlc_churn/mlc_churn.csv", "churn", "yes"),
    "bank": (SHARED / "bank_churn_modelling/Churn_Modelling.csv", "Exited", "1"),
    "iranian": (SHARED / "iranian_churn/Customer_Churn.csv", "Churn", "1"),
}


def optimum(run: Run) -> tuple[float, float]:
    """Return test AUROC and log-loss of the penalised optimum on the run's own features."""
    table = read_labelled(run.options.data, seed=run.options.seed)

    def features(rows: np.ndarray) -> np.ndarray:
        columns = Columns.from_arrays(encode(table.parsed.take(rows), run.schema))
        with torch.no_grad():
            return run.scorer.preprocess(*columns).double().numpy()

    train, test = table.split.train, table.split.test
    penalty = 1 / (max(run.options.penalty.l2, 1e-12) * len(train))
    model = LogisticRegression(C=penalty, tol=1e-8, max_iter=10_000)
    model.fit(features(train), table.label[train])
    probability = model.predict_proba(features(test))[:, 1]
    return roc_auc_score(table.label[test], probability), log_loss(table.label[test], probability)


def main() -> None:
    """Run the folds and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=["logreg", "mlp"])
    parser.add_argument("--tables", nargs="+", default=list(TABLES))
    parser.add_argument("overrides", nargs="*")
    arguments = parser.parse_args()
    result = Table("table", "model", "AUROC", "log-loss", "optimum AUROC", "optimum", "worst")
    for name in arguments.tables:
        if not TABLES[name][0].exists():
            continue
        scores: dict[str, list[tuple[float, ...]]] = {model: [] for model in arguments.models}
        for folder in folds(name):
            for model in arguments.models:
                scores[model].append(one_fold(name, folder, model, arguments.overrides))
        for model, values in scores.items():
            mean = np.mean(values, axis=0)
            worst = max(v[1] - v[3] for v in values)
            result.add_row(name, model, *(f"{m:.4f}" for m in mean), f"{worst:+.4f}")
    Console(width=110).print(result)


def folds(name: str) -> Iterator[Path]:
    """Yield a folder with train.parquet and test.parquet for each fold of a table."""
    source, target, positive = TABLES[name]
    frame = sources.read(source)
    label = (frame[target].astype(str) == positive).to_numpy()
    for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(frame, label):
        with tempfile.TemporaryDirectory() as folder:
            for part, rows in (("train", train), ("test", test)):
                frame.take(rows).to_parquet(Path(folder) / f"{part}.parquet", index=False)
            yield Path(folder)


def fold_config(name: str, folder: Path, model: str, overrides: list[str]) -> DictConfig:
    """Return the configuration of a training on one fold of a table."""
    _, target, positive = TABLES[name]
    return compose(
        "train",
        [
            f"model={model}", "data=table", f"data.source={folder}/train.parquet",
            f"data.test_source={folder}/test.parquet", f"data.target={target}",
            f"data.positive={positive}", f"outputs={folder}", *overrides,
        ],
    )  # fmt: skip


def one_fold(name: str, folder: Path, model: str, overrides: list[str]) -> tuple[float, ...]:
    """Return AUROC and log-loss of the pipeline, then of the optimum."""
    config = fold_config(name, folder, model, overrides)
    with contextlib.redirect_stdout(io.StringIO()):
        run = pipeline.train(config, folder / model)
    test = run.metrics["test"]
    return test["auroc"], test["log_loss"], *optimum(run)


if __name__ == "__main__":
    main()

"""How good the models are beside boosted trees and RealMLP, on fixed folds and the same rows.

    python benchmarks/quality.py [--tables telco mlc] [--sides tabm catboost] [--folds 0 1]
    python benchmarks/quality.py --data FOLDER --list benchmarks/dev_tables.json --rows 5000

A side is one of the peers below (left out where it is not installed: pip install '.[benchmarks]'),
or one of ours: a model of conf/model, with any keys behind it ("tabm ensemble=4"), after "tuned"
with the best values of a study inside the fold ("tuned mlp tune.trials=40"). Otherwise nothing is
tuned to a table: defaults are chosen on other tables, listed in dev_tables.json. The five folds are
stratified; every side that stops early watches the same 15 % of the training rows, and gets the
same columns, cleaned by churn_torch. What is done is kept (--cache), so a run that was cut short
goes on where it was, and the tables hold all that is there.

``s`` and ``CPU s`` are what the fit took; of ours, the features before it and the calibration
too. Tables that are not there are left out.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import json
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from rich.console import Console
from rich.table import Table
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from churn_torch.cli.compose import compose
from churn_torch.evaluation.split_metrics import SplitMetrics
from churn_torch.serving.outputs import PROBABILITY
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.tables.readers import sources
from churn_torch.workflows import fit as fitting
from churn_torch.workflows import tune as tuning
from churn_torch.workflows.configuration.options import TrainOptions, train_options
from churn_torch.workflows.runs.artefacts import PREDICTIONS
from churn_torch.workflows.runs.predictions import predictions

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
TABLES = {
    "telco": ("ibm_telco/Telco-Customer-Churn.csv", "Churn", "Yes"),
    "mlc": ("mlc_churn/mlc_churn.csv", "churn", "yes"),
    "bank": ("bank_churn_modelling/Churn_Modelling.csv", "Exited", "1"),
    "iranian": ("iranian_churn/Customer_Churn.csv", "Churn", "1"),
}
METRICS = ("auroc", "average_precision", "log_loss", "brier", "lift_at_10")
TUNED = "tuned"
COSTS = ("seconds", "cpu_seconds")


@dataclass(frozen=True)
class Rows:
    """Cleaned columns and labels of a part; categories are pandas categories."""

    x: pd.DataFrame
    y: np.ndarray

    @property
    def categories(self) -> list[str]:
        """Columns that are no numbers."""
        return [name for name in self.x if isinstance(self.x[name].dtype, pd.CategoricalDtype)]


Fit = Callable[[Rows, Rows, int], Callable[[pd.DataFrame], np.ndarray]]


def sklearn_side(train: Rows, validation: Rows, n_threads: int) -> Any:
    """Logistic regression, C=1, on all training rows: it stops by itself."""
    x = pd.concat([train.x, validation.x])
    kinds = train.categories
    numbers = [name for name in x if name not in kinds]
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore"), kinds),
    )
    model = make_pipeline(columns, LogisticRegression(max_iter=5000))
    return model.fit(x, np.concatenate([train.y, validation.y])).predict_proba


def lightgbm_side(train: Rows, validation: Rows, n_threads: int) -> Any:
    """LightGBM, learning rate 0.05, stopped early."""
    import lightgbm

    model = lightgbm.LGBMClassifier(
        n_estimators=5000, learning_rate=0.05, n_jobs=n_threads, random_state=0, verbose=-1
    )
    stop = lightgbm.early_stopping(100, verbose=False)
    model.fit(train.x, train.y, eval_set=[(validation.x, validation.y)], callbacks=[stop])
    return model.predict_proba


def catboost_side(train: Rows, validation: Rows, n_threads: int) -> Any:
    """CatBoost with its own learning rate, stopped early."""
    import catboost

    kinds = train.categories

    def text(x: pd.DataFrame) -> pd.DataFrame:
        return x.astype(dict.fromkeys(kinds, "str"))

    model = catboost.CatBoostClassifier(
        iterations=5000, early_stopping_rounds=100, cat_features=kinds, thread_count=n_threads,
        random_seed=0, verbose=False, allow_writing_files=False,
    )  # fmt: skip
    model.fit(text(train.x), train.y, eval_set=(text(validation.x), validation.y))
    return lambda x: model.predict_proba(text(x))


def xgboost_side(train: Rows, validation: Rows, n_threads: int) -> Any:
    """XGBoost, learning rate 0.05, stopped early."""
    import xgboost

    model = xgboost.XGBClassifier(
        n_estimators=5000, learning_rate=0.05, early_stopping_rounds=100, enable_categorical=True,
        eval_metric="logloss", n_jobs=n_threads, random_state=0,
    )  # fmt: skip
    model.fit(train.x, train.y, eval_set=[(validation.x, validation.y)], verbose=False)
    return model.predict_proba


def realmlp_side(train: Rows, validation: Rows, n_threads: int) -> Any:
    """RealMLP's tuned defaults, but stopped by log-loss and without smoothed labels.

    It takes no missing numbers: they become the median, with a column that says so.
    """
    from pytabkit import RealMLP_TD_Classifier

    numbers = [name for name in train.x if name not in train.categories]
    medians = train.x[numbers].median()
    gaps = [name for name in numbers if train.x[name].isna().any()]

    def filled(x: pd.DataFrame) -> pd.DataFrame:
        missing = {f"{name} missing": x[name].isna().astype(float) for name in gaps}
        return x.fillna(medians).assign(**missing)

    model = RealMLP_TD_Classifier(
        device="cpu", random_state=0, n_threads=n_threads, verbosity=0, use_ls=False,
        val_metric_name="cross_entropy",
    )  # fmt: skip
    x, n_train = filled(pd.concat([train.x, validation.x], ignore_index=True)), len(train.y)
    y = np.concatenate([train.y, validation.y])
    model.fit(x, y, val_idxs=np.arange(n_train, len(y)))
    return lambda x: model.predict_proba(filled(x))


PEERS: dict[str, tuple[str, Fit]] = {
    "sklearn": ("sklearn", sklearn_side),
    "lightgbm": ("lightgbm", lightgbm_side),
    "catboost": ("catboost", catboost_side),
    "xgboost": ("xgboost", xgboost_side),
    "realmlp": ("pytabkit", realmlp_side),
}
OURS = ["logreg", "scorecard", "mlp", "gam", "tabm"]


def of_peer(fit: Fit, options: TrainOptions, n_threads: int) -> tuple[np.ndarray, np.ndarray, Any]:
    """Return labels and probabilities of the test rows, and what the fit cost."""
    table = read_labelled(options.data, seed=options.seed)
    x = table.parsed.copy()
    for name in x.columns[[not pd.api.types.is_numeric_dtype(dtype) for dtype in x.dtypes]]:
        x[name] = x[name].astype("str").replace("", "missing").astype("category")
    train, validation, test = (
        Rows(x.iloc[rows].reset_index(drop=True), table.label[rows].astype(int))
        for rows in table.split
    )
    with timed() as cost:
        predict = fit(train, validation, n_threads)
    return test.y, predict(test.x)[:, 1], cost


def of_ours(
    options: TrainOptions, folder: Path, n_threads: int
) -> tuple[np.ndarray, np.ndarray, Any]:
    """The same by the pipeline, up to the calibrated scorer; all of that is timed."""
    torch.set_num_threads(n_threads)
    folder.mkdir()
    table = read_labelled(options.data, seed=options.seed)
    model = fitting.fitted(options, table, folder, n_threads=n_threads, announce=lambda _: None)
    with contextlib.ExitStack() as stack:
        with timed() as cost:
            fitted = stack.enter_context(model)
        tested = pd.concat(predictions(fitted.scorer, fitted.store, SplitMetrics(threshold=0.5)))
    epochs = {key: fitted.fit[key] for key in ("best_epoch", "epochs")}
    return tested["label"].to_numpy(), tested[PROBABILITY].to_numpy(), cost | epochs


def of_tuned(config: Any, folder: Path, n_threads: int) -> tuple[np.ndarray, np.ndarray, Any]:
    """The run that ends a study, which sees the training rows only; all of it is timed."""
    torch.set_num_threads(n_threads)
    with contextlib.redirect_stdout(io.StringIO()), timed() as cost:
        run = tuning.tune(config, lambda: folder)
    assert run is not None
    tested = pd.read_parquet(run.folder / PREDICTIONS)
    return tested["label"].to_numpy(), tested[PROBABILITY].to_numpy(), cost


@contextlib.contextmanager
def timed() -> Any:
    """Give a dictionary that holds wall and CPU seconds afterwards."""
    cost: dict[str, float] = {}
    wall, cpu = time.perf_counter(), time.process_time()
    yield cost
    cost |= {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}


def one_fold(side: str, name: str, fold: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the metrics and costs of a side on a fold of a table."""
    file, target, positive = arguments.known[name]
    frame = sources.read(arguments.data / file)
    label = (frame[target].astype(str) == positive).to_numpy()
    if arguments.rows and arguments.rows < len(frame):
        kept = np.random.default_rng(0).permutation(len(frame))[: arguments.rows]
        frame, label = frame.iloc[kept].reset_index(drop=True), label[kept]
    parts = list(StratifiedKFold(5, shuffle=True, random_state=0).split(frame, label))[fold]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for part, rows in zip(("train", "test"), parts, strict=True):
            frame.take(rows).to_parquet(folder / f"{part}.parquet", index=False)
        words = side.split()
        tuned = words[0] == TUNED
        keys = [] if side in PEERS else [f"model={words[tuned]}", *words[tuned + 1 :]]
        config = compose(
            "tune" if tuned else "train",
            [
                "data=table", f"data.source={folder}/train.parquet", f"data.target={target}",
                f"data.test_source={folder}/test.parquet", f"data.positive={positive}",
                f"outputs={folder}", "export.outputs=[probability]",
                *keys,
            ],
        )  # fmt: skip
        if tuned:
            label, probability, cost = of_tuned(config, folder / "run", arguments.threads)
        elif side in PEERS:
            label, probability, cost = of_peer(
                PEERS[side][1], train_options(config), arguments.threads
            )
        else:
            label, probability, cost = of_ours(
                train_options(config), folder / "run", arguments.threads
            )
    split_metrics = SplitMetrics()
    split_metrics.update(torch.from_numpy(probability.astype(np.float64)), torch.from_numpy(label))
    measured = split_metrics.evaluate(0.5)
    return {**{metric: float(measured[metric]) for metric in METRICS}, **cost}


def available(side: str) -> bool:
    """Tell whether a side can run here."""
    if side in PEERS:
        return importlib.util.find_spec(PEERS[side][0]) is not None
    model = side.removeprefix(f"{TUNED} ").split()[0]
    return (Path(__file__).parents[1] / "conf" / "model" / f"{model}.yaml").exists()


def main() -> None:
    """Run what is not finished yet, fold by fold, and print what there is."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=SHARED, help="where the tables are")
    parser.add_argument("--list", type=Path, help="other tables: name to file, target, positive")
    parser.add_argument("--tables", nargs="+", help="of the list; all")
    parser.add_argument("--sides", nargs="+", default=[*PEERS, *OURS])
    parser.add_argument("--folds", nargs="+", type=int, default=list(range(5)))
    parser.add_argument("--rows", type=int, default=0, help="rows of each table, drawn; 0 is all")
    parser.add_argument("--threads", type=int, default=1, help="of every side")
    parser.add_argument("--cache", type=Path, default=Path("outputs/quality.jsonl"))
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    arguments.known = json.loads(arguments.list.read_text()) if arguments.list else TABLES
    asked = arguments.tables or list(arguments.known)
    done = []
    if arguments.cache.exists():
        done = [json.loads(line) for line in arguments.cache.read_text().splitlines()]
    keys = ("table", "side", "fold", "rows", "threads")
    known = {tuple(record[key] for key in keys) for record in done}
    tables = [name for name in asked if (arguments.data / arguments.known[name][0]).exists()]
    sides = [side for side in arguments.sides if available(side)]
    for fold in arguments.folds:
        for name in tables:
            for side in sides:
                task = (name, side, fold, arguments.rows, arguments.threads)
                if task in known:
                    continue
                record = dict(zip(keys, task, strict=True))
                record |= one_fold(side, name, fold, arguments)
                done.append(record)
                with arguments.cache.open("a") as file:
                    file.write(json.dumps(record) + "\n")
    wanted = {
        (name, side, fold, arguments.rows, arguments.threads)
        for name in tables
        for side in sides
        for fold in arguments.folds
    }
    shown = [record for record in done if tuple(record[key] for key in keys) in wanted]
    if not shown:
        sys.exit(f"no table of {', '.join(asked)} in {arguments.data}")
    show(pd.DataFrame(shown))


def show(done: pd.DataFrame) -> None:
    """Print mean and standard error a table and side, then the means over the tables."""
    console = Console(width=130)
    result = Table("table", "side", "folds", *METRICS, "s", "CPU s")
    for (name, side), rows in done.groupby(["table", "side"], sort=False):
        error = rows[list(METRICS)].sem()
        cells = [f"{rows[m].mean():.4f} ± {error[m]:.4f}" for m in METRICS]
        costs = [f"{rows[cost].mean():.1f}" for cost in COSTS]
        result.add_row(name, side, str(len(rows)), *cells, *costs)
    console.print(result)
    means = Table("side", *METRICS, "s", "CPU s", title="means over the tables")
    of_table = done.groupby(["side", "table"], sort=False)[[*METRICS, *COSTS]].mean()
    for side, rows in of_table.groupby("side", sort=False):
        cells = [f"{rows[m].mean():.4f}" for m in METRICS]
        means.add_row(side, *cells, *(f"{rows[cost].mean():.1f}" for cost in COSTS))
    console.print(means)


if __name__ == "__main__":
    main()

"""From a file to a trained and tested model: churn_torch against pandas and scikit-learn.

    python benchmarks/file_to_model.py [--rows 1000000] [--rounds 3] [--formats parquet csv]

The made table (20 mixed columns) as Parquet and as CSV. Each side is a process of its own, measured
whole: seconds of wall clock and of CPU, peak resident memory. The rounds alternate; the fastest of
each side counts, and the largest peak.

- churn_torch: scripts/train.py as users run it, in memory, with optimizer=adam, and streamed. It
  also infers the schema, calibrates the decision, computes intervals, writes
  predictions and exports a proven ONNX file.
- scikit-learn: read, split with the same shares, median imputation with flags and scaling for
  numbers, sparse one-hot with the same rare-category rule, days for the date, `LogisticRegression`
  (lbfgs) with the same objective, then log-loss and AUROC of the test rows. OneHotEncoder takes
  missing text as a category of its own, which spares it an imputer over objects; the sparse matrix
  is float32, which makes the fit a third faster at the same log-loss. Nothing is saved.

A second table splits one training into its steps (benchmarks/measured.py).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import measured

L2 = 0.0001  # conf/train.yaml: penalty.l2
MIN_COUNT = 5  # preprocess.min_count
VALIDATION = TEST = 0.15  # data.split
SIDES = ("churn_torch", "churn_torch adam", "churn_torch streamed", "scikit-learn")


def sklearn_fit(path: Path) -> dict[str, float]:
    """Do with pandas and scikit-learn what a competent user would; return test metrics."""
    import numpy as np
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss, roc_auc_score
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

    if path.suffix == ".csv":
        frame = pd.read_csv(path, parse_dates=["signup"])
    else:
        frame = pd.read_parquet(path)
    label = (frame.pop("churned") == "yes").to_numpy()
    frame["signup"] = frame["signup"].astype("datetime64[s]").astype("int64") / 86_400
    rows, held = train_test_split(
        np.arange(len(frame)), test_size=VALIDATION + TEST, stratify=label, random_state=0
    )
    _, test = train_test_split(held, test_size=0.5, stratify=label[held], random_state=0)
    numbers = list(frame.select_dtypes("number"))
    texts = [name for name in frame if name not in numbers]
    columns = ColumnTransformer(
        [
            (
                "numbers",
                make_pipeline(
                    SimpleImputer(strategy="median", add_indicator=True), StandardScaler()
                ),
                numbers,
            ),
            ("texts", OneHotEncoder(handle_unknown="ignore", min_frequency=MIN_COUNT), texts),
        ]
    )
    model = make_pipeline(
        columns,
        FunctionTransformer(lambda matrix: matrix.astype(np.float32), accept_sparse=True),
        LogisticRegression(C=1 / (L2 * len(rows)), max_iter=1000),
    )
    model.fit(frame.iloc[rows], label[rows])
    probability = model.predict_proba(frame.iloc[test])[:, 1]
    return {
        "log_loss": float(log_loss(label[test], probability)),
        "auroc": float(roc_auc_score(label[test], probability)),
        "iterations": int(model[-1].n_iter_[0]),
    }


def keys(source: Path, outputs: Path, *, streamed: bool, optimizer: str = "auto") -> list[str]:
    """Return the command line of a training on the made table."""
    return [
        *("model=logreg", f"optimizer={optimizer}", "data=table", f"data.source={source}"),
        *("data.target=churned", f"outputs={outputs}", f"data.streaming={str(streamed).lower()}"),
    ]


def run(side: str, source: Path, outputs: Path) -> tuple[measured.Cost, dict[str, Any]]:
    """Measure one side once; return its cost and its test metrics."""
    if side == "scikit-learn":
        cost = measured.process(__file__, "--sklearn", source)
        return cost, json.loads(cost.last_line)
    optimizer = "adam" if "adam" in side else "auto"
    cost = measured.train(*keys(source, outputs, streamed="streamed" in side, optimizer=optimizer))
    newest = max(outputs.glob("*/*/metrics.json"), key=lambda path: path.stat().st_mtime)
    metrics: dict[str, Any] = json.loads(newest.read_text())["test"]
    return cost, metrics


def compare(source: Path, outputs: Path, rounds: int) -> None:
    """Print costs, metrics and ratios of every side, then the steps of ours."""
    costs: dict[str, list[measured.Cost]] = {side: [] for side in SIDES}
    metrics: dict[str, dict[str, Any]] = {}
    for _ in range(rounds):
        for side in SIDES:
            cost, metrics[side] = run(side, source, outputs)
            costs[side].append(cost)
    seconds = {side: min(cost.seconds for cost in costs[side]) for side in SIDES}
    cpu = {side: min(cost.cpu_seconds for cost in costs[side]) for side in SIDES}
    peak = {side: max(cost.peak_mb for cost in costs[side]) for side in SIDES}
    print(
        f"\n{source.suffix[1:]:22} seconds  ratio   CPU s  ratio  peak MB  ratio  log-loss   AUROC"
    )
    for side in SIDES:
        line = f"{side:22}"
        for figure, width in ((seconds, "7.2f"), (cpu, "6.2f"), (peak, "7.0f")):
            line += f" {figure[side]:{width}}  {figure[side] / figure['scikit-learn']:5.2f} "
        print(line + f"  {metrics[side]['log_loss']:.5f}  {metrics[side]['auroc']:.5f}", flush=True)
    for streamed in (False, True):
        steps = measured.train_in_steps(*keys(source, outputs, streamed=streamed))["steps"]
        name = "streamed" if streamed else "in memory"
        print(f"\n{name + ', step by step':34} seconds   CPU s  peak MB  left MB")
        for step in steps:
            print(
                f"{step['step']:34} {step['seconds']:7.2f} {step['cpu_seconds']:7.2f} "
                f"{step['peak_mb']:8.0f} {step['left_mb']:8.0f}",
                flush=True,
            )


def main() -> None:
    """Make the table, then compare on each format."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--formats", nargs="+", default=["parquet", "csv"])
    parser.add_argument("--sklearn", type=Path, help=argparse.SUPPRESS)  # the other side's process
    arguments = parser.parse_args()
    if arguments.sklearn:
        print(json.dumps(sklearn_fit(arguments.sklearn)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = folder / "customers.parquet"
        script = Path(__file__).with_name("made_table.py")
        measured.process(script, str(arguments.rows), made)
        as_csv = "import pandas, sys; pandas.read_parquet(sys.argv[1]).to_csv(sys.argv[2], index=0)"
        for form in arguments.formats:
            source = made.with_suffix(f".{form}")
            if form == "csv":
                measured.process("-c", as_csv, made, source)
            compare(source, folder / "outputs", arguments.rounds)


if __name__ == "__main__":
    sys.exit(main())

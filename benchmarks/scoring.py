"""Rows a second from Parquet to Parquet, beside a scikit-learn pipeline on the same rows.

    python benchmarks/scoring.py [--rows 1000000] [--rounds 3] [--keep last_seen]

Both learn a logistic regression from 50,000 other rows of the made table (20 mixed columns), then
score the same file in chunks of 65,536 rows and write one kept column and the probability
(churn_torch the decision too). scikit-learn imputes and scales numbers, takes one-hot categories,
and reads dates as days; its chunks come from pyarrow as pandas frames. The rounds alternate; the
table shows the fastest of each, and the CPU seconds that it took.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from made_table import made_rows, write
from rich.console import Console
from rich.table import Table
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from churn_torch import compose, train
from churn_torch.serving.scoring import score_table
from churn_torch.tables.readers.sources import READ_ROWS

TRAINING_ROWS = 50_000


def with_days(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with its date as days since 1970."""
    return frame.assign(signup=frame["signup"].astype("datetime64[s]").astype("int64") / 86_400)


def fitted_pipeline(frame: pd.DataFrame) -> Pipeline:
    """Return scikit-learn's pipeline, fitted."""
    features = with_days(frame.drop(columns="churned"))
    numbers = list(features.select_dtypes("number"))
    texts = [name for name in features if name not in numbers]
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
            ("texts", OneHotEncoder(handle_unknown="ignore"), texts),
        ]
    )
    pipeline = make_pipeline(columns, LogisticRegression(max_iter=1000))
    return pipeline.fit(features, frame["churned"] == "yes")


def score_by_pipeline(pipeline: Pipeline, source: Path, out: Path, keep: str) -> None:
    """Score chunk by chunk."""
    writer = None
    for batch in pq.ParquetFile(source).iter_batches(READ_ROWS):
        chunk = batch.to_pandas()
        probability = pipeline.predict_proba(with_days(chunk))[:, 1]
        scores = pd.DataFrame({keep: chunk[keep], "probability": probability})
        table = pa.Table.from_pandas(scores, preserve_index=False)
        writer = writer or pq.ParquetWriter(out, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def seconds(call: Callable[[], object]) -> tuple[float, float]:
    """Return elapsed and CPU seconds of a call."""
    start, start_cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - start, time.process_time() - start_cpu


def main() -> None:
    """Run the rounds and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", default="last_seen")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, out, keep = folder / "new.parquet", folder / "scores.parquet", arguments.keep
        write(arguments.rows, source)
        training = made_rows(TRAINING_ROWS, first=arguments.rows)
        with contextlib.redirect_stdout(io.StringIO()):
            keys = ["data=table", "data.source=-", "data.target=churned"]
            run = train(compose("train", keys), folder / "run", source=training)
        pipeline = fitted_pipeline(training)
        sides: dict[str, Callable[[], object]] = {
            "churn_torch": lambda: score_table(run.model, source, out, keep=[keep]),
            "scikit-learn": lambda: score_by_pipeline(pipeline, source, out, keep),
        }
        taken: dict[str, list[tuple[float, float]]] = {side: [] for side in sides}
        for _ in range(arguments.rounds):
            for side, call in sides.items():
                taken[side].append(seconds(call))
    result = Table("", "M rows/s", "seconds", "CPU seconds", "ratio of rows/s")
    best = {side: min(times) for side, times in taken.items()}
    for side, (elapsed, cpu) in best.items():
        result.add_row(
            side,
            f"{arguments.rows / elapsed / 1e6:.2f}",
            f"{elapsed:.2f}",
            f"{cpu:.2f}",
            f"{best['scikit-learn'][0] / elapsed:.1f}",
        )
    Console(width=100).print(result)


if __name__ == "__main__":
    main()

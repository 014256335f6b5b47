"""How long it takes to find what drives churn, beside scoring the same rows once.

    python benchmarks/factors.py [--models "model=logreg" "model=mlp ensemble=5"] [--rows 1000000]

First each model on Telco, by its test rows; then a logistic regression on the made table (20 mixed
columns), by a random sample of its test rows, for which the whole table is read again. "factors s"
are importance, effect curves with bands, pairs and associations; the ratio is to one scoring of the
rows that were sampled. The width is that of the widest band of a curve, in log-odds, of cells that
at least one row in a hundred has.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from made_table import write
from rich.console import Console
from rich.table import Table

from churn_torch import compose, train
from churn_torch.explanation.explained_model import ExplainedModel
from churn_torch.serving.scoring import score_table
from churn_torch.workflows.explanation.factors import ROWS, Factors, factors
from churn_torch.workflows.rows.own_rows import sample_own_rows
from churn_torch.workflows.runs.run_folder import Run

NETS = ("logreg", "mlp", "gam", "tabm", "scorecard", "wide_deep")
MODELS = (*(f"model={net}" for net in NETS), "model=mlp ensemble=5")


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds of a call, and what it returned."""
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def trained(folder: Path, *keys: str) -> Run:
    """Train without a word."""
    with contextlib.redirect_stdout(io.StringIO()):
        return train(compose("train", list(keys)), folder)


def widest_band(found: Factors, n_rows: int) -> float:
    """Return the width of the widest band of cells that are not rare."""
    return max(
        high - low
        for curve in found.effects
        for low, high, n in zip(curve.low, curve.high, curve.n_rows, strict=True)
        if n >= n_rows / 100
    )


def line(name: str, run: Run) -> list[str]:
    """Return the cells of a line: rows, seconds, and the ratio to one scoring."""
    with contextlib.redirect_stdout(io.StringIO()):
        reading, rows = timed(lambda: sample_own_rows(run, "test", ROWS, seed=0))
    model = ExplainedModel(run.model)
    model.logit(rows.parsed)
    scoring = min(timed(lambda: model.logit(rows.parsed))[0] for _ in range(5))
    finding, found = timed(lambda: factors(model, rows))
    n = len(rows.label)
    seconds = (f"{each:.2f}" for each in (reading, finding))
    return [name, f"{n:,}", *seconds, f"{finding / scoring:.0f}", f"{widest_band(found, n):.3f}"]


def main() -> None:
    """Print one table, and a line on the whole made table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--models", nargs="*", default=MODELS)
    parser.add_argument("--rows", type=int, default=1_000_000)
    arguments = parser.parse_args()
    result = Table("", "rows", "read s", "factors s", "times one scoring", "widest band")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for i, keys in enumerate(arguments.models):
            result.add_row(*line(keys, trained(folder / f"telco {i}", *keys.split())))
        if arguments.rows:
            source = folder / "made.parquet"
            write(arguments.rows, source)
            keys = ("data=table", f"data.source={source}", "data.target=churned")
            run = trained(folder / "made", *keys)
            result.add_row(*line(f"logreg, {arguments.rows:,} made rows", run))
            whole, _ = timed(lambda: score_table(run.model, source, folder / "scores.parquet"))
        Console(width=100).print(result)
        if arguments.rows:
            print(f"The whole made table is scored in {whole:.2f} s.")


if __name__ == "__main__":
    main()

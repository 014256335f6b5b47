"""One customer through the ONNX file, in process: p50 and p99 of a call.

    python benchmarks/latency.py            (pip install skl2onnx for the last line)

A logistic regression and an MLP of 2 x 128 are trained on 20 mixed columns, a date among them
(benchmarks/made_table.py), and scikit-learn's pipeline on the same rows (benchmarks/scoring.py).
All calls are measured in turn on one thread, 10,000 times each after 1,000 to warm up;
scikit-learn a twentieth of that. Inputs are ready: arrays, or a frame of one row for scikit-learn.

- The files with different outputs, by ``session.run``: what a Python service sees.
- ``session.run`` on an empty graph with the same inputs: how much of it is onnxruntime's feeding.
- ``run_with_iobinding`` with inputs and output bound beforehand: the probability alone. Text cannot
  be bound from Python, so text columns enter behind their encoders.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pandas as pd
from made_table import write
from onnx import TensorProto, helper
from rich.console import Console
from rich.table import Table
from scoring import fitted_pipeline, with_days
from sklearn.pipeline import Pipeline

from churn_torch import compose, train
from churn_torch.serving.batch import BatchModel
from churn_torch.serving.outputs import PROBABILITY
from churn_torch.serving.session import Feed, make_feed, open_session
from churn_torch.tables.encode import parse, parse_columns
from churn_torch.workflows.export import export
from churn_torch.workflows.runs.run_folder import Run

CALLS, WARM_UP, ROUNDS = 10_000, 1_000, 10
SLOW = "scikit-learn pipeline"
Call = Callable[[], object]


def measure(calls: dict[str, Call]) -> dict[str, tuple[float, float]]:
    """Return p50 and p99 of each call in microseconds, the rounds of all interleaved."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for round_ in range(-1, ROUNDS):
        for name, call in calls.items():
            n_calls = WARM_UP if round_ < 0 else CALLS // ROUNDS
            for _ in range(n_calls // 20 if name == SLOW else n_calls):
                start = time.perf_counter()
                call()
                if round_ >= 0:
                    seconds[name].append(time.perf_counter() - start)
    percentiles = {name: np.percentile(s, [50, 99]) * 1e6 for name, s in seconds.items()}
    return {name: (p[0], p[1]) for name, p in percentiles.items()}


def fed(model: Path | bytes, feed: Feed) -> Call:
    """Return a call of ``session.run`` with a dictionary of arrays."""
    session = open_session(model)
    outputs = [output.name for output in session.get_outputs()]
    return lambda: session.run(outputs, feed)


def bound(session: ort.InferenceSession, feed: Feed) -> Call:
    """Return a call with everything bound beforehand."""
    binding = session.io_binding()
    for name, values in feed.items():
        binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(values))
    value = ort.OrtValue.ortvalue_from_shape_and_type([1], np.float32, "cpu", 0)
    binding.bind_ortvalue_output(PROBABILITY, value)
    return lambda: session.run_with_iobinding(binding)


def empty_graph(path: Path) -> bytes:
    """Return a model with the same inputs that only hands one of them on."""
    inputs = onnx.load(path).graph.input
    number = next(i for i in inputs if i.type.tensor_type.elem_type == TensorProto.FLOAT)
    output = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["N", 1])
    node = helper.make_node("Identity", [number.name], ["out"])
    graph = helper.make_graph([node], "empty", list(inputs), [output])
    opsets = [helper.make_opsetid("", 20)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()


def trained(source: Path, folder: Path, *keys: str) -> Run:
    """Return a run on the made table."""
    data = ["data=table", f"data.source={source}", "data.target=churned"]
    with contextlib.redirect_stdout(io.StringIO()):
        return train(compose("train", [*data, *keys]), folder)


def without_reasons(run: Run) -> Path:
    """Export a file with probability, decision and quality."""
    out = run.folder / "plain.onnx"
    keys = [f"run={run.folder}", f"out={out}", "export.outputs=[probability,decision,quality]"]
    with contextlib.redirect_stdout(io.StringIO()):
        return export(compose("export", keys))


def by_skl2onnx(pipeline: Pipeline, row: pd.DataFrame) -> Call:
    """Return a call of the file that skl2onnx makes of the pipeline."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    numbers = set(row.select_dtypes("number"))
    types = [(n, (FloatTensorType if n in numbers else StringTensorType)([None, 1])) for n in row]
    model = to_onnx(pipeline, initial_types=types, options={"zipmap": False})
    feed = {name: row[[name]].to_numpy(np.float32 if name in numbers else object) for name in row}
    return fed(model.SerializeToString(), feed)


def main() -> None:
    """Measure all and print one table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "customers.parquet"
        write(10_000, source)
        logreg = trained(source, folder / "logreg", "optimizer=newton")
        mlp = trained(source, folder / "mlp", "model=mlp", "trainer.max_epochs=5")
        rows = pd.read_parquet(source)
        row = rows.drop(columns="churned").head(1)
        feed = make_feed(parse(row, logreg.schema), logreg.schema)
        coded = BatchModel(logreg.model)
        pipeline, row_of_days = fitted_pipeline(rows), with_days(row)
        calls: dict[str, Call] = {
            "logreg: decision, quality": fed(without_reasons(logreg), feed),
            "logreg: decision, quality, reasons": fed(logreg.model, feed),
            "mlp 2 x 128: decision, quality": fed(mlp.model.with_suffix(".lean.onnx"), feed),
            "mlp 2 x 128: decision, quality, reasons": fed(mlp.model, feed),
            "empty graph, same inputs": fed(empty_graph(logreg.model), feed),
            "logreg, bound behind the encoders": bound(
                coded.session, coded.feed(parse_columns(row, logreg.schema))
            ),
            SLOW: lambda: pipeline.predict_proba(row_of_days),
        }
        if importlib.util.find_spec("skl2onnx"):
            calls["skl2onnx's file of it"] = by_skl2onnx(pipeline, row_of_days)
        measured = measure(calls)
    title = f"{len(feed)} inputs; reasons of the MLP: {mlp.attribution.n_points} points"
    table = Table("", "p50 us", "p99 us", title=title)
    for name, (p50, p99) in measured.items():
        table.add_row(name, f"{p50:.1f}", f"{p99:.1f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()

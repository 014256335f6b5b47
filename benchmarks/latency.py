"""One customer through the ONNX file, in process: p50 and p99 of a call.

    python benchmarks/latency.py [RUN]

Without a run, a logistic regression is trained on 20 mixed columns (benchmarks/made_table.py).
Three calls are measured in turn, each 20,000 times after 1,000 to warm up, on one thread:

- ``session.run`` with the input arrays ready: what a Python service sees;
- the same on an empty graph with the same inputs: how much of it is onnxruntime's Python feeding;
- ``run_with_iobinding`` with inputs and outputs bound beforehand: the model alone. Text cannot be
  bound from Python, so text columns enter behind their encoders.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from made_table import write
from onnx import TensorProto, helper
from rich.console import Console
from rich.table import Table

from churn_torch import compose, load_run, train
from churn_torch.serving.coded import CodedModel
from churn_torch.serving.outputs import DECISION, PROBABILITY
from churn_torch.serving.session import Feed, make_feed, open_session
from churn_torch.tables import sources
from churn_torch.tables.encode import parse, parse_columns
from churn_torch.tables.labelled import located

CALLS, WARM_UP, ROUNDS = 20_000, 1_000, 10


def measure(calls: dict[str, Callable[[], object]]) -> dict[str, tuple[float, float]]:
    """Return p50 and p99 of each call in microseconds, the rounds of all interleaved."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        for _ in range(WARM_UP):
            call()
    for _ in range(ROUNDS):
        for name, call in calls.items():
            for _ in range(CALLS // ROUNDS):
                start = time.perf_counter()
                call()
                seconds[name].append(time.perf_counter() - start)
    percentiles = {name: np.percentile(s, [50, 99]) * 1e6 for name, s in seconds.items()}
    return {name: (p[0], p[1]) for name, p in percentiles.items()}


def fed(model: bytes, feed: Feed) -> Callable[[], object]:
    """Return a call of ``session.run`` with a dictionary of arrays."""
    session = open_session(model)
    outputs = [output.name for output in session.get_outputs()]
    return lambda: session.run(outputs, feed)


def bound(session: ort.InferenceSession, feed: Feed) -> Callable[[], object]:
    """Return a call with everything bound beforehand."""
    binding = session.io_binding()
    for name, values in feed.items():
        binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(values))
    for name, dtype in ((PROBABILITY, np.float32), (DECISION, np.int64)):
        value = ort.OrtValue.ortvalue_from_shape_and_type([1], dtype, "cpu", 0)
        binding.bind_ortvalue_output(name, value)
    return lambda: session.run_with_iobinding(binding)


def empty_graph(model: onnx.ModelProto) -> bytes:
    """Return a model with the same inputs that only hands one of them on."""
    number = next(i for i in model.graph.input if i.type.tensor_type.elem_type == TensorProto.FLOAT)
    output = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["N", 1])
    node = helper.make_node("Identity", [number.name], ["out"])
    graph = helper.make_graph([node], "empty", list(model.graph.input), [output])
    opsets = [helper.make_opsetid("", 20)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()


def main() -> None:
    """Measure all and print one table."""
    with tempfile.TemporaryDirectory() as folder:
        if len(sys.argv) > 1:
            run = load_run(sys.argv[1])
            source = run.config.data.source
        else:
            source = str(Path(folder) / "customers.parquet")
            write(20_000, Path(source))
            keys = ["data=table", f"data.source={source}", "data.target=churned"]
            with contextlib.redirect_stdout(io.StringIO()):
                run = train(compose("train", keys), Path(folder) / "run")
        row = sources.read(located(source)).head(1)
        feed = make_feed(parse(row, run.schema), run.schema)
        model, coded = onnx.load(run.model), CodedModel(run.model)
        measured = measure(
            {
                "session.run": fed(run.model.read_bytes(), feed),
                "session.run, empty graph": fed(empty_graph(model), feed),
                "bound, behind the encoders": bound(
                    coded.session, coded.feed(parse_columns(row, run.schema))
                ),
            }
        )
    table = Table(
        "", "p50 us", "p99 us", title=f"{len(feed)} inputs, {len(model.graph.node)} nodes"
    )
    for name, (p50, p99) in measured.items():
        table.add_row(name, f"{p50:.1f}", f"{p99:.1f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()

"""One customer through the ONNX file, in process: p50 and p99 of a call.

    python benchmarks/latency.py [RUN]

Without a run, a logistic regression is trained on 20 mixed columns (benchmarks/made_table.py). The
time is that of ``session.run`` alone, with the input arrays ready and one thread, over 20,000 calls
after 1,000 to warm up. An empty graph with the same inputs shows how much is the runtime's own.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
from made_table import write
from onnx import TensorProto, helper

from churn_torch import compose, load_run, train
from churn_torch.serving.session import Feed, make_feed, open_session
from churn_torch.tables import sources
from churn_torch.tables.encode import parse
from churn_torch.tables.labelled import located

CALLS, WARM_UP = 20_000, 1_000


def measure(model: bytes, feed: Feed) -> tuple[float, float]:
    """Return p50 and p99 of one call in microseconds."""
    session = open_session(model)
    seconds = []
    for _ in range(CALLS + WARM_UP):
        start = time.perf_counter()
        session.run(None, feed)
        seconds.append(time.perf_counter() - start)
    p50, p99 = np.percentile(seconds[WARM_UP:], [50, 99]) * 1e6
    return p50, p99


def empty_graph(model: onnx.ModelProto) -> bytes:
    """Return a model with the same inputs that only hands one of them on."""
    number = next(i for i in model.graph.input if i.type.tensor_type.elem_type == TensorProto.FLOAT)
    output = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["N", 1])
    node = helper.make_node("Identity", [number.name], ["out"])
    graph = helper.make_graph([node], "empty", list(model.graph.input), [output])
    opsets = [helper.make_opsetid("", 20)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()


def main() -> None:
    """Measure both and print them."""
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
        frame = sources.read(located(source))
        feed = make_feed(parse(frame.head(1), run.schema), run.schema)
        model = onnx.load(run.model)
        whole = measure(run.model.read_bytes(), feed)
        bare = measure(empty_graph(model), feed)
    print(f"{len(feed)} inputs, {len(model.graph.node)} nodes")
    print(f"model        p50 {whole[0]:5.1f}  p99 {whole[1]:5.1f} microseconds")
    print(f"empty graph  p50 {bare[0]:5.1f}  p99 {bare[1]:5.1f} microseconds")


if __name__ == "__main__":
    main()

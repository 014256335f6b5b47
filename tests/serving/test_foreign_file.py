"""A stranger's ONNX file is opened within bounded memory and time, or refused."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from churn_torch.errors import InputError
from churn_torch.serving import foreign_file, onnx_graph
from churn_torch.serving.foreign_file import open_foreign


def _model(nodes: list[onnx.NodeProto], size: int | str = "N") -> bytes:
    """Return a graph from ``x`` to ``y``, with a constant of one cell."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [size, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [
            numpy_helper.from_array(np.array([10_000], np.int64), "size"),
            numpy_helper.from_array(np.ones(1, np.float32), "one"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return bytes(model.SerializeToString())


# 100 million cells, by a size that only the graph computes.
COMPUTED = [
    helper.make_node("Mul", ["size", "size"], ["sizes"]),
    helper.make_node("Expand", ["one", "sizes"], ["many"]),
    helper.make_node("ReduceSum", ["many"], ["y"]),
]
# Four times as wide with each node, and only when there is a row.
WIDENED = [
    helper.make_node("Concat", [before] * 4, [after], axis=1)
    for before, after in zip("xabcdefghijkl", "abcdefghijkly", strict=True)
]


def test_a_file_that_computes_a_row_is_opened() -> None:
    graph, session = open_foreign(_model([helper.make_node("Neg", ["x"], ["y"])]), "bytes")
    assert [node.operator for node in graph.nodes] == ["Neg"]
    [y] = session.run(None, {"x": np.ones((3, 1), np.float32)})
    assert y.tolist() == [[-1.0]] * 3


@pytest.mark.parametrize("nodes", [COMPUTED, WIDENED])
def test_a_graph_that_makes_much_of_little_is_given_up(
    nodes: list[onnx.NodeProto], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign_file, "_MEMORY", 50_000_000)
    with pytest.raises(InputError, match=r"one row of it takes more than 0\.1 GB of memory"):
        open_foreign(_model(nodes), "bytes")


def test_an_input_of_a_fixed_size_is_refused() -> None:
    with pytest.raises(InputError, match=r"a row fails .its input 'x' has the size"):
        open_foreign(_model([helper.make_node("Neg", ["x"], ["y"])], 10**9), "bytes")


def test_a_file_larger_than_any_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "model.onnx").open("wb") as file:
        file.truncate(foreign_file.MOST_BYTES + 1)
    with pytest.raises(InputError, match="it has more than 2 GB"):
        open_foreign(tmp_path / "model.onnx", "model.onnx")


def _message(field: int, content: bytes) -> bytes:
    """Return a field of protobuf that holds a message of at most 16,383 bytes."""
    return bytes([field << 3 | 2, len(content) & 127 | 128, len(content) >> 7]) + content


@pytest.mark.parametrize(
    "graph",
    [
        _message(1, b"") * 101,
        (_message(1, b"") * 60) + (_message(5, b"") * 60),
        _message(1, _message(5, b"") * 40),
        _message(1, _message(5, _message(8, b"\1" * 101))),
    ],
    ids=["nodes", "nodes and tensors", "attributes", "packed numbers"],
)
def test_a_file_of_very_many_parts_is_refused(
    graph: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_graph, "MOST_PARTS", 100)
    with pytest.raises(InputError, match="it has more than 100 parts"):
        open_foreign(_message(7, graph), "bytes")


def test_a_file_is_read_without_copies_of_its_parts() -> None:
    weights = numpy_helper.from_array(np.zeros(5_000_000, np.float32), "weights")
    model = helper.make_model(helper.make_graph([], "graph", [], [], [weights]))
    content = bytes(model.SerializeToString())
    tracemalloc.start()
    onnx_graph.read_model(content)
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert taken < 1_000_000

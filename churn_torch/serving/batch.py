"""The ONNX file split in two for many rows: the text encoders, and the rest up to some outputs.

onnxruntime takes text as one Python object a cell, which for a large table takes longer than the
model itself. A column has few different texts, so the encoders of the file run on these only, and
their codes are then looked up for the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pandas as pd
from onnx import TensorProto, helper
from onnx.utils import Extractor

from churn_torch.serving.model_file import ModelFile
from churn_torch.serving.outputs import SCORES
from churn_torch.serving.session import Array, Feed, as_input, list_inputs, open_session
from churn_torch.tables.encode import Texts

# Rows that pass the graph at a time: what the nodes compute then fits the cache of a core.
BLOCK_ROWS = 8_192
# Of a model of sequences, so many events pass it at a time.
_BLOCK_EVENTS = 65_536


class BatchModel:
    """An ONNX file prepared for many rows: the part of its graph that computes some outputs.

    onnxruntime always computes every output of a graph, and reasons can take many times as long as
    the probability. The nodes are those of the file, so the numbers are the same.

    Args:
        path: The file.
        outputs: The outputs to compute; those that the file lacks are left out.

    Attributes:
        schema: What the file was trained on.
        threshold: The probability at and above which the decision is 1.
        metadata: As of `churn_torch.serving.model_file.ModelFile`.
        names: The inputs of the file in order.
        outputs: The outputs that are computed.
        session: The graph from the encoders' codes and the numbers to these outputs.

    Raises:
        InputError: It is not an ONNX file of churn_torch, or one of a newer version.
    """

    def __init__(self, path: str | Path, outputs: Sequence[str] = SCORES) -> None:
        file = ModelFile(path)
        self.schema, self.threshold, self.metadata = file.schema, file.threshold, file.metadata
        self.names = file.names
        self.outputs = [name for name in outputs if name in file.outputs]
        texts = {column.name for column in self.schema.text}
        model = Extractor(onnx.load(path, load_external_data=False)).extract_model(
            file.inputs, self.outputs
        )
        encoders = [
            node
            for node in model.graph.node
            if node.op_type == "LabelEncoder" and node.input[0] in texts
        ]
        # The column that each encoder reads, by the name of the encoder's output.
        self._encoded = {node.output[0]: node.input[0] for node in encoders}
        encoded = [helper.make_tensor_value_info(e.output[0], _type_of(e), None) for e in encoders]
        if encoders:
            self._encoders = _encoders(model, encoders, encoded)
        self.session = _rest(model, encoded, texts, self.outputs)

    def feed(self, columns: Mapping[str, pd.Series | Texts]) -> Feed:
        """Return the inputs of `session`.

        Args:
            columns: From `churn_torch.tables.encode.parse_columns`.
        """
        feed: Feed = {}
        texts: dict[str, Texts] = {}
        lists = {column.name for column in self.schema.lists}
        for name, column in columns.items():
            if name in lists:
                continue
            if isinstance(column, Texts):
                texts[name] = column
            else:
                feed[name] = as_input(column, self.schema[name])
        if texts:
            words = {n: t.values.to_numpy(object).reshape(-1, 1) for n, t in texts.items()}
            encoded = self._encoders.run(list(self._encoded), words)
            for (output, name), of_text in zip(self._encoded.items(), encoded, strict=True):
                feed[output] = np.asarray(of_text)[texts[name].codes]
        of_lists = {n: c for n, c in columns.items() if n in lists and isinstance(c, pd.Series)}
        for group in self.schema.sequences:
            feed.update(list_inputs(of_lists, group))
        return feed

    def compute(self, columns: Mapping[str, pd.Series | Texts]) -> dict[str, Array]:
        """Return `outputs` by name, each with N rows, of columns as in `feed`."""
        feed = self.feed(columns)
        n_rows, size = len(next(iter(feed.values()))), self._block_rows
        blocks = [
            self.session.run(self.outputs, {name: x[at : at + size] for name, x in feed.items()})
            for at in range(0, max(n_rows, 1), size)
        ]
        whole = map(np.concatenate, zip(*blocks, strict=True))
        return dict(zip(self.outputs, whole, strict=True))

    @property
    def _block_rows(self) -> int:
        """Rows that pass the graph at a time."""
        n_events = max([1, *(group.last for group in self.schema.sequences)])
        return BLOCK_ROWS if n_events == 1 else max(1, min(BLOCK_ROWS, _BLOCK_EVENTS // n_events))

    def decide(self, probability: Array) -> Array:
        """Return the decisions of probabilities, ``[N]`` int64."""
        return (probability >= np.float32(self.threshold)).astype(np.int64)


def _encoders(
    model: onnx.ModelProto, encoders: list[onnx.NodeProto], encoded: list[onnx.ValueInfoProto]
) -> ort.InferenceSession:
    """Return a session of the encoders."""
    texts = dict.fromkeys(node.input[0] for node in encoders)
    # Columns differ in how many texts they have, so each dimension has its own name.
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.STRING, [f"N_{i}", 1])
        for i, name in enumerate(texts)
    ]
    alone = helper.make_model(
        helper.make_graph(encoders, "encoders", inputs, encoded),
        opset_imports=model.opset_import,
        ir_version=model.ir_version,
    )
    return open_session(alone.SerializeToString())


def _rest(
    model: onnx.ModelProto,
    encoded: list[onnx.ValueInfoProto],
    texts: set[str],
    outputs: Sequence[str],
) -> ort.InferenceSession:
    """Return a session from numbers and encoded texts to the outputs."""
    model.graph.value_info.extend(encoded)  # the extractor starts from values with a type
    numbers = [value.name for value in model.graph.input if value.name not in texts]
    rest = Extractor(model).extract_model(
        [*numbers, *(value.name for value in encoded)], list(outputs)
    )
    return open_session(rest.SerializeToString())


def _type_of(encoder: onnx.NodeProto) -> int:
    """Return the type of an encoder's output."""
    floats = any(attribute.name == "values_floats" for attribute in encoder.attribute)
    return TensorProto.FLOAT if floats else TensorProto.INT64

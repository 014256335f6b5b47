"""The ONNX file split in two for many rows: the text encoders, and the rest up to the scores.

onnxruntime takes text as one Python object a cell, which for a large table takes longer than the
model itself. A column has few different texts, so the encoders of the file run on these only, and
their codes are then looked up for the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pandas as pd
from onnx import TensorProto, helper
from onnx.utils import Extractor

from churn_torch.serving.decision import check_decision
from churn_torch.serving.model_file import ModelFile
from churn_torch.serving.outputs import PROBABILITY, UPLIFT_OUTPUTS
from churn_torch.serving.session import Array, Feed, as_input, open_session
from churn_torch.tables.encode import Texts

# Rows that pass the graph at a time: what the nodes compute then fits the cache of a core.
BLOCK_ROWS = 8_192


class BatchModel:
    """An ONNX file prepared for many rows: the part of its graph that computes the scores.

    These are the probability and, of a model of uplift, the uplift. onnxruntime always computes
    every output of a graph, and reasons can take many times as long as the probability. The nodes
    are those of the file, so the numbers are the same.

    Args:
        path: The file.

    Attributes:
        schema: What the file was trained on.
        threshold: The probability at and above which the decision is 1.
        outputs: The scores.
        session: The graph from the encoders' codes and the numbers to the scores.

    Raises:
        InputError: It is not an ONNX file of churn_torch, or one of a newer version.
    """

    def __init__(self, path: str | Path) -> None:
        file = ModelFile(path)
        self.schema, self.threshold = file.schema, file.threshold
        texts = {column.name for column in self.schema.text}
        whole = onnx.load(path)
        check_decision(self.threshold, whole.graph, str(path))
        more = [name for name in UPLIFT_OUTPUTS.values() if name in file.outputs]
        self.outputs = [PROBABILITY, *more]
        model = Extractor(whole).extract_model(file.names, self.outputs)
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
        self.session = _scores(model, encoded, texts, self.outputs)

    def feed(self, columns: Mapping[str, pd.Series | Texts]) -> Feed:
        """Return the inputs of `session`.

        Args:
            columns: From `churn_torch.tables.encode.parse_columns`.
        """
        feed: Feed = {}
        texts: dict[str, Texts] = {}
        for name, column in columns.items():
            if isinstance(column, Texts):
                texts[name] = column
            else:
                feed[name] = as_input(column, self.schema[name])
        if texts:
            words = {n: t.values.to_numpy(object).reshape(-1, 1) for n, t in texts.items()}
            encoded = self._encoders.run(list(self._encoded), words)
            for (output, name), of_text in zip(self._encoded.items(), encoded, strict=True):
                feed[output] = np.asarray(of_text)[texts[name].codes]
        return feed

    def run(self, columns: Mapping[str, pd.Series | Texts]) -> tuple[Array, Array]:
        """Return probability ``[N]`` float32 and decision ``[N]`` int64 of columns as in `feed`."""
        probability = self.scores(columns)[PROBABILITY]
        return probability, self.decide(probability)

    def scores(self, columns: Mapping[str, pd.Series | Texts]) -> dict[str, Array]:
        """Return the scores of columns as in `feed`, by the name of the output, ``[N]`` float32."""
        feed = self.feed(columns)
        n_rows = len(next(iter(feed.values())))
        blocks = [
            self.session.run(
                self.outputs, {name: x[start : start + BLOCK_ROWS] for name, x in feed.items()}
            )
            for start in range(0, max(n_rows, 1), BLOCK_ROWS)
        ]
        joined = map(np.concatenate, zip(*blocks, strict=True))
        return dict(zip(self.outputs, joined, strict=True))

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


def _scores(
    model: onnx.ModelProto,
    encoded: list[onnx.ValueInfoProto],
    texts: set[str],
    outputs: list[str],
) -> ort.InferenceSession:
    """Return a session from numbers and encoded texts to the scores."""
    model.graph.value_info.extend(encoded)  # the extractor starts from values with a type
    numbers = [value.name for value in model.graph.input if value.name not in texts]
    scores = Extractor(model).extract_model([*numbers, *(value.name for value in encoded)], outputs)
    return open_session(scores.SerializeToString())


def _type_of(encoder: onnx.NodeProto) -> int:
    """Return the type of an encoder's output."""
    floats = any(attribute.name == "values_floats" for attribute in encoder.attribute)
    return TensorProto.FLOAT if floats else TensorProto.INT64

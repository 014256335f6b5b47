"""Write a scorer as one ONNX file: raw named columns in, probability and decision out."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import onnx
import torch
from onnx import TensorProto, compose, helper
from torch import Tensor, nn

from churn_torch.errors import InputError
from churn_torch.models.preprocess import Columns
from churn_torch.models.scorer import Scorer
from churn_torch.serving.folded import FoldedScorer
from churn_torch.serving.outputs import DECISION, OUTPUTS, PROBABILITY
from churn_torch.tables.encode import UNSEEN_CODE, text_codes
from churn_torch.tables.schema import Schema

OPSET = 20
ML_OPSET = 3
IR_VERSION = 10
BATCH = "N"


@dataclass(frozen=True)
class Group:
    """Columns that reach the tensor graph as one matrix."""

    name: str
    columns: tuple[str, ...]
    input_type: int
    tensor_index: int


def input_groups(schema: Schema) -> list[Group]:
    """Return the non-empty groups of input columns, in the order of `Columns`."""
    groups = [
        Group("numeric", tuple(c.name for c in schema.numeric), TensorProto.FLOAT, 0),
        Group("wide", tuple(c.name for c in schema.wide), TensorProto.DOUBLE, 1),
        Group("codes", tuple(c.name for c in schema.text), TensorProto.STRING, 2),
    ]
    return [group for group in groups if group.columns]


def check_input_names(schema: Schema) -> None:
    """Refuse feature columns whose names cannot be inputs of the file.

    Raises:
        InputError: A column is named like an output, or has no name.
    """
    for column in schema.features:
        if column.name in OUTPUTS.values():
            raise InputError(
                f"export: expected column names other than the outputs of the ONNX file, got a "
                f"column named {column.name!r}; rename it or add it to data.ignore."
            )
        if not column.name:
            raise InputError(
                "export: expected a name for every column the model learns from, got one "
                "without; name it in the header or leave it out (data.ignore=[''])."
            )


class _TensorGraph(nn.Module):
    """The part that torch exports: the groups that have columns, to the probability."""

    def __init__(self, scorer: Scorer | FoldedScorer, groups: list[Group]) -> None:
        super().__init__()
        self.scorer = scorer
        self.indices = [group.tensor_index for group in groups]

    def forward(self, *tensors: Tensor) -> Tensor:
        present: list[Tensor] = [torch.empty(0)] * len(Columns._fields)
        for index, tensor in zip(self.indices, tensors, strict=True):
            present[index] = tensor
        probability: Tensor = self.scorer(*present)
        return probability


def build_onnx(
    scorer: Scorer, schema: Schema, *, threshold: float, metadata: Mapping[str, str]
) -> onnx.ModelProto:
    """Return the whole graph, from raw columns to decision.

    The tensor part comes from ``torch.onnx.export``. In front of it go the raw columns: numbers
    are joined as they are, texts pass an ``ai.onnx.ml.LabelEncoder`` each. It gives their code
    (missing 0, unseen 1, vocabulary from 2), or, where the net is linear, what the code adds to
    the logit (`FoldedScorer`).

    Args:
        scorer: A trained scorer.
        schema: Its completed schema.
        threshold: Probability at and above which the decision is 1.
        metadata: What the file says of itself.

    Raises:
        InputError: A column is named like an output, or has no name.
    """
    check_input_names(schema)
    groups = input_groups(schema)
    names = [name for group in groups for name in group.columns]
    # A raw column may be called anything, `cat` and `add` included: our names must start like none.
    prefix = "core."
    while any(name.startswith(prefix) for name in names):
        prefix = f"_{prefix}"
    device = scorer.prior_shift.device
    scorer.eval().cpu()
    folded = FoldedScorer(scorer) if FoldedScorer.fits(scorer) else None
    core = compose.add_prefix(_export_tensors(folded or scorer, groups), prefix)
    scorer.to(device)
    front = _front_graph(schema, groups, prefix, folded.text_values if folded else None)
    model = compose.merge_models(
        front, core, io_map=[(f"{prefix}raw_{g.name}", f"{prefix}{g.name}") for g in groups]
    )
    if folded:
        _join_once(model.graph, f"{prefix}raw_codes")
    _finish_graph(model.graph, prefix, threshold)
    del model.opset_import[:]  # the merge lists a domain once for each part
    model.opset_import.extend(_opsets())
    model.ir_version = IR_VERSION
    model.producer_name = "churn_torch"
    helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model, full_check=True)
    return model


def _export_tensors(scorer: Scorer | FoldedScorer, groups: list[Group]) -> onnx.ModelProto:
    batch = torch.export.Dim(BATCH)
    codes = torch.float32 if isinstance(scorer, FoldedScorer) else torch.int64
    dtypes = {"numeric": torch.float32, "wide": torch.float64, "codes": codes}
    # Three rows: an example of one row would let the exporter take the batch size for a constant.
    examples = tuple(torch.zeros(3, len(g.columns), dtype=dtypes[g.name]) for g in groups)
    with _quiet_exporter():
        program = torch.onnx.export(
            _TensorGraph(scorer, groups).eval(),
            examples,
            input_names=[group.name for group in groups],
            output_names=[PROBABILITY],
            dynamic_shapes=(tuple({0: batch} for _ in groups),),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    core = program.model_proto
    core.ir_version = IR_VERSION
    core.metadata_props.clear()
    for node in core.graph.node:  # source lines of this machine do not belong in the file
        node.metadata_props.clear()
        node.doc_string = ""
    core.graph.ClearField("value_info")
    for value in (*core.graph.input, *core.graph.output):
        value.metadata_props.clear()
        value.type.tensor_type.shape.dim[0].dim_param = BATCH
    return core


def _front_graph(
    schema: Schema, groups: list[Group], prefix: str, text_values: list[list[float]] | None
) -> onnx.ModelProto:
    """Join raw columns to matrices; text as codes, or as the values that stand for them."""
    nodes, inputs, outputs = [], [], []
    for group in groups:
        joined, kind = list(group.columns), group.input_type
        inputs += [helper.make_tensor_value_info(name, kind, [BATCH, 1]) for name in joined]
        if kind == TensorProto.STRING:
            encoders = [
                _label_encoder(
                    schema,
                    name,
                    f"{prefix}code_{i}",
                    None if text_values is None else text_values[i],
                )
                for i, name in enumerate(joined)
            ]
            nodes += encoders
            joined = [encoder.output[0] for encoder in encoders]
            kind = TensorProto.FLOAT if text_values else TensorProto.INT64
        raw = f"{prefix}raw_{group.name}"
        nodes.append(helper.make_node("Concat", joined, [raw], name=f"{raw}_concat", axis=1))
        outputs.append(helper.make_tensor_value_info(raw, kind, [BATCH, len(joined)]))
    return helper.make_model(
        helper.make_graph(nodes, "churn_torch", inputs, outputs),
        opset_imports=_opsets(),
        ir_version=IR_VERSION,
    )


def _opsets() -> list[onnx.OperatorSetIdProto]:
    return [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]


def _label_encoder(
    schema: Schema, name: str, output: str, values: list[float] | None
) -> onnx.NodeProto:
    """Encode a text column: each word as its code, or as ``values[code]``."""
    code_of = text_codes(schema[name])
    if values is None:
        found: dict[str, Any] = {
            "values_int64s": list(code_of.values()),
            "default_int64": UNSEEN_CODE,
        }
    else:
        found = {
            "values_floats": [values[code] for code in code_of.values()],
            "default_float": values[UNSEEN_CODE],
        }
    return helper.make_node(
        "LabelEncoder",
        [name],
        [output],
        name=f"{output}_encoder",
        domain="ai.onnx.ml",
        keys_strings=list(code_of),
        **found,
    )


def _join_once(graph: onnx.GraphProto, joined: str) -> None:
    """Let what is joined to ``joined`` be joined to the columns that it was made of."""
    users = [node for node in graph.node if joined in node.input]
    (maker,) = (node for node in graph.node if joined in node.output)
    if len(users) == 1 and users[0].op_type == "Concat":
        names = list(users[0].input)
        at = names.index(joined)
        users[0].input[:] = [*names[:at], *maker.input, *names[at + 1 :]]
        graph.node.remove(maker)


def _finish_graph(graph: onnx.GraphProto, prefix: str, threshold: float) -> None:
    """Give the probability its public name and add the decision."""
    inner, name = f"{prefix}{PROBABILITY}", PROBABILITY
    for node in graph.node:
        node.output[:] = [name if output == inner else output for output in node.output]
        node.input[:] = [name if value == inner else value for value in node.input]
    graph.output[0].name = name
    limit = f"{prefix}threshold"
    graph.initializer.append(helper.make_tensor(limit, TensorProto.FLOAT, [], [threshold]))
    above = f"{prefix}above_threshold"
    graph.node.extend(
        [
            helper.make_node("GreaterOrEqual", [name, limit], [above], name=above),
            helper.make_node(
                "Cast", [above], [DECISION], name=f"{prefix}decision", to=TensorProto.INT64
            ),
        ]
    )
    graph.output.append(helper.make_tensor_value_info(DECISION, TensorProto.INT64, [BATCH]))


@contextlib.contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Keep the exporter's notes on its own internals (torchvision, deprecations) from the user."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)

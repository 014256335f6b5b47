"""Write a scorer as one ONNX file: raw named columns in, probability and decision out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import onnx
from onnx import TensorProto, compose, helper

from churn_torch.errors import InputError
from churn_torch.export.net_value import NetValue
from churn_torch.export.sequence_inputs import list_graph
from churn_torch.export.tensor_graph import (
    BATCH,
    IR_VERSION,
    SEQUENCES,
    Group,
    input_groups,
    tensor_graph,
)
from churn_torch.models.scorer import Scorer
from churn_torch.serving.outputs import (
    DECISION,
    OUTPUTS,
    PROBABILITY,
    SPEND_OUTPUTS,
    SURVIVAL_OUTPUTS,
    UPLIFT_OUTPUTS,
)
from churn_torch.tables.encode import UNSEEN_CODE, text_codes
from churn_torch.tables.labelled.lifetimes import LifetimeColumns
from churn_torch.tables.schema import Column, Schema
from churn_torch.tables.values.missing_words import sentinel_values

# The first opset that has every operator we use (Gelu), and the newest that is tested.
OPSET, MOST_OPSET = 20, 23
ML_OPSET = 3


def check_input_names(schema: Schema) -> None:
    """Refuse feature columns whose names cannot be inputs of the file.

    Raises:
        InputError: A column is named like an output of such a file, or has no name.
    """
    outputs = {
        *OUTPUTS.values(),
        *(UPLIFT_OUTPUTS.values() if schema.treatment is not None else ()),
        *(SPEND_OUTPUTS.values() if schema.spend is not None else ()),
        *(SURVIVAL_OUTPUTS.values() if LifetimeColumns.of(schema) is not None else ()),
    }
    for column in schema.explained:
        if column.name in outputs:
            raise InputError(
                "export",
                expected="column names other than the outputs of the ONNX file",
                got=f"a column named {column.name!r}",
                fix="rename it or add it to data.ignore",
            )
        if not column.name:
            raise InputError(
                "export",
                expected="a name for every column the model learns from",
                got="a column without a name",
                fix="name it in the header or leave it out (data.ignore=[''])",
            )


def build_onnx(
    scorer: Scorer,
    schema: Schema,
    *,
    threshold: float,
    metadata: Mapping[str, str],
    outputs: Sequence[str] = (PROBABILITY, DECISION),
    n_points: int = 1,
    opset: int = OPSET,
    net_value: NetValue | None = None,
) -> onnx.ModelProto:
    """Return the whole graph, from raw columns to decision, reasons and quality.

    The tensor part comes from ``torch.onnx.export``. The raw columns are put in front of it:
    numbers are concatenated as they are (those that the user called missing as NaN), each text
    column passes an ``ai.onnx.ml.LabelEncoder`` that gives its codes (missing 0, unseen 1,
    vocabulary from 2). Of the events of sequences the last ones are taken (`list_graph`).

    Args:
        scorer: A trained scorer.
        schema: Its completed schema.
        threshold: Probability at and above which the decision is 1.
        metadata: Entries that describe the file.
        outputs: Values of `ALL_OUTPUTS`, in their order.
        n_points: Points of the reasons' integral (`Attribution`).
        opset: Version of the standard operators.
        net_value: How the net value is computed, if it is among the outputs.

    Raises:
        InputError: A column is named like an output of such a file, or has no name.
    """
    check_input_names(schema)
    groups = input_groups(schema)
    names = [column.name for column in schema.explained]
    names += [group.length_name for group in schema.sequences]
    # A raw column may have any name, `cat` and `add` included: no name of ours may equal one.
    prefix = "core."
    while any(name.startswith(prefix) for name in names):
        prefix = f"_{prefix}"
    device = scorer.prior_shift.device
    scorer.eval().cpu()
    core = tensor_graph(scorer, schema, outputs, n_points, opset, net_value)
    core = compose.add_prefix(core, prefix)
    scorer.to(device)
    front = _front_graph(schema, groups, prefix, opset)
    model = compose.merge_models(
        front, core, io_map=[(f"{prefix}raw_{g.name}", f"{prefix}{g.name}") for g in groups]
    )
    _name_outputs(model.graph, prefix)
    if DECISION in outputs:
        _decide(model.graph, prefix, threshold)
    del model.opset_import[:]  # the merge lists a domain once for each part
    model.opset_import.extend(_opsets(opset))
    model.ir_version = IR_VERSION
    model.producer_name = "churn_torch"
    model.producer_version = metadata.get("churn_torch_version", "")
    helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model, full_check=True)
    return model


def _front_graph(schema: Schema, groups: list[Group], prefix: str, opset: int) -> onnx.ModelProto:
    """Join raw columns into matrices, text as codes."""
    nodes, inputs, outputs = [], [], []
    for group in groups:
        if group.name == SEQUENCES:
            continue
        joined, kind = list(group.columns), group.input_type
        inputs += [helper.make_tensor_value_info(name, kind, [BATCH, 1]) for name in joined]
        if kind == TensorProto.STRING:
            encoders = [
                _label_encoder(schema[name], f"{prefix}code_{i}") for i, name in enumerate(joined)
            ]
            nodes += encoders
            joined = [encoder.output[0] for encoder in encoders]
            kind = TensorProto.INT64
        else:
            for i, name in enumerate(joined):
                if sentinels := sentinel_values(schema[name]):
                    known = f"{prefix}known_{group.name}_{i}"
                    nodes += _missing_where_equal(name, sentinels, known, kind)
                    joined[i] = known
        raw = f"{prefix}raw_{group.name}"
        if len(joined) > 1:
            join = helper.make_node("Concat", joined, [raw], name=f"{raw}_concat", axis=1)
        else:  # runtimes remove it
            join = helper.make_node("Identity", joined, [raw], name=f"{raw}_alone")
        nodes.append(join)
        outputs.append(helper.make_tensor_value_info(raw, kind, [BATCH, len(joined)]))
    if schema.sequences:
        lists = list_graph(schema, prefix, _label_encoder, _missing_where_equal)
        nodes += lists.nodes
        inputs += lists.inputs
        outputs.append(lists.output)
    return helper.make_model(
        helper.make_graph(nodes, "churn_torch", inputs, outputs),
        opset_imports=_opsets(opset),
        ir_version=IR_VERSION,
    )


def _missing_where_equal(
    name: str, sentinels: Sequence[float], output: str, kind: int
) -> list[onnx.NodeProto]:
    """Replace the numbers that `Column.missing_words` names by NaN, as `tables.encode` does."""
    nodes = []

    def constant(suffix: str, value: float) -> str:
        tensor = helper.make_tensor(f"{output}_{suffix}", kind, [], [value])
        nodes.append(
            helper.make_node(
                "Constant", [], [tensor.name], name=f"{tensor.name}_value", value=tensor
            )
        )
        return tensor.name

    found = ""
    for i, sentinel in enumerate(sentinels):
        equal, either = f"{output}_equal_{i}", f"{output}_either_{i}"
        value = constant(f"sentinel_{i}", sentinel)
        nodes.append(helper.make_node("Equal", [name, value], [equal], name=f"{equal}_node"))
        if found:
            nodes.append(helper.make_node("Or", [found, equal], [either], name=f"{either}_node"))
        found = either if found else equal
    missing = constant("missing", math.nan)
    nodes.append(helper.make_node("Where", [found, missing, name], [output], name=f"{output}_node"))
    return nodes


def _opsets(opset: int) -> list[onnx.OperatorSetIdProto]:
    return [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]


def _label_encoder(column: Column, output: str) -> onnx.NodeProto:
    code_of = text_codes(column)
    return helper.make_node(
        "LabelEncoder",
        [column.name],
        [output],
        name=f"{output}_encoder",
        domain="ai.onnx.ml",
        keys_strings=list(code_of),
        values_int64s=list(code_of.values()),
        default_int64=UNSEEN_CODE,
    )


def _name_outputs(graph: onnx.GraphProto, prefix: str) -> None:
    """Give the outputs their public names."""
    public = {output.name: output.name.removeprefix(prefix) for output in graph.output}
    for node in graph.node:
        node.output[:] = [public.get(name, name) for name in node.output]
        node.input[:] = [public.get(name, name) for name in node.input]
    for output in graph.output:
        output.name = public[output.name]


def _decide(graph: onnx.GraphProto, prefix: str, threshold: float) -> None:
    """Add the decision, computed from the probability, as the second output."""
    limit, above = f"{prefix}threshold", f"{prefix}above_threshold"
    graph.initializer.append(helper.make_tensor(limit, TensorProto.FLOAT, [], [threshold]))
    graph.node.extend(
        [
            helper.make_node("GreaterOrEqual", [PROBABILITY, limit], [above], name=above),
            helper.make_node(
                "Cast", [above], [DECISION], name=f"{prefix}decision", to=TensorProto.INT64
            ),
        ]
    )
    decision = helper.make_tensor_value_info(DECISION, TensorProto.INT64, [BATCH])
    graph.output.insert(1, decision)

"""The part of a file that torch exports: matrices of raw numbers and codes to the outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import onnx
import torch
from onnx import TensorProto
from torch import Tensor, nn

from churn_torch.export.batch_dimension import make_rows_dynamic, traced_row_count
from churn_torch.export.folded_linear import FoldedLinear
from churn_torch.export.folded_scorecard import FoldedScorecard
from churn_torch.export.gradient import make_traceable
from churn_torch.export.net_value import NetValue
from churn_torch.export.torch_exporter import (
    TRANSLATIONS,
    kept_registry,
    quiet_exporter,
    store_once,
    traced_once,
)
from churn_torch.models.attribution import Attribution
from churn_torch.models.input_quality import InputQuality
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.models.scorer import Scorer
from churn_torch.serving.outputs import (
    DECISION,
    EXPECTED_SPEND,
    MEDIAN_PERIODS,
    NET_VALUE,
    PROBABILITY,
    QUALITY,
    REASONS,
    SURVIVAL,
    UPLIFT,
)
from churn_torch.tables.schema import Column, Schema

IR_VERSION = 10
BATCH = "N"
SEQUENCES = "sequences"  # the group of all columns of lists


@dataclass(frozen=True)
class Group:
    """Columns that reach the tensor graph as one matrix."""

    name: str
    columns: tuple[str, ...]
    input_type: int
    tensor_index: int
    width: int


def input_groups(schema: Schema) -> list[Group]:
    """Return the non-empty groups of input columns, in the order of `Columns`."""
    lists = tuple(column.name for column in schema.lists)
    n_cells = sum(group.width for group in schema.sequences)
    groups = [
        _plain_group("float32", schema.float32, TensorProto.FLOAT, 0),
        _plain_group("float64", schema.float64, TensorProto.DOUBLE, 1),
        _plain_group("codes", schema.text, TensorProto.STRING, 2),
        Group(SEQUENCES, lists, TensorProto.DOUBLE, 3, n_cells),
    ]
    return [group for group in groups if group.columns]


def _plain_group(name: str, columns: Sequence[Column], input_type: int, index: int) -> Group:
    return Group(name, tuple(c.name for c in columns), input_type, index, len(columns))


def tensor_graph(
    scorer: Scorer,
    schema: Schema,
    outputs: Sequence[str],
    n_points: int,
    opset: int,
    net_value: NetValue | None = None,
) -> onnx.ModelProto:
    """Return the graph from raw matrices to all outputs but the decision.

    Args:
        scorer: On the CPU, in evaluation mode.
        schema: Its completed schema.
        outputs: Values of `ALL_OUTPUTS`.
        n_points: Points of the reasons' integral (`Attribution`).
        opset: Version of the standard operators.
        net_value: How the net value is computed, if it is among the outputs.
    """
    # The other heads take the row in model space, which a folded scorer never makes; and what folds
    # is a calibrator, not a hazard.
    plain = scorer.learner is scorer.net and scorer.spend is None
    folded, attribution = _folded(scorer) if plain else None, None
    if REASONS in outputs and folded is None:
        attribution = Attribution(scorer, n_points)
    graph = _TensorGraph(scorer, schema, outputs, folded, attribution, net_value).eval()
    groups = input_groups(schema)
    sizes = {size for tensor in graph.state_dict().values() for size in tensor.shape}
    n_rows = traced_row_count(sizes)
    if n_rows is not None:
        if attribution is not None:
            make_traceable(attribution, n_rows)
        core = _traced(graph, groups, opset, n_rows, any_number=False)
        if make_rows_dynamic(core, n_rows):
            return core
    if attribution is not None:
        make_traceable(attribution)
    # With an example of one row the exporter would take the number of rows for a constant.
    return _traced(graph, groups, opset, 3, any_number=True)


def _traced(
    graph: _TensorGraph, groups: list[Group], opset: int, n_rows: int, *, any_number: bool
) -> onnx.ModelProto:
    dtypes = {
        **{"float32": torch.float32, "float64": torch.float64, "codes": torch.int64},
        SEQUENCES: torch.float64,
    }
    examples = tuple(torch.zeros(n_rows, g.width, dtype=dtypes[g.name]) for g in groups)
    batch = torch.export.Dim(BATCH)
    with quiet_exporter(), kept_registry(), traced_once():
        program = torch.onnx.export(
            graph,
            examples,
            input_names=[group.name for group in groups],
            output_names=graph.outputs,
            dynamic_shapes=(tuple({0: batch} for _ in groups),) if any_number else None,
            opset_version=opset,
            custom_translation_table=TRANSLATIONS,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    core = program.model_proto
    core.ir_version = IR_VERSION
    core.metadata_props.clear()
    for node in core.graph.node:  # source lines of this machine
        node.metadata_props.clear()
        node.doc_string = ""
    core.graph.ClearField("value_info")
    store_once(core.graph)
    for value in (*core.graph.input, *core.graph.output):
        value.metadata_props.clear()
        value.type.tensor_type.shape.dim[0].dim_param = BATCH
    return core


class _TensorGraph(nn.Module):
    """The part that torch exports, from the groups of columns to all outputs but the decision.

    Args:
        scorer: The scorer.
        schema: Its completed schema.
        outputs: Outputs of the file, by name.
        folded: The folded form of a linear scorer, which takes its place.
        attribution: The reasons of other scorers, if the file has them.
        net_value: How the net value is computed, if the file has it.
    """

    def __init__(
        self,
        scorer: Scorer,
        schema: Schema,
        outputs: Sequence[str],
        folded: FoldedLinear | FoldedScorecard | None,
        attribution: Attribution | None,
        net_value: NetValue | None,
    ) -> None:
        super().__init__()
        self.indices = [group.tensor_index for group in input_groups(schema)]
        self.outputs = [name for name in outputs if name != DECISION]
        self.folded = folded
        self.scorer = scorer
        self.attribution = attribution
        self.quality = InputQuality(schema)
        self.schema, self.net_value = schema, net_value

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        columns: list[Any] = [*[torch.empty(0)] * 3, None]  # as in `Columns`
        for index, tensor in zip(self.indices, tensors, strict=True):
            columns[index] = tensor
        values: dict[str, Tensor] = {}
        if self.folded is not None:
            values[PROBABILITY], values[REASONS] = self.folded(*columns)
        else:
            x = self.scorer.preprocess(*columns)
            logit = self.scorer.net(x)
            stayed = self.scorer.stayed(columns[0], columns[1])
            values[PROBABILITY] = self.scorer.calibrated(logit, stayed)
            if self.scorer.hazard is not None and stayed is not None:
                values[SURVIVAL] = self.scorer.hazard.survival(logit, stayed)
                values[MEDIAN_PERIODS] = self.scorer.hazard.median(values[SURVIVAL])
            if self.attribution is not None:
                values[REASONS] = self.attribution(x, logit)
            if self.scorer.effect is not None:
                values[UPLIFT] = self.scorer.uplift(x, values[PROBABILITY])
            if self.net_value is not None:
                kept = self.net_value.kept(Columns(*columns), self.schema)
                values[NET_VALUE] = self.net_value(values[PROBABILITY], values[UPLIFT], kept)
            if self.scorer.spend is not None:
                values[EXPECTED_SPEND] = self.scorer.spend(x)
        if QUALITY in self.outputs:
            values[QUALITY] = self.quality(*columns)
        return tuple(values[name] for name in self.outputs)


def _folded(scorer: Scorer) -> FoldedLinear | FoldedScorecard | None:
    """Return a linear scorer or a scorecard with its constants computed; None for other scorers."""
    for folded in (FoldedScorecard, FoldedLinear):
        if folded.fits(scorer):
            return folded(scorer)
    return None

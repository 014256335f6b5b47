"""What torch exports of a file; that its numbers are right is tests/export/test_parity.py."""

from __future__ import annotations

import onnx

from churn_torch.export.tensor_graph import input_groups
from churn_torch.tables.schema import Column, Kind, Schema, Storage

LABEL = Column("y", Kind.TARGET, Storage.TEXT)
NUMBERS = [Column(name, Kind.NUMERIC, Storage.NUMBER) for name in "xz"]
WIDE = Column("w", Kind.NUMERIC, Storage.NUMBER, needs_float64=True)
TEXT = Column("t", Kind.CATEGORICAL, Storage.TEXT, vocabulary=("a",))


def schema_of(*columns: Column) -> Schema:
    return Schema((*columns, LABEL), "y", "1", "0")


def test_groups_of_inputs_in_the_order_of_the_tensors():
    schema = schema_of(TEXT, WIDE, *NUMBERS)
    groups = input_groups(schema)
    assert [(g.name, g.columns, g.tensor_index) for g in groups] == [
        ("float32", ("x", "z"), 0),
        ("float64", ("w",), 1),
        ("codes", ("t",), 2),
    ]
    assert [g.input_type for g in groups] == [
        onnx.TensorProto.FLOAT,
        onnx.TensorProto.DOUBLE,
        onnx.TensorProto.STRING,
    ]


def test_groups_without_columns_are_left_out():
    assert [g.name for g in input_groups(schema_of(TEXT))] == ["codes"]
    assert [(g.name, g.tensor_index) for g in input_groups(schema_of(WIDE))] == [("float64", 1)]

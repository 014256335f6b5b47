"""A small ONNX file with metadata made by hand, as the contract has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

from churn_torch.tables.schema import Column, Kind, Schema, Storage

SCHEMA = Schema(
    columns=(
        Column("minutes", Kind.NUMERIC, Storage.NUMBER, minimum=0.0, maximum=1234.5),
        Column("joined [day]", Kind.DATETIME, Storage.DATETIME, minimum=18262.0, maximum=19000.5),
        Column("plan", Kind.CATEGORICAL, Storage.TEXT, vocabulary=("basic", "plus, more")),
        Column("churned", Kind.TARGET, Storage.TEXT),
    ),
    target="churned",
    positive="yes",
    negative="no",
)
"""A schema of every type of input."""

SPLIT = {
    "n": 100, "n_positive": 25,
    "base_rate": 0.25, "auroc": 0.81, "average_precision": 0.6, "log_loss": 0.4,
    "brier": 0.13, "ece": 0.02, "lift_at_5": 3.1, "lift_at_10": 2.8, "lift_at_20": 2.4,
    "captured_at_5": 0.15, "captured_at_10": 0.28, "captured_at_20": 0.48, "threshold": 0.31,
    "accuracy": 0.8, "precision": 0.66, "recall": 0.55, "f1": 0.6, "true_positives": 15,
    "false_positives": 8, "false_negatives": 10, "true_negatives": 67,
}  # fmt: skip


def column(name: str, kind: str, type_: str, **known: Any) -> dict[str, Any]:
    nothing = {"minimum": None, "maximum": None, "vocabulary": None, "has_missing": False}
    return {"name": name, "kind": kind, "type": type_, **nothing, **known}


COLUMNS = [
    column("minutes", "numeric", "float32", minimum=0.0, maximum=1234.5, typical=170.25),
    column("joined [day]", "datetime", "float64", minimum=18262.0, maximum=19000.5, typical=18628.0,
           has_missing=True),
    column("plan", "categorical", "string", vocabulary=["basic", "plus, more"], typical="basic"),
]  # fmt: skip

METADATA: dict[str, Any] = {
    "format": 1,
    "churn_torch_version": "0.1.0",
    "opset": 20,
    "data_fingerprint": "5f1c0ffee",
    "schema": json.loads(SCHEMA.to_json()),
    "columns": COLUMNS,
    "threshold": 0.31,
    "base_rate": 0.2654,
    "calibration": {"method": "platt", "slope": 1.1, "intercept": -0.2},
    "metrics": {
        "validation": SPLIT,
        "test": {**SPLIT, "auroc": 0.79, "intervals": {"auroc": [0.77, 0.82]}},
    },
    "training": {
        "n_train": 4930, "n_validation": 1056, "n_test": 1057, "date": "2026-11-24T10:00:00+00:00",
        "first_time": "2020-01-01", "last_time": "2024-02-09",
    },
    "reasons": {
        "unit": "log-odds", "base": -1.25, "method": "integrated gradients", "points": 16,
        "spread": 0.04, "completeness_error": 3.2e-7,
    },
    "quality": {
        "0": "fine", "1": "missing", "2": "unseen category", "3": "outside the training range",
    },
    "parity": {
        "n_rows": 2020, "max_difference": 1.2e-7, "max_difference_reasons": 4.5e-6,
        "date": "2026-11-24",
    },
}  # fmt: skip

TYPES = {"float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE, "string": TensorProto.STRING}


def write_file(path: Path, **changed: Any) -> Path:
    """Write a file with these metadata; an entry changed to None is left out.

    The graph knows nothing: its outputs have the right names, types and shapes.
    """
    metadata = {key: value for key, value in {**METADATA, **changed}.items() if value is not None}
    inputs = [
        helper.make_tensor_value_info(entry["name"], TYPES[entry["type"]], ["N", 1])
        for entry in COLUMNS
    ]
    wanted = [("churn_probability", TensorProto.FLOAT, [])]
    wanted += [("reasons", TensorProto.FLOAT, [3])] if "reasons" in metadata else []
    wanted += [("quality", TensorProto.INT64, [3])] if "quality" in metadata else []
    nodes = [
        helper.make_node("Squeeze", [COLUMNS[0]["name"], "second"], ["flat"]),
        helper.make_node("Concat", [COLUMNS[0]["name"]] * 3, ["wide"], axis=1),
    ]
    nodes += [
        helper.make_node("Cast", ["wide" if more else "flat"], [name], to=kind)
        for name, kind, more in wanted
    ]
    nodes += [
        helper.make_node("GreaterOrEqual", ["churn_probability", "limit"], ["above"]),
        helper.make_node("Cast", ["above"], ["churn_decision"], to=TensorProto.INT64),
    ]
    wanted.insert(1, ("churn_decision", TensorProto.INT64, []))
    threshold = metadata.get("threshold")
    limit = threshold if isinstance(threshold, float) else METADATA["threshold"]
    graph = helper.make_graph(
        nodes,
        "by_hand",
        inputs,
        [helper.make_tensor_value_info(name, kind, ["N", *more]) for name, kind, more in wanted],
        [
            helper.make_tensor("second", TensorProto.INT64, [1], [1]),
            helper.make_tensor("limit", TensorProto.FLOAT, [], [limit]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in metadata.items()}
    helper.set_model_props(model, texts)
    onnx.save(model, path)
    return path

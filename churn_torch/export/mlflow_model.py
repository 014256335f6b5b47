"""The ONNX file in MLflow: as a model with a signature, beside the metrics it was exported with."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from churn_torch.serving.model_file import ModelFile
from churn_torch.serving.session import Feed

TYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(string)": object,
}


def log_model(model: Path, *, run_id: str, metrics: Mapping[str, Mapping[str, Any]]) -> str:
    """Add the final metrics and the file, in MLflow's ONNX flavour, to a run of MLflow.

    The signature has a tensor of shape ``[N, 1]`` for each column, so MLflow splits a DataFrame
    into such tensors and converts its numbers to the types of the file.

    Args:
        model: The ONNX file.
        run_id: The run of MLflow, in the current tracking store.
        metrics: ``validation`` and ``test``, each by name; only numbers are logged.

    Returns:
        The address to give to ``mlflow.pyfunc.load_model``.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # from MLflow's own code
        import mlflow.onnx
        from mlflow.models import ModelSignature
        from mlflow.types import Schema, TensorSpec

        def schema(values: Any) -> Schema:
            return Schema(
                [
                    TensorSpec(
                        np.dtype(TYPES[v.type]),
                        (-1, *(d if isinstance(d, int) else -1 for d in v.shape[1:])),
                        v.name,
                    )
                    for v in values
                ]
            )

        file = ModelFile(model)
        signature = ModelSignature(
            schema(file.session.get_inputs()), schema(file.session.get_outputs())
        )
        with mlflow.start_run(run_id=run_id):
            mlflow.log_metrics(
                {
                    f"final/{part}/{name}": float(value)  # not a point of the training curve
                    for part in ("validation", "test")
                    for name, value in metrics[part].items()
                    if isinstance(value, int | float)
                }
            )
            logged = mlflow.onnx.log_model(
                onnx.load(model),
                name="model",
                signature=signature,
                input_example=typical_row(file),
                # Given, because MLflow would run the model in another process to find them.
                pip_requirements=mlflow.onnx.get_default_pip_requirements(),
                onnx_execution_providers=["CPUExecutionProvider"],
                save_as_external_data=False,
            )
    return str(logged.model_uri)


def typical_row(file: ModelFile) -> Feed:
    """Return the inputs of one made-up row of typical values."""
    types = {value.name: TYPES[value.type] for value in file.session.get_inputs()}
    lengths = {group.length_name: np.zeros((1, 1), np.int64) for group in file.schema.sequences}
    cells = {column["name"]: column["typical"] for column in file.columns}
    return {
        name: np.array([cell if isinstance(cell, list) else [cell]], dtype=types[name])
        for name, cell in cells.items()
    } | lengths

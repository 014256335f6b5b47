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

    The signature names tensors of shape ``[N, 1]``: with it MLflow takes a DataFrame apart into one
    such tensor a column, and makes numbers of them what the file wants.

    Args:
        model: The ONNX file.
        run_id: The run of MLflow, in the store that is in use.
        metrics: ``validation`` and ``test``, each by name; what is no number is left out.

    Returns:
        The name that ``mlflow.pyfunc.load_model`` takes.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about MLflow's own code
        import mlflow.onnx
        from mlflow.models import ModelSignature
        from mlflow.types import Schema, TensorSpec

        def schema(values: Any) -> Schema:
            return Schema(
                [TensorSpec(np.dtype(TYPES[v.type]), (-1, *v.shape[1:]), v.name) for v in values]
            )

        file = ModelFile(model)
        signature = ModelSignature(
            schema(file.session.get_inputs()), schema(file.session.get_outputs())
        )
        with mlflow.start_run(run_id=run_id):
            mlflow.log_metrics(
                {
                    f"final/{part}/{name}": float(value)  # apart from the curve of the training
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
                # Named, because MLflow would run the model in another process to find out.
                pip_requirements=mlflow.onnx.get_default_pip_requirements(),
                onnx_execution_providers=["CPUExecutionProvider"],
                save_as_external_data=False,
            )
    return str(logged.model_uri)


def typical_row(file: ModelFile) -> Feed:
    """Return inputs of one row of typical values; no customer's."""
    types = {value.name: TYPES[value.type] for value in file.session.get_inputs()}
    return {
        column["name"]: np.array([[column["typical"]]], dtype=types[column["name"]])
        for column in file.columns
    }

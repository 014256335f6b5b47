"""Open an ONNX file, and make its inputs from rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pandas as pd

from churn_torch.errors import InputError, first_line
from churn_torch.tables.schema import Column, Schema

Array = np.ndarray[Any, Any]
Feed = dict[str, Array]


def open_session(model: bytes | str | Path) -> ort.InferenceSession:
    """Open an ONNX file, or its bytes, on the CPU.

    Raises:
        InputError: It is not an ONNX model that onnxruntime can run.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 3
    # One thread: a row takes microseconds, and waking a pool of threads takes longer.
    options.intra_op_num_threads = 1
    source = model if isinstance(model, bytes) else str(model)
    try:
        return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's classes have no other common base
        raise InputError(
            "model",
            expected="an ONNX file that onnxruntime can open",
            got=f"{'bytes' if isinstance(model, bytes) else model}: {first_line(error)}",
            fix="write it again with churn-torch export",
        ) from error


def make_feed(parsed: pd.DataFrame, schema: Schema) -> Feed:
    """Return the inputs of the ONNX file for parsed rows: one ``[N, 1]`` array a column."""
    feed: Feed = {}
    for column in schema.numbers:
        feed[column.name] = as_input(parsed[column.name], column)
    for column in schema.text:
        feed[column.name] = parsed[column.name].to_numpy(object).reshape(-1, 1)
    return feed


def as_input(numbers: pd.Series, column: Column) -> Array:
    """Return a number column as the file takes it: ``[N, 1]`` float32, or float64 if needed."""
    dtype = np.float64 if Schema.is_float64(column) else np.float32
    # A number beyond float32 becomes infinite, which counts as missing.
    with np.errstate(over="ignore"):
        return numbers.to_numpy(dtype).reshape(-1, 1)

"""Open an ONNX file, and make its inputs from rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnxruntime as ort
import pandas as pd

from churn_torch.errors import InputError, first_line
from churn_torch.tables.schema import Column, Schema, SequenceGroup
from churn_torch.tables.sequences import lengths_of

InferenceSession: TypeAlias = ort.InferenceSession
# A missing value of an input, and its type in NumPy.
_MISSING: dict[str, tuple[Any, Any]] = {
    "tensor(float)": (np.nan, np.float32),
    "tensor(double)": (np.nan, np.float64),
    "tensor(string)": ("", object),
}
Array = np.ndarray[Any, Any]
Feed = dict[str, Array]


def open_session(model: bytes | str | Path, where: str = "bytes") -> ort.InferenceSession:
    """Open an ONNX file, or its bytes, on the CPU.

    Args:
        model: A file of ours; `churn_torch.serving.model_file.ModelFile` opens those of strangers.
        where: What bytes are called, for messages.

    Raises:
        InputError: It is not an ONNX model that onnxruntime can run.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 4  # the error says it
    # One thread: a row takes microseconds, and waking a pool of threads takes longer.
    options.intra_op_num_threads = 1
    source = model if isinstance(model, bytes) else str(model)
    try:
        return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's classes have no other common base
        raise InputError(
            "model",
            expected="an ONNX file that onnxruntime can open",
            got=f"{where if isinstance(model, bytes) else model}: {first_line(error)}",
            fix="write it again with churn-torch export",
        ) from error


def try_row(session: InferenceSession) -> None:
    """Compute one row of missing values.

    Raises:
        ValueError: An input has a fixed size, which no file of ours has.
        Exception: onnxruntime cannot compute it.
    """
    feed = {}
    for value in session.get_inputs():
        shape = [size if isinstance(size, int) else 1 for size in value.shape]
        if any(size != 1 for size in shape):
            raise ValueError(f"its input {value.name!r} has the size {value.shape}")
        feed[value.name] = np.full(shape, *_MISSING.get(value.type, (0, np.int64)))
    options = ort.RunOptions()
    options.log_severity_level = 4  # the error says it
    session.run(None, feed, options)


def make_feed(parsed: pd.DataFrame, schema: Schema) -> Feed:
    """Return the inputs of the ONNX file for parsed rows: one ``[N, 1]`` array a column.

    A column of lists is an array ``[N, T]``, T the length of the longest list, and its group has an
    array ``[N, 1]`` of the numbers of events.
    """
    feed: Feed = {}
    for column in schema.numbers:
        feed[column.name] = as_input(parsed[column.name], column)
    for column in schema.text:
        feed[column.name] = parsed[column.name].to_numpy(object).reshape(-1, 1)
    for group in schema.sequences:
        feed.update(list_inputs({c.name: parsed[c.name] for c in group.columns}, group))
    return feed


def list_inputs(parsed: Mapping[str, Iterable[Any]], group: SequenceGroup) -> Feed:
    """Return the inputs of a group of sequences: its lengths, and its cells filled up on the right.

    Args:
        parsed: The columns of N rows, each cell a list or an array.
        group: The group.
    """
    lengths = lengths_of(list(parsed[group.columns[0].name]))
    filled = np.arange(lengths.max(initial=0)) < lengths[:, np.newaxis]
    feed: Feed = {group.length_name: lengths.reshape(-1, 1)}
    for column in group.columns:
        is_text = Schema.is_text(column)
        dtype: Any = np.float64 if Schema.is_float64(column) else np.float32
        cells = np.full(filled.shape, "" if is_text else np.nan, object if is_text else dtype)
        # A number beyond float32 becomes infinite, as in `as_input`.
        with np.errstate(over="ignore"):
            lists = [np.asarray(cell, cells.dtype) for cell in parsed[column.name] if len(cell)]
        cells[filled] = np.concatenate(lists) if lists else []
        feed[column.name] = cells
    return feed


def as_input(numbers: pd.Series, column: Column) -> Array:
    """Return a number column as the file takes it: ``[N, 1]`` float32, or float64 if needed."""
    dtype = np.float64 if Schema.is_float64(column) else np.float32
    # A number beyond float32 becomes infinite, which counts as missing.
    with np.errstate(over="ignore"):
        return numbers.to_numpy(dtype).reshape(-1, 1)

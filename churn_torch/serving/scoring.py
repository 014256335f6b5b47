"""Score tables with the ONNX file alone, chunk by chunk, as any other system would."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pandas as pd

from churn_torch.errors import InputError, suggest
from churn_torch.serving.export import DECISION, PROBABILITY
from churn_torch.tables.encode import parse
from churn_torch.tables.schema import Schema

Feed = dict[str, np.ndarray[Any, Any]]


def open_session(model: bytes | str | Path) -> ort.InferenceSession:
    """Open an ONNX file, or its bytes, on the CPU.

    Raises:
        InputError: It is not an ONNX model that onnxruntime can run.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 3
    # One thread: a row is microseconds of work, and waking a pool costs more than it gives.
    options.intra_op_num_threads = 1
    source = model if isinstance(model, bytes) else str(model)
    try:
        return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes share no base but Exception
        raise InputError(
            f"model: expected an ONNX file that onnxruntime can open, got "
            f"{'bytes' if isinstance(model, bytes) else model}: {str(error).splitlines()[0]}; "
            "write it anew with scripts/export.py."
        ) from error


def make_feed(parsed: pd.DataFrame, schema: Schema) -> Feed:
    """Return the inputs of the ONNX file for parsed rows: one ``[N, 1]`` array a column."""
    feed: Feed = {}
    for columns, dtype in ((schema.numeric, np.float32), (schema.wide, np.float64)):
        for column in columns:
            # A number beyond float32 becomes infinite, which the model takes as missing.
            with np.errstate(over="ignore"):
                feed[column.name] = parsed[column.name].to_numpy(dtype).reshape(-1, 1)
    for column in schema.text:
        feed[column.name] = parsed[column.name].to_numpy(object).reshape(-1, 1)
    return feed


def run_onnx(
    session: ort.InferenceSession, feed: Feed
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return probability ``[N]`` float32 and decision ``[N]`` int64."""
    probability, decision = session.run([PROBABILITY, DECISION], feed)
    return np.asarray(probability), np.asarray(decision)


def score_chunks(
    session: ort.InferenceSession,
    schema: Schema,
    chunks: Iterable[pd.DataFrame],
    *,
    keep: Sequence[str] | None,
) -> Iterator[pd.DataFrame]:
    """Yield each chunk's kept columns with probability and decision added.

    Args:
        session: See `open_session`.
        schema: Completed schema of the model.
        chunks: Raw rows.
        keep: Columns of the source to keep; None keeps them all.

    Raises:
        InputError: A column to keep is not in the source, or the source has one named like an
            output.
    """
    n_rows = 0
    for chunk in chunks:
        for name in keep or ():
            if name not in chunk.columns:
                raise InputError(
                    f"keep: expected columns of the source, got {name!r}"
                    f"{suggest(name, chunk.columns)}."
                )
        kept = chunk if keep is None else chunk[list(keep)]
        for output in (PROBABILITY, DECISION):
            if output in kept.columns:
                raise InputError(
                    f"keep: expected columns other than the scores, got {output!r} in the "
                    "source; list the columns to keep without it (keep=[...])."
                )
        parsed = parse(chunk, schema, first_row=n_rows)
        n_rows += len(chunk)
        probability, decision = run_onnx(session, make_feed(parsed, schema))
        yield kept.assign(**{PROBABILITY: probability, DECISION: decision})

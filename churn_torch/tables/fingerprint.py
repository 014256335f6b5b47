"""Fingerprint: a short hash of the content of a table."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandas.api import types

# So much of the start and of the end of a file goes into the hash.
_END_BYTES = 1 << 20


def fingerprint(frame: pd.DataFrame) -> str:
    """Return 16 hex digits of a hash of the content: column names and rows, in their order."""
    digest = hashlib.sha256("\x1f".join(map(str, frame.columns)).encode())
    for position in range(frame.shape[1]):
        for part in _content(frame.iloc[:, position]):
            digest.update(part)
    return digest.hexdigest()[:16]


def _content(series: pd.Series) -> Iterator[bytes]:
    """Yield the bytes of a column's cells: numbers and times as they are, all else as text."""
    dtype = series.dtype
    if isinstance(dtype, pd.DatetimeTZDtype):
        series = series.dt.tz_convert(None)
    elif types.is_numeric_dtype(dtype) and hasattr(dtype, "numpy_dtype"):  # may hold missing
        yield series.isna().to_numpy().tobytes()
        series = pd.Series(series.to_numpy(dtype.numpy_dtype, na_value=0))
    kind = series.dtype.kind if isinstance(series.dtype, np.dtype) else "O"
    if kind in "biufmM":
        yield str(series.dtype).encode() if kind in "mM" else kind.encode()
        values = series.to_numpy()
        wide = {"i": np.int64, "u": np.uint64, "f": np.float64}.get(kind, values.dtype)
        yield values.astype(wide, copy=False).tobytes()
        return
    text = pa.array(series.astype("str"), pa.large_string())
    if isinstance(text, pa.Array):
        text = pa.chunked_array([text])
    yield pc.is_null(text).to_numpy().tobytes()
    yield pc.binary_length(pc.fill_null(text, "")).to_numpy().tobytes()
    for chunk in text.drop_null().chunks:
        _, offsets, data = chunk.buffers()
        ends = np.frombuffer(offsets, np.int64)[chunk.offset : chunk.offset + len(chunk) + 1]
        if data is not None:
            yield bytes(memoryview(data)[ends[0] : ends[-1]])


def hash_files(paths: Sequence[Path], digest: Any) -> None:
    """Hash sizes, starts and ends: a Parquet file's footer says where every page lies."""
    for path in paths:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            digest.update(size.to_bytes(8, "little"))
            for start in (0, max(0, size - _END_BYTES)):
                file.seek(start)
                digest.update(file.read(_END_BYTES))

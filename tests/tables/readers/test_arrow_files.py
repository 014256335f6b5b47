"""Arrow's files and ORC: typed, in parts, and refused where they are damaged."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather as pa_feather
import pyarrow.ipc as pa_ipc
import pyarrow.orc as pa_orc
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.readers.sources import read, read_chunks

FRAME = pd.DataFrame({"id ": ["a", "b", "c"], "age": [30, 41, 52], "price": [1.5, None, 2.0]})
TABLE = pa.Table.from_pandas(FRAME)


def write_stream(table: pa.Table, path: Path) -> None:
    with pa_ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table)


WRITERS: dict[str, Callable[[pa.Table, Path], object]] = {
    "t.feather": pa_feather.write_feather,
    "t.arrow": lambda table, path: pa_feather.write_feather(table, path, compression="zstd"),
    "t.arrows": write_stream,
    "t.orc": pa_orc.write_table,
}


@pytest.mark.parametrize("name", WRITERS)
def test_the_table_is_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    WRITERS[name](TABLE, path)
    frame = read(path)
    pd.testing.assert_frame_equal(frame, FRAME.rename(columns={"id ": "id"}))
    chunks = list(read_chunks(path, rows=2, columns=["age", "id"]))
    assert [chunk["age"].tolist() for chunk in chunks] == [[30, 41], [52]]


def test_categories_are_text(tmp_path: Path) -> None:
    pa_feather.write_feather(FRAME.astype({"id ": "category"}), tmp_path / "t.feather")
    assert str(read(tmp_path / "t.feather")["id"].dtype) == "str"


def test_empty_lists_of_unions(tmp_path: Path) -> None:
    """Arrow counts their bytes wrongly, and dies of it."""
    empty = pa.array([], pa.int8())
    unions = pa.UnionArray.from_sparse(empty, [pa.array([], pa.int16()), pa.array([], pa.string())])
    lists = pa.ListArray.from_arrays(pa.array([0, 0], pa.int32()), unions)
    write_stream(pa.table({"x": lists}), tmp_path / "t.arrows")
    assert read(tmp_path / "t.arrows")["x"].tolist() == [[]]


@pytest.mark.parametrize("name", WRITERS)
def test_damaged_files_get_a_sentence(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    WRITERS[name](TABLE, path)
    content = path.read_bytes()
    for end in (12, len(content) // 2, len(content) - 9):
        path.write_bytes(content[:end])
        with pytest.raises(InputError) as caught:
            read(path)
        assert "\n" not in str(caught.value)


def test_an_old_feather_file_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "t.feather").write_bytes(b"FEA1" + bytes(60) + b"FEA1")
    with pytest.raises(InputError, match=r"version 1, which cannot be read safely; if you trust"):
        read(tmp_path / "t.feather")


def test_offsets_beyond_the_text_get_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "t.arrow"
    offsets = np.array([0, 5, 1, 2], dtype="int32")  # Arrow looks at the first and the last alone
    text = pa.Array.from_buffers(
        pa.string(), 3, [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(b"ab")]
    )
    with pa_ipc.new_file(path, pa.schema({"id": pa.string()})) as writer:
        writer.write_batch(pa.record_batch([text], names=["id"]))
    with pytest.raises(InputError, match=r"t.arrow: expected a source that can be read to its end"):
        read(path)


# Whole but for a size in its footer: at this file Arrow's reader of ORC ends its process.
CRASHES = (
    "T1JDEQAACgYSBAgBUAA3AAAKGQoFAAAAAAASEAgBIgoKAkMwEgJDMBgEUAAHAABCAIAFAACABQAAQzBjAAAKBggGEAAY"
    "CwoGCAYQARgeCgYIAhABGAYKBggBEAEYBRIECAAQABIECAIQABoDR01UNQAAChgKBAgBUAAKEAgBIgoKAkMwEgJDMBgE"
    "UACjAAAIAxBoGgoIAxApGAsgNCgBIg8IDBIBARoCaWQgACgAMAAiCAgHIAAoADAAMAE6BAgBUAA6EAgBIgoKAkMwEgJD"
    "MBgEUABAkE5IAWIFMi4yLjIIVBAFGICA/v///w8oHTAGgvQDA09SQxc="
)


def test_a_crash_of_the_reader_of_orc_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "t.orc").write_bytes(base64.b64decode(CRASHES))
    with pytest.raises(InputError, match=r"t.orc: expected a file of ORC, got one that cannot"):
        read(tmp_path / "t.orc")

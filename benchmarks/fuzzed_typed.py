"""Tables of any types of Arrow as Parquet, Arrow and ORC files, with any packing."""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather as pa_feather
import pyarrow.ipc as pa_ipc
import pyarrow.orc as pa_orc
import pyarrow.parquet as pa_parquet
from fuzzed_cells import TEXTS, cell, names, rows
from fuzzed_text import Whole

_WHOLE = [
    pa.int8(),
    pa.int16(),
    pa.int32(),
    pa.int64(),
    pa.uint8(),
    pa.uint16(),
    pa.uint32(),
    pa.uint64(),
]
_BITS = {
    32: [pa.date32(), pa.time32("s"), pa.time32("ms"), pa.float32()],
    64: [pa.date64(), pa.time64("us"), pa.time64("ns"), pa.float64()]
    + [pa.duration(unit) for unit in ("s", "ms", "us", "ns")]
    + [pa.timestamp(unit, zone) for unit in ("s", "ms", "us", "ns")
       for zone in (None, "UTC", "Europe/Warsaw", "+99:99", "Mars/Base", "")],
}  # fmt: skip


def _number(rng: random.Random, bits: int, *, signed: bool = True) -> int:
    size = rng.choice((1, 3, 8, 15, 16, 31, 32, 40, bits))
    low = -(1 << (bits - 1)) if signed else 0
    high = (1 << (bits - 1 if signed else bits)) - 1
    number = rng.choice((0, low, high, rng.getrandbits(size), -rng.getrandbits(size)))
    return min(max(number, low), high)


def _holed(values: list[Any], rng: random.Random) -> list[Any]:
    share = rng.choice((0, 0, 0.2, 1))
    return [None if rng.random() < share else v for v in values]


def _numbers(rng: random.Random, n: int, bits: int, *, signed: bool = True) -> list[Any]:
    return _holed([_number(rng, bits, signed=signed) for _ in range(n)], rng)


def array(rng: random.Random, n: int, depth: int = 0) -> pa.Array:
    """Return a column of any type; bits are any where the type lets them be."""
    kind = rng.randrange(16 if depth < 2 else 8)
    if kind == 0:
        whole = rng.choice(_WHOLE)
        signed = pa.types.is_signed_integer(whole)
        return pa.array(_numbers(rng, n, whole.bit_width, signed=signed), whole)
    if kind in (1, 2, 3):
        bits = rng.choice((32, 64))
        of_bits = pa.array(_numbers(rng, n, bits), pa.int32() if bits == 32 else pa.int64())
        return of_bits.view(rng.choice(_BITS[bits]))
    if kind in (4, 5):
        texts = _holed([cell(rng) for _ in range(n)], rng)
        return pa.array(
            texts, rng.choice((pa.string(), pa.string(), pa.large_string(), pa.string_view()))
        )
    if kind == 6:
        blobs = _holed(
            [rng.choice((b"", b"\xff\xfe", rng.choice(TEXTS).encode())) for _ in range(n)], rng
        )
        return pa.array(blobs, rng.choice((pa.binary(), pa.large_binary(), pa.binary_view())))
    if kind == 7:
        width = rng.choice((pa.decimal32, pa.decimal64, pa.decimal128, pa.decimal256))
        digits = {pa.decimal32: 9, pa.decimal64: 18, pa.decimal128: 38, pa.decimal256: 76}[width]
        scale = rng.choice((0, 2, digits, -3))
        made = pa.array(_numbers(rng, n, 24), pa.int64())
        other = [pa.array(_holed([rng.random() < 0.5 for _ in range(n)], rng), pa.bool_()),
                 pa.array([None] * n, pa.null()),
                 pa.array([(1, 2, rng.getrandbits(30))] * n, pa.month_day_nano_interval()),
                 pa.array([rng.random() for _ in range(n)], pa.float16()),
                 pa.array([rng.randbytes(4) for _ in range(n)], pa.binary(4)),
                 pa.ExtensionArray.from_storage(pa.uuid(),
                 pa.array([rng.randbytes(16) for _ in range(n)], pa.binary(16))),
                 pa.ExtensionArray.from_storage(pa.json_(),
                 pa.array([cell(rng) for _ in range(n)], pa.string()))]  # fmt: skip
        if rng.random() < 0.5:
            return rng.choice(other)
        return pa.array([v and v % 1000 for v in made.to_pylist()], pa.int64()).cast(
            width(digits, min(scale, digits - 4) if scale > 0 else 0)
        )
    inner = array(rng, n, depth + 1)
    if kind in (8, 9):
        codes = pa.array(
            _holed([rng.randrange(max(n, 1)) for _ in range(n)], rng),
            rng.choice((pa.int8(), pa.int32(), pa.uint64())),
        )
        return pa.DictionaryArray.from_arrays(codes, inner, ordered=rng.random() < 0.2)
    if kind == 10:
        offsets = pa.array(sorted(rng.randrange(n + 1) for _ in range(n + 1)), pa.int32())
        return pa.ListArray.from_arrays(offsets, inner)
    if kind == 11:
        return pa.StructArray.from_arrays(
            [inner, array(rng, n, depth + 1)], names=["a", rng.choice(("b", "a", ""))]
        )
    if kind == 12:
        offsets = pa.array(range(n + 1), pa.int32())
        return pa.MapArray.from_arrays(offsets, pa.array([f"k{i}" for i in range(n)]), inner)
    if kind == 13 and n:
        return pa.RunEndEncodedArray.from_arrays(pa.array(range(1, n + 1), pa.int32()), inner)
    if kind == 14:
        return pa.UnionArray.from_sparse(
            pa.array([rng.randrange(2) for _ in range(n)], pa.int8()),
            [inner, array(rng, n, depth + 1)],
        )
    return pa.FixedSizeListArray.from_arrays(inner, 1)


def typed(rng: random.Random) -> pa.Table:
    """Return a table of any types; half of them are plain ones of text and numbers."""
    n = rng.choice((0, 1, 1, 2, 3, 5, 8, 30))
    if rng.random() < 0.4:
        header, body = rows(rng)
        columns = [[row[i] for row in body] for i in range(len(header))]
        return pa.Table.from_arrays(
            [pa.array(column, pa.string()) for column in columns], names=header
        )
    columns = []
    width = rng.choice((1, 2, 3, 5))
    while len(columns) < width:
        try:
            columns.append(array(rng, n))
        except (pa.ArrowException, ValueError, OverflowError, TypeError):
            continue  # Arrow has no such combination
    metadata = rng.choice([None, None, {"pandas": "{}"}, {"pandas": "x"}, {"ARROW:schema": "x"}])
    return pa.Table.from_arrays(columns, names=names(rng, width)).replace_schema_metadata(metadata)


def _written(rng: random.Random, write: Any) -> bytes:
    """Write tables until the format takes one."""
    while True:
        try:
            return write(typed(rng))
        except (pa.ArrowException, ValueError, TypeError, KeyError, UnicodeError, OSError):
            continue


def parquet_file(rng: random.Random, folder: Path) -> Whole:
    """Return a Parquet file of any version, packing and encoding."""

    def write(table: pa.Table) -> bytes:
        file = io.BytesIO()
        pa_parquet.write_table(
            table, file,
            compression=rng.choice(["none", "none", "none", "snappy", "gzip", "brotli", "lz4",
            "zstd"]),
            version=rng.choice(["1.0", "2.4", "2.6"]),
            data_page_version=rng.choice(["1.0", "2.0"]),
            use_dictionary=rng.random() < 0.6,
            write_statistics=rng.random() < 0.7,
            row_group_size=rng.choice([None, 1, 2, 7]) or None,
            data_page_size=rng.choice([None, 1, 64]),
            store_schema=rng.random() < 0.6,
            write_page_index=rng.random() < 0.2,
            write_page_checksum=rng.random() < 0.2,
            use_deprecated_int96_timestamps=rng.random() < 0.1,
            use_byte_stream_split=False,
        )  # fmt: skip
        return file.getvalue()

    content = _written(rng, write)
    if rng.random() < 0.01:  # the mark of an encrypted one
        content = content[:-4] + b"PARE"
    return ".parquet", content


def arrow_file(rng: random.Random, folder: Path) -> Whole:
    """Return a file of Arrow's file or stream format, or of Feather, packed now and then."""
    kind = rng.choice(["file", "file", "stream", "stream", "feather", "old"])

    def write(table: pa.Table) -> bytes:
        file = io.BytesIO()
        if kind in ("feather", "old"):
            version = 1 if kind == "old" and rng.random() < 0.2 else 2
            pa_feather.write_feather(
                table,
                file,
                compression=rng.choice(["zstd", "lz4", "uncompressed"]) if version == 2 else None,
                version=version,
            )
            return file.getvalue()
        new = pa_ipc.new_file if kind == "file" else pa_ipc.new_stream
        options = pa_ipc.IpcWriteOptions(
            compression=rng.choice([None, None, None, "lz4", "zstd"]),
            emit_dictionary_deltas=rng.random() < 0.3,
            use_legacy_format=rng.random() < 0.05,
        )
        with new(file, table.schema, options=options) as writer:
            writer.write_table(table, max_chunksize=3)
        return file.getvalue()

    return rng.choice([".arrow", ".feather", ".ipc"]), _written(rng, write)


def orc_file(rng: random.Random, folder: Path) -> Whole:
    """Return an ORC file."""

    def write(table: pa.Table) -> bytes:
        if "union" in str(table.schema):  # its writer ends the process
            raise ValueError
        file = pa.BufferOutputStream()
        pa_orc.write_table(
            table, file,
            compression=rng.choice(["uncompressed", "uncompressed", "zlib", "snappy", "lz4",
            "zstd"]),
            dictionary_key_size_threshold=rng.choice((0, 1)),
            file_version=rng.choice(["0.11", "0.12"]),
            stripe_size=rng.choice((1024, 1 << 20)),
        )  # fmt: skip
        return file.getvalue().to_pybytes()

    return ".orc", _written(rng, write)

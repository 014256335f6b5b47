"""Small tables as files of every kind that is read, and what is done to their bytes.

Used by benchmarks/fuzz_sources.py and its slice in the tests.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import random
import sqlite3
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.feather as pa_feather
import pyarrow.ipc as pa_ipc
import pyarrow.orc as pa_orc
import pyreadstat

_WORDS = [
    "basic",
    "plus",
    "São Paulo",
    "Łódź",
    "Базовый",
    "是",
    "",
    "N/A",
    'say "hi"',
    "a,b",
    "1;5",
]
_BYTES = [b'"', b",", b";", b"\n", b"\r", b"\x00", b"\xff", b"{", b"]", b"#", b"\xef\xbb\xbf", b"'"]
_ENCODINGS = ["utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252", "cp1250", "cp1251", "gbk"]
# Sizes that a reader must not believe, as integers of several widths are written.
_HUGE = [
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x7f\xff\xff\xff",
    struct.pack("<Q", 1 << 40),
    struct.pack("<q", -1),
    struct.pack("<I", 1 << 30),
    struct.pack(">I", 1 << 30),
    b"\x80\x80\x80\x80\x80\x40",  # a number of variable length, as in Parquet and ORC
    b"\xfe\xff\xff\xff\x0f",
]
_FILES = Path(__file__).resolve().parents[1] / "tests" / "tables" / "readers" / "files"

# A name's suffix and the bytes of a file.
Whole = tuple[str, bytes]


def table(rng: random.Random) -> pd.DataFrame:
    """Return a small customer table."""
    n = rng.randrange(1, 9)
    columns = {
        "id": [f"C{i}" for i in range(n)],
        "plan": [rng.choice(_WORDS) for _ in range(n)],
        "charge": [rng.choice([None, 1.5, -2, 1e30]) for _ in range(n)],
        "when": [rng.choice(["2024-01-31", "31.01.2024", None]) for _ in range(n)],
        "churn": [rng.choice(["Yes", "No"]) for _ in range(n)],
    }
    names = rng.sample(sorted(columns), rng.randrange(1, 6))
    return pd.DataFrame({name: columns[name] for name in names})


def csv_file(rng: random.Random, folder: Path) -> Whole:
    """Return a CSV file, with lines above and below its rows now and then."""
    frame = table(rng)
    text = frame.to_csv(index=rng.random() < 0.2, sep=rng.choice(",;\t|^"))
    above = rng.choice(["", "", "Report 2024\n", "# comment\n\n", "sep=;\n", "Title,,,\n"])
    below = rng.choice(["", "", "Total,,1\n", "\n3 rows exported\n", "# end"])
    return ".csv", (above + text + below).encode(rng.choice(_ENCODINGS), errors="replace")


def json_file(rng: random.Random, folder: Path) -> Whole:
    """Return a JSON file in one of its layouts."""
    frame = table(rng)
    layout = rng.choice(["records", "columns", "split", "under a key"])
    if layout == "under a key":
        text = json.dumps({"n": len(frame), "data": json.loads(frame.to_json(orient="records"))})
    else:
        text = frame.to_json(orient=layout, indent=rng.choice([None, 1]))
    return ".json", text.encode()


def json_lines(rng: random.Random, folder: Path) -> Whole:
    """Return a file of JSON lines."""
    return ".jsonl", table(rng).to_json(orient="records", lines=True).encode()


def _typed(rng: random.Random) -> pa.Table:
    frame = table(rng)
    if "when" in frame and rng.random() < 0.5:
        frame["when"] = pd.to_datetime(frame["when"], format="%Y-%m-%d", errors="coerce")
    content = pa.Table.from_pandas(frame, preserve_index=False)
    for at, field in enumerate(content.schema):
        if pa.types.is_null(field.type):  # ORC has none
            content = content.set_column(at, field.name, content[at].cast(pa.string()))
    return content


def parquet_file(rng: random.Random, folder: Path) -> Whole:
    """Return a Parquet file."""
    file = io.BytesIO()
    _typed(rng).to_pandas().to_parquet(file, compression=rng.choice(["snappy", "zstd", None]))
    return ".parquet", file.getvalue()


def arrow_file(rng: random.Random, folder: Path) -> Whole:
    """Return a file of Arrow's file or stream format, packed now and then."""
    content, kind = _typed(rng), rng.choice(["file", "stream", "packed"])
    file = io.BytesIO()
    if kind == "packed":
        pa_feather.write_feather(content, file, compression="zstd")
    else:
        new = pa_ipc.new_file if kind == "file" else pa_ipc.new_stream
        with new(file, content.schema) as writer:
            writer.write_table(content, max_chunksize=3)
    return ".arrow", file.getvalue()


def orc_file(rng: random.Random, folder: Path) -> Whole:
    """Return an ORC file."""
    file = pa.BufferOutputStream()
    pa_orc.write_table(_typed(rng), file, compression=rng.choice(["uncompressed", "zlib", "zstd"]))
    return ".orc", file.getvalue().to_pybytes()


def _by_pyreadstat(suffix: str, write: str) -> Callable[[random.Random, Path], Whole]:
    def make(rng: random.Random, folder: Path) -> Whole:
        path = folder / f"whole{suffix}"
        getattr(pyreadstat, write)(table(rng), path)
        content = path.read_bytes()
        path.unlink()
        return suffix, content

    return make


def sas_file(rng: random.Random, folder: Path) -> Whole:
    """Return the file of SAS that the tests have."""
    return ".sas7bdat", gzip.decompress((_FILES / "iris.sas7bdat.gz").read_bytes())


def xls_file(rng: random.Random, folder: Path) -> Whole:
    """Return the old workbook that the tests have."""
    return ".xls", (_FILES / "customers.xls").read_bytes()


def _workbook(suffix: str) -> Callable[[random.Random, Path], Whole]:
    def make(rng: random.Random, folder: Path) -> Whole:
        from tests.tables.readers.workbooks import write_ods, write_xlsx

        frame = table(rng)
        rows = [list(frame.columns), *frame.astype(object).where(frame.notna(), "").values.tolist()]
        path = folder / f"whole{suffix}"
        (write_ods if suffix == ".ods" else write_xlsx)(path, {"Sheet": rows})
        content = path.read_bytes()
        path.unlink()
        return suffix, content

    return make


def zip_file(rng: random.Random, folder: Path) -> Whole:
    """Return a zip archive of one or two CSV files."""
    file, content = io.BytesIO(), table(rng).to_csv(index=False)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in rng.choice([["a.csv"], ["a.csv", "b.csv"], ["README.txt", "a.csv"]]):
            archive.writestr(name, content)
    return ".zip", file.getvalue()


def gz_file(rng: random.Random, folder: Path) -> Whole:
    """Return a packed CSV file."""
    return ".csv.gz", gzip.compress(csv_file(rng, folder)[1])


def sqlite_file(rng: random.Random, folder: Path) -> Whole:
    """Return a SQLite database of one table."""
    path = folder / "whole.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        table(rng).to_sql("customers", connection, index=False)
    content = path.read_bytes()
    path.unlink()
    return ".sqlite", content


def duckdb_file(rng: random.Random, folder: Path) -> Whole:
    """Return a DuckDB database of one table."""
    path = folder / "whole.duckdb"
    with contextlib.closing(duckdb.connect(path)) as connection:
        connection.register("frame", table(rng))
        connection.execute("CREATE TABLE customers AS SELECT * FROM frame")
    content = path.read_bytes()
    path.unlink()
    return ".duckdb", content


def mutated(content: bytes, rng: random.Random) -> bytes:
    """Return the content with bytes changed, cut out, put in, repeated, inflated or cut off."""
    data = bytearray(content)
    for _ in range(rng.choice([0, 1, 1, 2, 5, 20])):
        # Half of them near an end: formats keep their sizes and places in heads and footers.
        near = rng.choice([0, 0, -1, 1])
        start = max(0, len(data) - 600) if near == 1 else 0
        at = rng.randrange(start, (min(len(data), 200) if near == -1 else len(data)) + 1)
        end = min(len(data), at + rng.choice([1, 1, 4, 30]))
        what = rng.choice(["set", "flip", "cut", "put", "repeat", "inflate", "end"])
        if what == "set" and at < len(data):
            data[at] = rng.randrange(256)
        elif what == "flip" and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif what == "cut":
            del data[at:end]
        elif what == "put":
            data[at:at] = rng.choice(_BYTES)
        elif what == "repeat":
            data[at:at] = data[at:end] * rng.choice([1, 3])
        elif what == "inflate":
            huge = rng.choice(_HUGE)
            data[at : at + len(huge)] = huge
        elif what == "end" and rng.random() < 0.2:
            del data[at:]
    return bytes(data)


def mutated_archive(content: bytes, rng: random.Random) -> bytes:
    """Mutate a zip archive, or one of its members, which checksums would guard otherwise."""
    if rng.random() < 0.3:
        return mutated(content, rng)
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w") as new:
        names = old.namelist()
        chosen = rng.choice(names)
        for name in names:
            member = old.read(name)
            new.writestr(name, mutated(member, rng) if name == chosen else member)
    return file.getvalue()


def mutated_gz(content: bytes, rng: random.Random) -> bytes:
    """Mutate a packed file, or what is packed in it."""
    if rng.random() < 0.5:
        return mutated(content, rng)
    return gzip.compress(mutated(gzip.decompress(content), rng), compresslevel=1)


@dataclass(frozen=True)
class Kind:
    """A kind of file: how a whole one is made, how it is mutated, and how many are made."""

    name: str
    make: Callable[[random.Random, Path], Whole]
    mutate: Callable[[bytes, random.Random], bytes] = mutated
    n_whole: int = 60


_ALL = (
    Kind("csv", csv_file, n_whole=300),
    Kind("json", json_file, n_whole=300),
    Kind("jsonl", json_lines),
    Kind("parquet", parquet_file),
    Kind("arrow", arrow_file),
    Kind("orc", orc_file),
    Kind("stata", _by_pyreadstat(".dta", "write_dta")),
    Kind("spss", _by_pyreadstat(".sav", "write_sav")),
    Kind("xport", _by_pyreadstat(".xpt", "write_xport")),
    Kind("sas", sas_file, n_whole=1),
    Kind("xlsx", _workbook(".xlsx"), mutated_archive),
    Kind("xls", xls_file, n_whole=1),
    Kind("ods", _workbook(".ods"), mutated_archive),
    Kind("zip", zip_file, mutated_archive),
    Kind("gz", gz_file, mutated_gz),
    Kind("sqlite", sqlite_file, n_whole=10),
    Kind("duckdb", duckdb_file, n_whole=5),
)
KINDS = {kind.name: kind for kind in _ALL}

"""Small tables as files of every kind that is read, and what is done to their bytes.

Used by benchmarks/fuzz_sources.py and its slice in the tests.
"""

from __future__ import annotations

import datetime
import gzip
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyreadstat
from fuzzed_archives import (
    mutated_archive,
    mutated_packed,
    packed_file,
    workbook,
    zip_file,
)
from fuzzed_bytes import mutated
from fuzzed_cells import rows
from fuzzed_databases import duckdb_file, sqlite_file
from fuzzed_text import Whole, csv_file, json_file, json_lines
from fuzzed_typed import arrow_file, orc_file, parquet_file

_FILES = Path(__file__).resolve().parents[1] / "tests" / "tables" / "readers" / "files"
_DAYS = (datetime.date(2024, 1, 31), datetime.date(1, 1, 1), datetime.date(9999, 12, 31), None)


def _statistics(
    suffix: str, write: str, **options: object
) -> Callable[[random.Random, Path], Whole]:
    def column(rng: random.Random, texts: list[str]) -> list[object]:
        n, kind = len(texts), rng.randrange(4)
        if kind == 0:
            return [rng.choice((None, 1.5, -2.0, 1e30, 1e-300, float("nan"))) for _ in range(n)]
        if kind == 1:
            return [rng.choice((0, 1, -1, 99, 2**31 - 1, 27)) for _ in range(n)]
        return [rng.choice(_DAYS) for _ in range(n)] if kind == 2 else texts

    def make(rng: random.Random, folder: Path) -> Whole:
        path = folder / f"whole{suffix}"
        while True:
            header, body = rows(rng)
            header = header[:30]
            columns = [column(rng, [row[i] for row in body]) for i in range(len(header))]
            frame = pd.DataFrame({f"c{i}": values for i, values in enumerate(columns)})
            labels = {name: {0: "no", 1: "yes"} for name in frame if frame[name].dtype.kind in "if"}
            given = (
                {"variable_value_labels": labels}
                if write != "write_xport" and rng.random() < 0.4
                else {}
            )
            if write == "write_sav" and rng.random() < 0.3:
                given["compress"] = True
            if write == "write_dta":
                given["version"] = rng.choice((8, 10, 12, 13, 14, 15))
            try:
                getattr(pyreadstat, write)(frame, path, **given)
            except Exception:  # it takes no such table
                continue
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


def xlsb_file(rng: random.Random, folder: Path) -> Whole:
    """Return the binary workbook that the tests have."""
    return ".xlsb", (_FILES / "customers.xlsb").read_bytes()


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: What it is called.
        make: Makes a whole file.
        mutate: Changes its bytes.
        n_whole: How many whole files are made; 0 where each file is made anew.
    """

    name: str
    make: Callable[[random.Random, Path], Whole]
    mutate: Callable[[bytes, random.Random], bytes] = mutated
    n_whole: int = 0


_ALL = (
    Kind("csv", csv_file),
    Kind("json", json_file),
    Kind("jsonl", json_lines),
    Kind("parquet", parquet_file),
    Kind("arrow", arrow_file),
    Kind("orc", orc_file),
    Kind("stata", _statistics(".dta", "write_dta"), n_whole=200),
    Kind("spss", _statistics(".sav", "write_sav"), n_whole=200),
    Kind("xport", _statistics(".xpt", "write_xport"), n_whole=200),
    Kind("sas", sas_file, n_whole=1),
    Kind("xlsx", workbook(".xlsx"), mutated_archive),
    Kind("xls", xls_file, n_whole=1),
    Kind("xlsb", xlsb_file, mutated_archive, n_whole=1),
    Kind("ods", workbook(".ods"), mutated_archive),
    Kind("zip", zip_file, mutated_archive),
    Kind("gz", packed_file, mutated_packed),
    Kind("sqlite", sqlite_file, n_whole=200),
    Kind("duckdb", duckdb_file, n_whole=300),
)
KINDS = {kind.name: kind for kind in _ALL}

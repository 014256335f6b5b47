"""Mutated files of every kind: a table or a sentence, never a traceback."""

from __future__ import annotations

import importlib
import os
import signal
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
# How many files of a kind; those that start a process, or are slow to open, are fewer.
FEWER = dict.fromkeys(
    ("duckdb", "ods", "orc", "sas", "spss", "stata", "xls", "xlsb", "xlsx", "xport"), 2
)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("fuzz_sources")


def test_a_slice_of_the_fuzzing(tmp_path: Path, script: ModuleType) -> None:
    for name, kind in script.KINDS.items():
        n = FEWER.get(name, 15)
        outcomes = script.fuzz(kind, range(n), seed=19, folder=tmp_path)
        assert not [what for what in outcomes if "FAULT" in what], name
        assert outcomes.total() == n
        if name not in FEWER:  # both ends are reached
            assert outcomes["read"], name
            assert outcomes["refused"], name


def test_the_script_goes_on_behind_a_file_that_kills_it(
    tmp_path: Path, script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def outcome(path: Path, *, inferred: bool) -> str:
        if path.stem == "1":
            os.kill(os.getpid(), signal.SIGKILL)
        if path.stem == "2":
            raise ValueError("odd")
        return "read"

    monkeypatch.setattr(script, "outcome", outcome)
    found, _ = script.watched(script.KINDS["csv"], 4, seed=0, seconds=60, keep=tmp_path / "keep")
    assert {what.partition(" in ")[0]: n for what, n in found.items()} == {
        "read": 2,
        "FAULT process ended with -9": 1,
        "FAULT ValueError": 1,
    }
    assert {path.stem for path in (tmp_path / "keep").iterdir()} == {"1", "2"}


def test_parquet_names_that_are_no_text_get_a_sentence(tmp_path: Path) -> None:
    import pandas as pd

    from churn_torch.errors import InputError
    from churn_torch.tables.readers.sources import count_rows, read

    path = tmp_path / "t.parquet"
    pd.DataFrame({"monthly_charge": [1.5]}).to_parquet(path)
    path.write_bytes(path.read_bytes().replace(b"monthly_charge", b"monthly\xff\xfecharg"))
    for look in (read, count_rows):
        with pytest.raises(InputError, match=r"t.parquet: expected a Parquet .* cannot be read"):
            look(path)

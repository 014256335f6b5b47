"""Mutated CSV, JSON and Parquet files: a table or a sentence, never a traceback."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "fuzz_sources.py"


def test_a_slice_of_the_fuzzing(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("fuzz_sources", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    outcomes = script.fuzz(200, seed=15, folder=tmp_path)
    faults = [what for what in outcomes if "FAULT" in what]
    assert not faults
    assert sum(outcomes.values()) == 200
    for form in script.FORMS:  # both ends are reached
        assert outcomes[f"{form} read"] > 5
        assert outcomes[f"{form} refused"] > 5


def test_parquet_names_that_are_no_text_get_a_sentence(tmp_path: Path) -> None:
    import pandas as pd

    from churn_torch.errors import InputError
    from churn_torch.tables.readers.sources import count_rows, read

    path = tmp_path / "t.parquet"
    pd.DataFrame({"monthly_charge": [1.5]}).to_parquet(path)
    path.write_bytes(path.read_bytes().replace(b"monthly_charge", b"monthly\xff\xfecharg"))
    for look in (read, count_rows):
        with pytest.raises(InputError, match=r"t.parquet: expected a Parquet file, got a damaged"):
            look(path)

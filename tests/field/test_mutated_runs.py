"""Mutated files of run folders and studies: a result or a sentence, never a traceback or a hang."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "mutated_runs.py"


def test_a_slice_of_the_mutations(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("mutated_runs", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setattr(sys, "argv", sys.argv)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")  # run_command sets it: undone after the test
    counts = script.mutate(12, 3, list(script.READERS))
    assert not {key: n for key, n in counts.items() if key[1] == "faults"}
    assert sum(n for (_, ended), n in counts.items() if ended == "one sentence") > 10

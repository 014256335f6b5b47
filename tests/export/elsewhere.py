"""What the tests share that open the file elsewhere: which runs, which rows, what must agree."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import pytest

from churn_torch import samples
from churn_torch.export.parity import hostile_rows
from churn_torch.serving.outputs import DECISION, PROBABILITY, QUALITY, REASONS, UPLIFT
from churn_torch.serving.session import Feed, make_feed, open_session
from churn_torch.tables.encode import parse
from churn_torch.workflows.run_folder import Run

ROOT = Path(__file__).resolve().parents[2]
TOLERANCE = {PROBABILITY: 1e-5, DECISION: 0.0, REASONS: 1e-4, QUALITY: 0.0, UPLIFT: 1e-5}
MODELS = {file.stem: file for file in sorted((ROOT / "conf" / "model").glob("*.yaml"))}
# Small nets have the same graphs; the mlp is wide enough to have a matrix that can be compressed.
SIZES = {name: {"width": 64 if name == "mlp" else 16, "n_members": 2} for name in MODELS}
# The names that the fixture `run_of` knows: both tables, and every net on the one with every kind.
RUNS = ["telco logreg", *(f"customers {model}" for model in MODELS)]
# Real ones, and as many hostile.
N_ROWS = 2_000


def lacking(reason: str) -> NoReturn:
    """Fail in CI and skip elsewhere, because something is not installed."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def feeds(run: Run, customers: pd.DataFrame, n_rows: int) -> dict[str, Feed]:
    """Inputs for so many real rows, as many hostile ones, one and none."""
    table = customers if run.schema.target == "churned" else pd.read_parquet(samples.path("telco"))
    real = parse(table, run.schema)
    real = real.iloc[np.arange(n_rows) % len(real)]
    rows = {
        "real": real,
        "hostile": hostile_rows(real, run.schema, n_rows, seed=1),
        "one": real.head(1),
        "none": real.head(0),
    }
    return {name: make_feed(chosen, run.schema) for name, chosen in rows.items()}


def answers(path: Path, feed: Feed) -> dict[str, Any]:
    """Return onnxruntime's outputs by name."""
    session = open_session(path)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, feed), strict=True))


def agree(
    got: Mapping[str, Any],
    expected: Mapping[str, Any],
    kind: str,
    tolerance: Mapping[str, float] = TOLERANCE,
) -> None:
    """Names, types, shapes and values are the same."""
    assert list(got) == list(expected)
    for output, values in expected.items():
        there = np.asarray(got[output])
        assert (there.dtype, there.shape) == (values.dtype, values.shape), (kind, output)
        np.testing.assert_allclose(
            there, values, rtol=0, atol=tolerance[output], err_msg=f"{kind}: {output}"
        )

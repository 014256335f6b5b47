"""What the tests share that open the file elsewhere: which runs, which rows, what must agree."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import pytest

from churn_torch import samples
from churn_torch.export import web
from churn_torch.export.parity import hostile_rows
from churn_torch.serving.outputs import (
    DECISION,
    MEDIAN_PERIODS,
    PROBABILITY,
    QUALITY,
    REASONS,
    SURVIVAL,
    UPLIFT,
)
from churn_torch.serving.session import Feed, make_feed, open_session
from churn_torch.tables.encode import parse
from churn_torch.workflows.runs.run_folder import Run

ROOT = Path(__file__).resolve().parents[2]
NODE = ROOT / "tests" / "export" / "node"
CHROMIUM = "/usr/bin/chromium"
RUNTIME = NODE / "node_modules" / "onnxruntime-web"
TOLERANCE = {PROBABILITY: 1e-5, DECISION: 0.0, REASONS: 1e-4, QUALITY: 0.0, UPLIFT: 1e-5,
             SURVIVAL: 1e-5, MEDIAN_PERIODS: 0.0}  # fmt: skip
MODELS = {file.stem: file for file in sorted((ROOT / "conf" / "model").glob("*.yaml"))}
# Small nets have the same graphs; the mlp is wide enough to have a matrix that can be compressed.
SIZES = {name: {"width": 64 if name == "mlp" else 16, "n_members": 2} for name in MODELS}
# The names that the fixture `run_of` knows: both tables, and every net on the one with every kind.
# Nets of lists have other inputs: tests/test_exportable.py and tests/workflows/test_sequences.py.
OF_LISTS = ("gru", "event_transformer")
RUNS = ["telco logreg", *(f"customers {model}" for model in MODELS if model not in OF_LISTS)]
# Real ones, and as many hostile.
N_ROWS = 2_000


def lacking(reason: str) -> NoReturn:
    """Fail in CI and skip elsewhere, because something is not installed."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def node_runtime() -> Path:
    """Return the folder of onnxruntime-web; there is Node to run it."""
    if shutil.which("node") is None:
        lacking("Node.js is not installed")
    if not RUNTIME.is_dir():
        lacking(f"the Node packages are not installed: npm ci --prefix {NODE}")
    return RUNTIME


@contextmanager
def chromium(script: Path) -> Iterator[Callable[[dict[str, Any]], dict[str, Any]]]:
    """Run a Node script that starts one chromium; give a function from a question to its answer."""
    node_runtime()
    if not Path(CHROMIUM).exists():
        lacking(f"{CHROMIUM} is not installed")
    with subprocess.Popen(
        ["node", script, CHROMIUM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin, stdout = process.stdin, process.stdout

        def ask(question: dict[str, Any]) -> dict[str, Any]:
            print(json.dumps(question), file=stdin, flush=True)
            answer: dict[str, Any] = json.loads(stdout.readline())
            assert "error" not in answer, answer["error"]
            return answer

        yield ask
        stdin.close()
        process.wait(timeout=60)


def page_folder(runtime: Path, folder: Path, model: Path | None = None) -> Path:
    """Make a folder with the what-if page, and a model if one is given."""
    folder.mkdir()
    (folder / "package.json").write_text('{"type": "module"}')  # Node needs it; browsers do not
    for name, content in web.files(str(runtime)).items():
        (folder / name).write_bytes(content)
    if model is not None:
        shutil.copy(model, folder / "model.onnx")
    return folder


def answers_of_node(page: Path, asked: Mapping[str, Any]) -> Any:
    """Return the answers of one Node process; answers.mjs says what is asked and answered."""
    done = subprocess.run(
        ["node", NODE / "answers.mjs", page],
        input=json.dumps(asked),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def encoded(column: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Cells as answers.mjs takes them."""
    cells = column.ravel()
    if cells.dtype != object:
        return {str(cells.dtype): base64.b64encode(cells.tobytes()).decode()}
    codes, words = pd.factorize(cells)
    return {"words": list(words), **encoded(codes.astype(np.int32))}


def decoded(cells: Any, like: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if isinstance(cells, list):
        return np.array(cells, np.int64).reshape(like.shape)
    return np.frombuffer(base64.b64decode(cells["float32"]), np.float32).reshape(like.shape)


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

"""The file works where this package is not: a bare environment, and a second runtime."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx.reference import ReferenceEvaluator

from churn_torch.serving.outputs import (
    DECISION,
    MEDIAN_PERIODS,
    PROBABILITY,
    QUALITY,
    REASONS,
    SURVIVAL,
    UPLIFT,
)
from churn_torch.workflows.runs.run_folder import Run
from tests.export.elsewhere import N_ROWS, ROOT, RUNS, TOLERANCE, agree, answers, feeds, lacking

# A bare environment

BARE = """
import importlib.util
import json
import sys

import numpy
import onnxruntime

for package in ("torch", "churn_torch", "pandas", "onnx", "pytorch_lightning"):
    assert importlib.util.find_spec(package) is None, f"{package} is here: not bare"
DTYPES = {"tensor(float)": numpy.float32, "tensor(double)": numpy.float64, "tensor(string)": object}
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options)
asked = json.load(open(sys.argv[2], encoding="utf-8"))
answered = {}
for name, columns in asked.items():
    feed = {
        i.name: numpy.array(columns[i.name], dtype=DTYPES[i.type]).reshape(-1, 1)
        for i in session.get_inputs()
    }
    outputs = [o.name for o in session.get_outputs()]
    results = session.run(outputs, feed)
    answered[name] = {o: result.tolist() for o, result in zip(outputs, results)}
json.dump(answered, sys.stdout)
"""


def pinned(package: str) -> str:
    """The line of constraints.txt that pins a package."""
    (line,) = (
        line
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line.startswith(f"{package}==")
    )
    return line


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment that holds onnxruntime and NumPy only."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder)  # this environment's pip fills it
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    packages = [pinned("onnxruntime"), pinned("numpy")]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-compile"),
            *("-c", ROOT / "constraints.txt", *packages),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lacking(f"pip cannot install {' and '.join(packages)}: {done.stderr[-500:]}")
    return python


@pytest.mark.parametrize("name", ["telco logreg", "customers logreg", "customers mlp"])
def test_onnxruntime_and_numpy_are_enough(
    name: str,
    run_of: Callable[[str], Run],
    bare_python: Path,
    customers: pd.DataFrame,
    tmp_path: Path,
):
    run = run_of(name)
    asked = feeds(run, customers, 1000)
    (tmp_path / "bare.py").write_text(BARE, encoding="utf-8")
    (tmp_path / "asked.json").write_text(
        json.dumps(
            {k: {c: a.ravel().tolist() for c, a in feed.items()} for k, feed in asked.items()}
        ),
        encoding="utf-8",
    )
    done = subprocess.run(
        [bare_python, "-I", "bare.py", run.model.resolve(), "asked.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answered = json.loads(done.stdout)
    for kind, feed in asked.items():
        ours = answers(run.model, feed)
        assert list(answered[kind]) == list(ours) == [name for name in TOLERANCE if name in ours]
        for output, values in ours.items():
            there = np.array(answered[kind][output], dtype=values.dtype).reshape(values.shape)
            np.testing.assert_array_equal(there, values, err_msg=f"{kind}: {output}")


# The ONNX standard, and its own evaluator


@pytest.mark.parametrize("name", RUNS)
def test_the_file_keeps_to_the_standard(name: str, run_of: Callable[[str], Run]):
    run = run_of(name)
    onnx.checker.check_model(str(run.model), full_check=True)
    model = onnx.load(run.model)
    inferred = onnx.shape_inference.infer_shapes(
        model, check_type=True, strict_mode=True, data_prop=True
    )
    assert shapes(inferred.graph.output) == shapes(model.graph.output)
    n_inputs = len(model.graph.input)
    expected = {
        PROBABILITY: ["N"],
        DECISION: ["N"],
        REASONS: ["N", n_inputs],
        QUALITY: ["N", n_inputs],
        UPLIFT: ["N"],
        SURVIVAL: ["N", 0 if run.scorer.hazard is None else run.scorer.hazard.n_periods],
        MEDIAN_PERIODS: ["N"],
    }
    for output, shape in shapes(model.graph.output).items():
        assert shape == expected[output]
    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx", "ai.onnx.ml"}
    assert {opset.domain for opset in model.opset_import} <= {"", "ai.onnx", "ai.onnx.ml"}
    assert not model.functions


def shapes(values: Any) -> dict[str, list[Any]]:
    return {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in values
    }


@pytest.mark.parametrize("name", RUNS)
def test_nothing_of_this_machine_is_in_the_file(name: str, run_of: Callable[[str], Run]):
    run = run_of(name)
    content = run.model.read_bytes()
    traces = {str(ROOT), str(run.folder), sys.prefix, sys.base_prefix, str(Path.home()), ".py"}
    for trace in traces - {"/"}:
        assert trace.encode() not in content, trace


@pytest.mark.parametrize("name", RUNS)
def test_the_reference_evaluator_agrees(
    name: str, run_of: Callable[[str], Run], customers: pd.DataFrame
):
    run = run_of(name)
    evaluator = ReferenceEvaluator(str(run.model))
    for kind, feed in feeds(run, customers, N_ROWS).items():
        with np.errstate(all="ignore"):  # infinities are subtracted before they count as missing
            got = dict(zip(evaluator.output_names, evaluator.run(None, feed), strict=True))
        agree(got, answers(run.model, feed), kind)

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest
from onnxruntime.capi import onnxruntime_pybind11_state

import churn_torch
from churn_torch import sklearn as estimator
from churn_torch.cli import compose as composing
from churn_torch.workflows import cross_validate as crossvalidation
from churn_torch.workflows import train as pipeline
from churn_torch.workflows.runs import run_folder as runs


def test_version_is_the_installed_one():
    assert churn_torch.__version__ == importlib.metadata.version("churn-torch")


def test_the_package_imports_nothing_heavy():
    code = "import churn_torch, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "churn_torch" in loaded
    assert loaded.isdisjoint(
        {"torch", "pytorch_lightning", "pandas", "numpy", "churn_torch.workflows.runs.run_folder"}
    )


def test_onnxruntime_reports_nothing():
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
    # What onnxruntime no longer reads under this name switches nothing off.
    assert b"ORT_DISABLE_TELEMETRY" in Path(onnxruntime_pybind11_state.__file__).read_bytes()


def test_public_names_are_those_of_their_modules():
    assert churn_torch.ChurnClassifier is estimator.ChurnClassifier
    assert churn_torch.compose is composing.compose
    assert churn_torch.cross_validate is crossvalidation.cross_validate
    assert churn_torch.load_run is runs.load_run
    assert churn_torch.train is pipeline.train
    assert all(hasattr(churn_torch, name) for name in churn_torch.__all__)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"module 'churn_torch' has no attribute 'lode_run'"):
        churn_torch.lode_run  # noqa: B018

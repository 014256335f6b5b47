"""What a file says of itself is true, and enough to use it with nothing else at hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pandas as pd
import pytest

import churn_torch
from churn_torch.export.typical_customer import training_defaults
from churn_torch.serving.model_file import ModelFile
from churn_torch.serving.outputs import DECISION, PROBABILITY, REASONS
from churn_torch.workflows.runs.run_folder import Run


@pytest.fixture(scope="module")
def run(
    train_run: Callable[..., Run],
    customers_csv: Path,
    table_keys: tuple[str, ...],
    tmp_path_factory: pytest.TempPathFactory,
) -> Run:
    """Return a run whose numbers all matter: calibrated, its threshold chosen, split by time."""
    folder = tmp_path_factory.mktemp("metadata") / "run"
    return train_run(
        folder, *table_keys, f"data.source={customers_csv}", "optimizer=newton",
        "calibration=platt", "threshold=f1", "data.split.by=time", "data.split.column=joined",
    )  # fmt: skip


@pytest.fixture(scope="module")
def file(run: Run) -> ModelFile:
    return ModelFile(run.model)


@pytest.fixture
def learned(customers: pd.DataFrame, run: Run) -> pd.DataFrame:
    """The training rows: the oldest."""
    newest = pd.Timestamp(run.metrics["data"]["last_time"])
    rows = customers[customers["joined"] <= newest]
    assert len(rows) == run.metrics["data"]["n_train"]
    return rows


def test_columns_are_the_inputs_with_what_the_training_rows_showed(
    file: ModelFile, run: Run, learned: pd.DataFrame
):
    assert [column["name"] for column in file.columns] == file.names
    types = {"float32": "tensor(float)", "float64": "tensor(double)", "string": "tensor(string)"}
    defaults = training_defaults(run.scorer.preprocess, run.schema)
    for column, value in zip(file.columns, file.session.get_inputs(), strict=True):
        cells = learned[column["name"]]
        assert types[column["type"]] == value.type
        assert column["has_missing"] == cells.isna().any()
        if column["type"] == "string":
            assert sorted(column["vocabulary"]) == sorted(cells.dropna().unique())
            assert column["minimum"] is column["maximum"] is None
            assert column["typical"] in column["vocabulary"]
            assert defaults[column["name"]] == cells.mode()[0]
        else:
            assert column["vocabulary"] is None
            assert [column["minimum"], column["maximum"]] == [cells.min(), cells.max()]
            assert cells.min() <= column["typical"] <= cells.max()
            assert defaults[column["name"]] == pytest.approx(cells.median())
    assert {column["name"]: column["kind"] for column in file.columns} == {
        "plan": "categorical", "cat": "categorical", "is member": "boolean", "add": "numeric",
        "Größe/Call  Failure": "numeric",
    }  # fmt: skip


def test_training_says_when_on_what_and_from_when_to_when(
    file: ModelFile, run: Run, learned: pd.DataFrame
):
    training = file.metadata["training"]
    joined = learned["joined"]
    assert training["first_time"] == f"{joined.min():%Y-%m-%d}"
    assert training["last_time"] == f"{joined.max():%Y-%m-%d}"
    assert sum(training[f"n_{part}"] for part in ("train", "validation", "test")) == 400
    assert file.metadata["base_rate"] == pytest.approx((learned["churned"] == "yes").mean())
    for day in (training["date"], file.metadata["parity"]["date"]):
        assert date.fromisoformat(day) >= date.today() - timedelta(days=2)
    assert file.metadata["data_fingerprint"] == run.metrics["data"]["fingerprint"]
    assert file.metadata["churn_torch_version"] == churn_torch.__version__
    test = file.metadata["metrics"]["test"]
    low, high = test["intervals"]["auroc"]
    assert low <= test["auroc"] <= high
    assert test["threshold"] == file.threshold == run.threshold


def test_a_stranger_can_work_out_the_probability_from_the_reasons(
    file: ModelFile, customers: pd.DataFrame
):
    """By the base, the reasons and the numbers of the calibration, as the metadata have them."""
    answers = file.run(file.feed(customers))
    reasons, calibration = file.metadata["reasons"], file.metadata["calibration"]
    assert (reasons["unit"], reasons["method"]) == ("log-odds", "exact")
    assert reasons["baseline"] == "the mean training row"
    logit = reasons["base"] + answers[REASONS].sum(1)
    assert calibration["method"] == "platt"
    numbers = [calibration["slope"], calibration["intercept"]]
    probability = 1 / (1 + np.exp(-(numbers[0] * logit + numbers[1])))
    np.testing.assert_allclose(answers[PROBABILITY], probability, atol=1e-6)
    np.testing.assert_array_equal(answers[DECISION], answers[PROBABILITY] >= file.threshold)


def test_the_entries_are_text_that_any_reader_of_json_takes(run: Run):
    stored = ort.InferenceSession(run.model).get_modelmeta().custom_metadata_map
    assert all(isinstance(value, str) for value in stored.values())
    assert "NaN" not in stored["metrics"] + stored["columns"] + stored["parity"]

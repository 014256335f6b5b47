"""Run folders are read for a comparison, or refused; a stranger's folder stays data."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn_torch.errors import InputError
from churn_torch.workflows.compare import compare_runs
from churn_torch.workflows.runs import tested_runs
from churn_torch.workflows.runs.tested_runs import read_tested_runs
from tests.workflows.made_runs import made_rows, made_run


@pytest.fixture
def good(tmp_path: Path) -> str:
    return made_run(tmp_path / "good", made_rows(1))


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return Path(made_run(tmp_path / "other", made_rows(2)))


def refused(good: str, other: Path, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_tested_runs([good, str(other)])


def test_a_run_alone_is_refused(good) -> None:
    with pytest.raises(InputError, match=r"^runs: expected two or more .*, got only '.*good'"):
        read_tested_runs([good])
    with pytest.raises(InputError, match=r"got none; name them"):
        read_tested_runs([])


def test_a_run_against_itself_is_refused(good, tmp_path) -> None:
    refused(good, Path(good), "^runs: expected different runs, got '.*good' twice")
    (tmp_path / "latest").symlink_to(good)
    refused(good, tmp_path / "latest", "good' and '.*latest', which is the same run")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("metrics.json", "^runs: expected a finished run in '.*other', got one without metrics"),
        ("predictions.parquet", "got one without predictions.parquet; train again"),
        ("config.yaml", r"^runs: expected a run folder with config\.yaml"),
    ],
)
def test_a_run_without_a_file_is_refused(good, other, name: str, message: str) -> None:
    (other / name).unlink()
    refused(good, other, message)


@pytest.mark.parametrize("name", ["metrics.json", "predictions.parquet", "config.yaml"])
@pytest.mark.parametrize("content", [b"", b"[1, 2]", b"\xff\x00PAR1", b'{"data": 1}'])
def test_a_damaged_file_is_refused(good, other, name: str, content: bytes) -> None:
    (other / name).write_bytes(content)
    refused(good, other, "^runs: expected whole files in '.*other', got damaged ones")


@pytest.mark.parametrize(
    ("column", "value"),
    [("label", 2), ("label", "yes"), ("churn_probability", np.nan), ("churn_probability", 1.5)],
)
def test_what_is_no_label_or_probability_is_refused(good, other, column, value) -> None:
    made_rows(2).assign(**{column: value}).to_parquet(other / "predictions.parquet")
    refused(good, other, "got damaged ones")


def test_predictions_without_a_name_of_rows_are_refused(good, other) -> None:
    made_rows(2).drop(columns="row").to_parquet(other / "predictions.parquet")
    refused(good, other, "got damaged ones")


def test_a_model_of_uplift_is_refused(good, tmp_path) -> None:
    uplift = made_run(tmp_path / "uplift", made_rows(2), metrics={"uplift": {}})
    refused(good, Path(uplift), "expected models of churn, got a model of uplift in")


def test_a_folder_that_is_not_there_is_refused(good, tmp_path) -> None:
    refused(good, tmp_path / "goof", "^runs: expected a run folder, got '.*goof', which is not")


def test_a_stranger_sees_nothing_and_shows_nothing(good, tmp_path, monkeypatch) -> None:
    """References are not resolved, classes not imported, and a terminal takes no orders."""
    monkeypatch.setenv("SECRET", "the secret")
    stranger = made_run(
        tmp_path / "stranger", made_rows(2), model="mlp.MLP",
        optimizer__lr="${oc.env:SECRET}\x1b[2J", model___target_="os.system.mlp.MLP",
    )  # fmt: skip
    found = compare_runs([good, stranger])
    assert "the secret" not in json.dumps(found.names)
    assert all(letter.isprintable() for name in found.names for letter in name)
    assert "the secret" in os.environ.values()


def test_rows_are_read_as_numbers(good, other) -> None:
    first, second = read_tested_runs([good, str(other)])
    expected = made_rows(2)
    np.testing.assert_array_equal(second.probability, expected["churn_probability"])
    pd.testing.assert_frame_equal(first.rows, expected[["row"]])
    assert second.threshold == 0.5


def test_few_bytes_that_say_they_are_many_rows_are_refused(good, other, monkeypatch) -> None:
    monkeypatch.setattr(tested_runs, "MOST_ROWS", 1000)
    rows = pa.table({name: pa.repeat(0, 10**6) for name in ("row", "label", "churn_probability")})
    pq.write_table(rows, other / "predictions.parquet")
    refused(good, other, r"predictions\.parquet has 1,000,000 rows in [\d,]+ bytes")


def test_columns_of_one_name_are_refused(good, other) -> None:
    table = pq.read_table(other / "predictions.parquet")
    pq.write_table(table.append_column("label", table["label"]), other / "predictions.parquet")
    refused(good, other, r"predictions\.parquet has columns of one name")


def test_predictions_without_rows_are_refused(good, other) -> None:
    made_rows(2).head(0).to_parquet(other / "predictions.parquet")
    refused(good, other, r"expected rows in '.*predictions\.parquet', got none; train with")

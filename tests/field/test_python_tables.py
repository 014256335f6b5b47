"""Tables as Python code holds them, through every workflow that takes one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

from churn_torch.cli.compose import compose
from churn_torch.errors import InputError
from churn_torch.serving.model_file import ModelFile
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.tables.options import DataOptions
from churn_torch.tables.schema import Kind
from churn_torch.workflows.cross_validate import cross_validate
from churn_torch.workflows.evaluate import evaluate
from churn_torch.workflows.export import export
from churn_torch.workflows.score import score
from churn_torch.workflows.train import train

KINDS = {
    "polars": pl.from_pandas,
    "lazy polars": lambda table: pl.from_pandas(table).lazy(),
    "Arrow": pa.Table.from_pandas,
    "Arrow stream": lambda table: pa.Table.from_pandas(table).to_reader(),
    "Arrow dtypes": lambda table: table.convert_dtypes(dtype_backend="pyarrow"),
    "nullable": lambda table: table.convert_dtypes(),
    "records": lambda table: table.to_dict("records"),
    "columns": lambda table: table.to_dict("list"),
    "categories": lambda table: table.astype(dict.fromkeys(["plan", "cat"], "category")),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_reads_the_same_table(customers, kind):
    """Its columns, rows and split are those of the DataFrame."""
    data = DataOptions(target="churned", id="customer id", ignore=["household"])
    plain = read_labelled(data, seed=0, source=customers)
    other = read_labelled(data, seed=0, source=KINDS[kind](customers))
    assert [(c.name, c.kind, c.note) for c in other.schema.columns] == [
        (c.name, c.kind, c.note) for c in plain.schema.columns
    ]
    pd.testing.assert_frame_equal(other.parsed, plain.parsed)
    assert np.array_equal(other.label, plain.label)
    assert all(map(np.array_equal, other.split, plain.split))


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_predicts_for_the_same_rows(customers_run, customers, kind):
    expected = customers_run.predict_proba(customers)
    rows = KINDS[kind](customers.drop(columns="churned"))
    np.testing.assert_array_equal(customers_run.predict_proba(rows), expected)


def test_reasons_and_the_file_take_them_too(customers_run, customers):
    rows, few = customers.drop(columns="churned").head(5), [3, 3, 7, 8, 9]
    expected = customers_run.reasons(rows)
    pd.testing.assert_frame_equal(customers_run.reasons(pl.from_pandas(rows)), expected)
    odd = customers_run.reasons(rows.set_axis(few))
    assert odd.index.tolist() == few
    file = ModelFile(customers_run.model)
    of_polars, of_pandas = (file.feed(t) for t in (pl.from_pandas(rows), rows))
    assert all(np.array_equal(of_polars[name], of_pandas[name]) for name in file.names)


def test_one_row_and_an_array(customers_run, customers):
    rows = customers.drop(columns="churned")
    expected = customers_run.predict_proba(customers)
    assert customers_run.predict_proba(rows.iloc[2]).tolist() == [expected[2]]
    assert customers_run.predict_proba(rows.iloc[2].to_dict()).tolist() == [expected[2]]
    with pytest.warns(UserWarning, match="taken by position"):
        np.testing.assert_array_equal(customers_run.predict_proba(rows.to_numpy()), expected)
    with pytest.raises(InputError, match=r"^rows: expected rows of 8 columns .* of shape 400 x 3"):
        customers_run.predict_proba(rows.to_numpy()[:, :3])
    with pytest.raises(InputError, match=r"^rows: expected a table.*got a polars Series"):
        customers_run.predict_proba(pl.Series([1.0]))


def test_score_evaluate_and_export_take_a_source(customers_run, customers, tmp_path, capsys):
    run, table = f"run={customers_run.folder}", pl.from_pandas(customers)
    out = tmp_path / "scores.parquet"
    assert score(compose("score", [run, f"out={out}"]), source=table) == len(customers)
    np.testing.assert_allclose(
        pd.read_parquet(out)["churn_probability"],
        customers_run.predict_proba(customers),
        atol=1e-6,
    )
    evaluate(compose("evaluate", [run]), source=table)
    assert re.search(r"rows +│ +400 ", capsys.readouterr().out)
    path = export(compose("export", [run, f"out={tmp_path / 'model.onnx'}"]), source=table)
    assert path.exists()
    with pytest.raises(InputError, match=r"^data\.source: expected a table, got nothing"):
        train(compose("train", ["data=table", "data.target=y"]), tmp_path / "run")
    with pytest.raises(InputError, match=r"^source: expected a table .*, got an int"):
        train(compose("train", ["data=table", "data.target=y"]), tmp_path / "run", source=3)
    assert not (tmp_path / "run").exists()


def test_a_training_leaves_random_numbers_alone(customers, table_keys, tmp_path, without_export):
    keys = [*table_keys, "optimizer=newton", "cv.folds=2", f"outputs={tmp_path}"]
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    numpy_before, torch_before = np.random.get_state()[1], torch.get_rng_state()  # noqa: NPY002
    cross_validate(compose("train", keys), tmp_path / "run", source=pl.from_pandas(customers))
    assert np.array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_before)
    assert json.loads(Path(tmp_path / "run" / "metrics.json").read_text())["folds"]


def test_dates_beside_words_are_dates() -> None:
    """What pandas makes of a workbook's column of dates with a word between them."""
    days = [pd.Timestamp("2020-01-01") + pd.Timedelta(days=i) for i in range(58)]
    rows = {"day": [*days, "n/a", None], "y": ["yes", "no"] * 30}
    table = read_labelled(DataOptions(target="y"), seed=0, source=pd.DataFrame(rows))
    assert table.schema["day"].kind is Kind.DATETIME
    assert table.parsed["day"].isna().sum() == 2
    assert table.parsed["day"].iloc[0] == 18_262.0

"""The typical customer has about the base rate, and is nobody."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from churn_torch import samples
from churn_torch.export import typical_customer as module
from churn_torch.export.typical_customer import N_NEIGHBOURS, training_defaults, typical_customer
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.serving.model_file import ModelFile
from churn_torch.serving.outputs import PROBABILITY, QUALITY
from churn_torch.tables.encode import encode, parse
from churn_torch.tables.schema import Column, Kind, Storage
from churn_torch.workflows.runs.run_folder import Run


def stored(run: Run) -> tuple[ModelFile, dict[str, Any]]:
    file = ModelFile(run.model)
    return file, {column["name"]: column["typical"] for column in file.columns}


def answer(file: ModelFile, row: dict[str, Any]) -> dict[str, Any]:
    types = {"string": object, "float32": np.float32, "float64": np.float64}
    feed = {c["name"]: np.array([[row[c["name"]]]], types[c["type"]]) for c in file.columns}
    return {name: values[0] for name, values in file.run(feed).items()}


@pytest.mark.parametrize("name", ["telco_run", "customers_run"])
def test_its_probability_is_about_the_base_rate(name: str, request: pytest.FixtureRequest):
    run: Run = request.getfixturevalue(name)
    file, row = stored(run)
    answered = answer(file, row)
    assert answered[PROBABILITY] == pytest.approx(file.metadata["base_rate"], abs=0.03)
    assert not answered[QUALITY].any()  # nothing is missing, unseen or out of range
    assert run.metrics["typical_customer"] == row


@pytest.mark.parametrize("name", ["telco_run", "customers_run"])
def test_it_is_no_row_of_the_table(
    name: str, request: pytest.FixtureRequest, customers: pd.DataFrame
):
    run: Run = request.getfixturevalue(name)
    table = pd.read_parquet(samples.path("telco")) if name == "telco_run" else customers
    row = stored(run)[1]
    parsed = parse(table, run.schema)[list(row)]
    assert not (parsed == pd.Series(row)).all(axis=1).any()


def test_medians_of_all_columns_would_not_do(telco_run: Run):
    file = ModelFile(telco_run.model)
    row = training_defaults(telco_run.scorer.preprocess, telco_run.schema)
    assert abs(answer(file, row)[PROBABILITY] - file.metadata["base_rate"]) > 0.1


def test_few_rows_are_not_summarised(customers_run: Run, customers: pd.DataFrame):
    """A summary of few rows could be one of them."""
    scorer, schema = customers_run.scorer, customers_run.schema
    defaults = training_defaults(scorer.preprocess, schema)
    few, enough = (parse(customers.head(n), schema) for n in (N_NEIGHBOURS - 1, N_NEIGHBOURS))
    assert typical_customer(scorer, schema, few, 0.5) == defaults
    assert typical_customer(scorer, schema, enough, 0.5) != defaults


def test_columns_without_known_cells_get_the_defaults(customers_run: Run, customers: pd.DataFrame):
    scorer, schema = customers_run.scorer, customers_run.schema
    parsed = parse(customers, schema).assign(add=np.inf, plan="never seen")
    row = typical_customer(scorer, schema, parsed, 0.5)
    defaults = training_defaults(scorer.preprocess, schema)
    assert (row["add"], row["plan"]) == (defaults["add"], defaults["plan"])
    assert list(row) == list(scorer.preprocess.columns)
    assert scorer.score(Columns.from_arrays(encode(pd.DataFrame([row]), schema))).isfinite().all()


@pytest.mark.parametrize(
    ("values", "kind", "median", "expected"),
    [
        (np.arange(100.0), Kind.NUMERIC, 33.0, 33.0),
        (np.arange(100.0), Kind.NUMERIC, 33.4, 33.0),
        (np.arange(8_000.0), Kind.NUMERIC, 1_234.0, 1_200.0),
        (np.linspace(18, 118, 999), Kind.NUMERIC, 70.35, 70.0),
        (np.linspace(0, 1e-6, 999), Kind.NUMERIC, 1.2345e-7, 1.2e-7),
        (1.7e9 + np.arange(9_000.0), Kind.NUMERIC, 1_700_001_234.0, 1_700_001_200.0),
        (np.arange(18_000.0, 19_500.0), Kind.DATETIME, 18_911.0, 18_910.0),
        (np.array([0.0, 1.0]), Kind.BOOLEAN, 0.5, 0.0),
        (np.full(30, 2.5), Kind.NUMERIC, 2.5, 2.0),
        (np.array([]), Kind.NUMERIC, 7.0, 7.0),
    ],
)
def test_numbers_are_rounded(values: np.ndarray, kind: Kind, median: float, expected: float):
    column = Column("x", kind, Storage.NUMBER)
    digits = module._digits(values, column)
    assert module._rounded(median, digits, column) == pytest.approx(expected, rel=1e-12)


def test_rounding_stays_in_the_training_range():
    column = Column("x", Kind.NUMERIC, Storage.NUMBER, minimum=12.0, maximum=48.0)
    assert [module._rounded(x, -1, column) for x in (12.0, 31.0, 47.0)] == [12.0, 30.0, 48.0]

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from churn_torch.errors import InputError
from churn_torch.explanation.coefficients import Coefficients
from churn_torch.workflows.configuration.explain_options import ExplainOptions
from churn_torch.workflows.explanation import explain_factors as workflow
from churn_torch.workflows.explanation.explain_factors import explain_factors


@pytest.fixture
def options(customers_run) -> ExplainOptions:
    return ExplainOptions(run=str(customers_run.folder))


def test_the_runs_own_test_rows(options, customers_run, tmp_path, capsys):
    out = tmp_path / "deep" / "factors.json"
    found = explain_factors(replace(options, out=str(out)))
    said = capsys.readouterr().out
    n = customers_run.metrics["test"]["n"]
    assert f"What drives churn, by {n} rows that the model has not learned from:" in said
    for heading in ("Importance:", "Effects:", "Association with churn"):
        assert heading in said
    assert str(out) in said.replace("\n", "")
    content = json.loads(out.read_text())
    assert list(content) == ["importance", "effects", "pairs", "associations", "coefficients"]
    assert content["importance"][0]["log_loss_rise"] == found.importance[0].log_loss_rise


def test_numbers_that_are_not_defined_are_null(options, tmp_path, monkeypatch):
    undefined = Coefficients((), "Penalised.", (), None, {"plan": math.nan})
    monkeypatch.setattr(workflow, "coefficients_of", lambda run, robust: undefined)
    out = tmp_path / "factors.json"
    explain_factors(replace(options, out=str(out)))
    content = json.loads(out.read_text())["coefficients"]
    assert content["condition_number"] is None
    assert content["inflation"] == {"plan": None}


def test_a_lone_file_explains_new_labelled_rows(customers_run, customers, tmp_path, capsys):
    path = tmp_path / "model.onnx"
    shutil.copy(customers_run.model, path)
    new = customers.iloc[:150].copy()
    new.loc[[0, 1], "churned"] = None
    explain_factors(ExplainOptions(run=str(path)), source=new)
    said = capsys.readouterr().out
    assert "2 rows without a label are left out." in said
    assert "What drives churn, by 148 rows" in said


def test_a_lone_file_without_rows(customers_run):
    with pytest.raises(InputError, match=r"source: expected labelled rows beside an ONNX file"):
        explain_factors(ExplainOptions(run=str(customers_run.model)))


def test_rows_without_the_target(options, customers):
    with pytest.raises(InputError, match="churned"):
        explain_factors(options, source=customers.drop(columns="churned"))


def test_rows_of_one_class(options, customers):
    stayed = customers[customers["churned"] == "no"]
    with pytest.raises(InputError, match=r"rows of both classes, got 0 churners"):
        explain_factors(options, source=stayed)


def test_no_rows(options, customers):
    with pytest.raises(InputError, match=r"source: expected labelled rows, got none"):
        explain_factors(options, source=customers.iloc[:0])


def test_no_run_of_that_name(tmp_path: Path):
    with pytest.raises(InputError, match="run: expected a run folder or an ONNX file"):
        explain_factors(ExplainOptions(run=str(tmp_path / "nothing")))

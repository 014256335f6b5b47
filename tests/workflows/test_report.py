"""The report of a run: written by a training, by the command, and of runs side by side."""

from __future__ import annotations

import html
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.workflows import report as workflow
from churn_torch.workflows.report import report
from tests.composing import composed
from tests.report.made_report import made_measured
from tests.workflows.made_runs import made_rows, made_run

# What made runs leave in metrics.json; it is not that of their rows.
_METRICS = {"test": made_measured().metrics["test"]}


def text_of(page: Path) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.read_text())).split())


def test_a_training_writes_the_report(telco_run):
    page = telco_run.folder / "report.html"
    assert page.stat().st_size < 500_000
    text = text_of(page)
    test = telco_run.metrics["test"]
    assert f"AUROC {test['auroc']:.4f}" in text
    for said in (
        "Churn model: logreg",
        "When not to use this model",
        "contract, One year against Month-to-month, multiplies the odds of churn by 0.48",
        "The customer leaves with a probability of",
    ):
        assert said in text


def test_the_command_writes_what_the_training_wrote(telco_run, tmp_path, capfd):
    out = tmp_path / "new" / "again.html"
    assert report(composed("report", [f"run={telco_run.folder}", f"out={out}"])) == out
    assert f"Report: {out}" in capfd.readouterr().out.replace("\n", "")
    assert out.read_text() == (telco_run.folder / "report.html").read_text()


def test_a_table_of_dates_missing_cells_and_an_id(customers_run, tmp_path):
    out = tmp_path / "report.html"
    report(composed("report", [f"run={customers_run.folder}", f"out={out}"]))
    text = text_of(out)
    assert re.search(r"joined 20\d\d-\d\d-\d\d x", text)  # of the customer, or the chart's dates
    assert "C-0" not in text  # the example has no name
    assert "Where it is missing" in text


def test_runs_side_by_side_show_what_both_need(telco_run, tmp_path):
    again = tmp_path / "again"
    shutil.copytree(telco_run.folder, again)
    out = tmp_path / "both.html"
    report(composed("report", [f"runs=[{telco_run.folder},{again}]", f"out={out}"]))
    text = text_of(out)
    assert "could not be measured" not in text
    first, second = re.findall(r"(0\.\d{4}) 0\.\d{4} to 0\.\d{4}", text.split("column and run")[1])[
        :2
    ]
    assert first == second  # the same model on the same rows
    assert re.search(r"contract One year against Month-to-month (0.48 \[\S+ to \S+\]) \1", text)


def test_runs_side_by_side_do_without_the_factors_of_one_that_cannot_be_read(tmp_path, monkeypatch):
    runs = [
        made_run(tmp_path / "a", made_rows(1), model="linear.Linear", metrics=_METRICS),
        made_run(tmp_path / "b", made_rows(2), metrics=_METRICS, optimizer__lr=0.1),
    ]
    monkeypatch.chdir(tmp_path)
    out = report(composed("report", [f"runs=[{','.join(runs)}]"]))
    assert out == Path("report.html")
    text = text_of(out)
    assert "Churn models: logreg, mlp" in text
    assert "No real difference between mlp and logreg" in text
    assert "optimizer.lr 0.01 0.1" in text
    assert text.count("could not be measured") == 2


def test_bad_input_is_one_sentence_and_writes_nothing(telco_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs = [made_run(tmp_path / name, made_rows(1), metrics=_METRICS) for name in "abcde"]
    other = made_run(tmp_path / "other", made_rows(1).assign(row=range(120)), metrics=_METRICS)
    bare = made_run(tmp_path / "bare", made_rows(1))
    unfinished = tmp_path / "unfinished"
    shutil.copytree(telco_run.folder, unfinished)
    (unfinished / "metrics.json").unlink()
    for keys, said in (
        ([f"runs=[{','.join(runs)}]"], "expected two to 4 run folders"),
        ([f"runs=[{runs[0]}]"], "two or more"),
        ([f"runs=[{runs[0]},{bare}]"], "bare.*metrics.json: test is not there"),
        ([f"runs=[{runs[0]},{other}]"], "same"),
        ([f"run={telco_run.folder}", "out=report.pdf"], "an .html file"),
        (["run=nowhere"], "nowhere"),
        ([f"run={unfinished}"], "finish"),
    ):
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(InputError, match=said):
            report(composed("report", keys))
        assert sorted(tmp_path.rglob("*")) == before


def test_a_mean_of_folds_has_no_report(customers_run, monkeypatch):
    cv = replace(customers_run.options.cv, average=True)
    run = replace(customers_run, options=replace(customers_run.options, cv=cv), metrics={})
    monkeypatch.setattr(workflow, "load_run", lambda *a, **k: run)
    with pytest.raises(InputError, match=r"^run: .* mean of a cross-validation, .*metrics.json.$"):
        report({"run": str(run.folder)})


def test_a_table_that_has_changed_is_refused(train_run, customers, table_keys, tmp_path):
    table = tmp_path / "customers.csv"
    customers.to_csv(table, index=False)
    run = train_run(tmp_path / "outputs" / "run", *table_keys, f"data.source={table}", "debug=fast")
    pd.concat([customers, customers.head(3)]).to_csv(table, index=False)
    with pytest.raises(InputError, match="the source has changed; train again"):
        report(composed("report", [f"run={run.folder}"]))
    assert not (run.folder / "report.html").exists()


def test_a_table_in_memory_is_reported_on_by_its_training(
    train_run, customers, table_keys, tmp_path
):
    run = train_run(
        tmp_path / "outputs" / "run", *table_keys, "debug=fast", "report=true", source=customers
    )
    assert "a table in memory" in text_of(run.folder / "report.html")

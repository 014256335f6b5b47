from __future__ import annotations

from dataclasses import replace

from churn_torch.report.pages.report_sections.training import choices, configuration, training
from tests.report.made_report import made_report


def test_curves_of_a_fit_with_epochs_only():
    assert "<svg" in "".join(training(made_report()))
    fit = made_report().run.metrics["fit"]
    one = {**fit, "history": fit["history"][:1]}
    assert "<svg" not in "".join(training(made_report({"fit": one})))


def test_choices_as_the_command_line_takes_them():
    config = {"seed": 0, "data": {"source": "a.csv", "carry": []}, "cv": {"folds": None}}
    assert list(choices(config)) == [
        "seed=0", "data.source=a.csv", "data.carry=[]", "cv.folds=null",
    ]  # fmt: skip


def test_the_choices_show_no_password_of_an_address():
    report = made_report()
    source = {"source": "https://me:secret@host/t.csv"}
    report = replace(report, run=replace(report.run, choices={"data": source}))
    assert "data.source=https://***@host/t.csv" in "".join(configuration(report))

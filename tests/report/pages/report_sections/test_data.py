from __future__ import annotations

import html
import re
from dataclasses import replace

from churn_torch.report.pages.report_sections.data import data
from tests.report.made_report import made_measured, made_report


def said(report) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", "".join(data(report)))).split())


def test_rows_and_columns():
    text = said(made_report())
    assert "2,000 customers" in text
    assert "3 rows have no label and are left out" in text
    assert "months numeric 10.0% 60" in text


def test_what_looks_wrong():
    assert "no sign of leakage was found" in said(made_report())
    suspicion = {"kind": "name", "columns": ["reason"], "sentence": "reason may be known later."}
    assert "reason may be known later." in said(made_report({"suspicions": [suspicion]}))
    run = made_measured()
    ignored = made_report(run=replace(run, choices={**run.choices, "leakage": "ignore"}))
    assert "Not looked for (leakage=ignore)" in said(ignored)

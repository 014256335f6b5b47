"""The report of a run, and of runs side by side, as a page that needs no other file."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from churn_torch.evaluation.model_comparison.comparison import comparison
from churn_torch.evaluation.model_comparison.paired_metrics import Estimates
from churn_torch.report.pages.model_report import RunsReport
from churn_torch.report.pages.report_page import report_page, runs_page, survival_report_page
from churn_torch.report.pages.report_sections.factors import factors_side_by_side
from tests.report.made_report import (
    made_measured,
    made_report,
    made_run_factors,
    made_survival_report,
)
from tests.report.test_comparison import made

SECTIONS = [
    "verdict", "data", "metrics", "ranking", "calibration", "distribution", "factors", "customer",
    "segments", "fairness", "limits", "training", "configuration",
]  # fmt: skip

SURVIVAL_SECTIONS = [
    "verdict", "data", "metrics", "stay", "risk", "calibration", "periods", "factors", "customer",
    "limits", "training", "configuration",
]  # fmt: skip


def text_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_every_section_stands_once_in_order_and_is_linked():
    page = report_page(made_report())
    assert re.findall(r"<section id=(\w+)", page) == SECTIONS
    assert re.findall(r"href='#(\w+)'", page) == SECTIONS
    with_offer = report_page(made_report(run=made_measured(offer=True)))
    assert "<section id=profit" in with_offer


def test_every_section_of_time_to_churn_stands_once_in_order_and_is_linked():
    page = survival_report_page(made_survival_report())
    assert re.findall(r"<section id=(\w+)", page) == SURVIVAL_SECTIONS
    assert re.findall(r"href='#(\w+)'", page) == SURVIVAL_SECTIONS
    assert "of whom it is known whether they left within the horizon" in text_of(page)


def test_the_page_asks_for_nothing():
    page = report_page(made_report(run=made_measured(offer=True)))

    addresses: list[str] = []

    class Addresses(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            addresses.extend(v or "" for name, v in attrs if name in ("href", "src", "srcset"))
            assert tag not in ("link", "img", "iframe", "object")

    Addresses().feed(page)
    assert addresses
    assert all(address.startswith("#") for address in addresses)
    assert "url(" not in page
    assert len(page) < 200_000


def test_names_and_cells_are_text():
    page = report_page(made_report(source="<script>alert(1)</script>"))
    for text in ("<b>basic", "<i>basic", "<script>alert"):
        assert text not in page
        assert html.escape(text) in page


def test_numbers_of_the_metrics_stand_in_the_page():
    report = made_report()
    test = report.run.metrics["test"]
    text = text_of(report_page(report))
    low, high = test["intervals"]["auroc"]
    assert f"AUROC {test['auroc']:.4f} {low:.4f} to {high:.4f} 0.5" in text
    assert f"or more: flagged {test['true_positives']} {test['false_positives']}" in text


def test_without_factors_the_page_says_why():
    report = made_report(factors=None, customer=None, no_factors="Factors could not be measured.")
    page = report_page(report)
    assert "Factors could not be measured." in page
    assert "<section id=customer" not in page


def test_runs_stand_side_by_side():
    runs = [made_measured("logreg", offer=True), made_measured("<mlp>", offer=True)]
    measured = Estimates("auroc", np.array([0.8, 0.801]), ((np.eye(2) * 1e-4, 1e9),))
    found = comparison([run.name for run in runs], [measured], "auroc", measured_on="99 rows")
    factors = made_run_factors()
    page = runs_page(RunsReport(runs, found, factors[:2], {"optimizer.lr": [0.1, 0.01]}))
    assert "<mlp>" not in page
    text = text_of(page)
    assert "No real difference between <mlp> and logreg" in text
    assert "optimizer.lr 0.1 0.01" in text
    assert page.count("Reliability of") >= 2
    assert "logreg, threshold 0.5: " in text
    assert "<mlp>, most profitable: 40% contacted, 12.50 a customer" in text


def test_factors_of_runs_stand_side_by_side():
    runs = [made_measured(name) for name in ("logreg", "mlp", "gone")]
    report = RunsReport(runs, made([0.41, 0.42, 0.43]), made_run_factors(), {})
    page = "".join(factors_side_by_side(report))
    text = text_of(page)
    assert "Factors of gone could not be measured: the source has changed." in text
    # The column that both need most, then the one that only the second was asked about.
    assert re.search(
        r"months \+ charges logreg 0.0500 \S+ to \S+ mlp 0.0500.* plan mlp 0.0200", text
    )
    # What one run alone compares has no line.
    assert "column compared logreg mlp months per unit 1.22 [1.11 to 1.35] 1.22 [" in text
    assert "charges per unit" not in text


@pytest.mark.parametrize("n_runs", [2, 4])
def test_each_run_has_a_line_of_its_own(n_runs):
    from churn_torch.report.pages.report_sections.curves import ranking

    page = "".join(ranking([made_measured(f"run {k}") for k in range(n_runs)]))
    for k in range(n_runs):
        assert page.count(f"run {k}") >= 4  # ROC, precision-recall, gains and lift

"""Every kind of page in a real browser, on a desktop, a phone, in the dark and on paper.

``PAGE_SHOTS=FOLDER`` keeps pictures of the pages.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from churn_torch.report.additive_pages import scorecard_page, shapes_page
from churn_torch.report.campaign_page import campaign_page
from churn_torch.report.charts import Axis, Bar, Line, Point, bar_chart, histogram, line_chart
from churn_torch.report.html_table import html_table
from churn_torch.report.model_report import RunsReport
from churn_torch.report.page_style import page_start, whole_page
from churn_torch.report.report_page import report_page, runs_page
from churn_torch.report.results_page import results_page
from churn_torch.report.survival_page import survival_page
from churn_torch.report.uplift_page import uplift_page
from tests.export.elsewhere import NODE, chromium, lacking
from tests.report.made_campaign import FIGURES, uncertain
from tests.report.made_fairness import made_fairness
from tests.report.made_report import made_measured, made_report, made_run_factors
from tests.report.made_survival import METRICS as LIFETIMES
from tests.report.made_terms import CURVE, TERMS
from tests.report.made_uplift import METRICS
from tests.report.test_campaign_results import results, row
from tests.report.test_comparison import made

Audit = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audit]:
    """Return a function from a page to what is wrong with it, in one browser.

    It may be given a name, under which pictures of the page are kept.
    """
    page = tmp_path_factory.mktemp("pages") / "page.html"
    if not (NODE / "node_modules" / "axe-core").is_dir():
        lacking(f"the Node packages are not installed: npm ci --prefix {NODE}")
    with chromium(Path(__file__).with_name("audit.mjs")) as ask:

        def look(text: str, name: str = "") -> dict[str, Any]:
            page.write_text(text, encoding="utf-8")
            kept = os.environ.get("PAGE_SHOTS") if name else None
            shots = str(Path(kept).resolve() / name) if kept else None
            return ask({"url": page.as_uri(), "shots": shots})

        yield look


def campaign() -> str:
    return campaign_page(replace(FIGURES, **uncertain()))


def measured() -> str:
    rows = [row(value=10), row("offer", "call", 20), row("decile", "1", math.nan)]
    balance = [{"name": "expected value", "treated": 1.0, "control": 1.1, "difference": -0.1}]
    return results_page(
        results(
            effects=[{**one, "expected_kept": 90.0} for one in rows],
            date="2026-12-29T12:00:00",
            campaign={"date": "2026-11-29"},
            randomisation={"balance": balance},
            warnings=["the groups differ"],
        )
    )


def report() -> str:
    fairness = made_fairness(sentences=("Seniors are flagged more often.",))
    return report_page(made_report({"fairness": [fairness]}, made_measured(offer=True)))


def every_chart() -> str:
    """Return a page with what the other pages do not have: wide tables, gaps, long names."""
    x = [k / 40 for k in range(41)]
    y = [math.nan if k == 20 else at**0.4 for k, at in enumerate(x)]
    share = Axis("Others who are warned", "{:.0%}".format, 0, 1, exact="{:.1%}".format)
    money = Axis("Net value", "{:,.0f}".format, include_zero=True)
    scores = [0.1, 0.2, 0.3, 0.4]
    wide = [["word " * 4] + ["1,234,567.89"] * 9]
    return whole_page(
        [
            page_start("Every chart", description="Of the tests."),
            line_chart(
                "Found", "Rises.", share, replace(share, label="Churners found"),
                [
                    Line("by chance", [0, 1], [0, 1], kind="reference"),
                    Line("validation", x, [at**0.5 for at in x], kind="second"),
                    Line("test", x, y, [max(v - 0.1, 0) for v in y], [min(v + 0.1, 1) for v in y]),
                ],
                points=[Point(0.25, 0.5, "the threshold 0.31", 0.4, 0.6)],
                vertical=[(0.4, "budget")],
            ),
            line_chart(
                "Steps", "Rises and falls.", Axis("Customers", "{:,.0f}".format), money,
                [Line("net", [1e6 * k for k in range(9)], [9e5 * k - 1e5 * k * k for k in range(9)],
                      steps=True)],
            ),
            histogram("Scores", "Apart.", Axis("score", "{:.2f}".format), [0, 0.2, 0.5, 0.7, 1],
                      [("left", scores), ("stayed", scores[::-1])]),
            bar_chart("Factors", "", "column", [
                Bar("a_long_name_without_spaces_" * 3, 0.5, 0.4, 0.7, "per month, if it is known"),
                Bar("plan", -12_345.678), Bar("age", math.nan),
            ], "{:+,.2f}".format, signed=True),
            line_chart("Nothing", "", share, money, []),
            "<h2>Wide</h2>",
            html_table("Many columns", [f"column {k}" for k in range(10)], wide),
        ]
    )  # fmt: skip


def runs() -> str:
    both = [made_measured("logreg", offer=True), made_measured("mlp optimizer.lr=0.1", offer=True)]
    factors = made_run_factors()[:2]
    return runs_page(RunsReport(both, made([0.41, 0.42]), factors, {"optimizer.lr": [0.01, 0.1]}))


PAGES: dict[str, tuple[Callable[[], str], int]] = {
    "scorecard": (lambda: scorecard_page([CURVE, *TERMS], -1.5), 2),
    "shapes": (lambda: shapes_page([CURVE, *TERMS], -1.5), 2),
    "campaign": (campaign, 6),
    "results": (measured, 2),
    "uplift": (lambda: uplift_page(METRICS), 2),
    "survival": (lambda: survival_page(LIFETIMES), 7),
    "report": (report, 13),
    "runs": (runs, 10),
    "every chart": (every_chart, 5),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_faults(name: str, audit: Audit):
    make, n_charts = PAGES[name]
    assert audit(make(), name) == {"faults": [], "charts": n_charts}


# Ways to spoil a good page that can be seen beside each other: the fault that must be named, what
# is replaced, and by what.
BEFORE = "<h2>Who gains"
LAYOUT = [
    ("console: error: broken", "</main>", "</main><script>console.error('broken')</script>"),
    ("console: Error: thrown", "</main>", "</main><script>throw new Error('thrown')</script>"),
    ("request: http://127.0.0.1:9/a.png", "</main>",
     "<img alt='a' src='http://127.0.0.1:9/a.png'></main>"),
    ('and "Over it"', BEFORE, f"<p style='position:absolute;margin:2em 0'>Over it</p>{BEFORE}"),
    ("desktop: wide: 2", BEFORE, f"<div style='width:2000px;height:1px'></div>{BEFORE}"),
    ('phone: cut: "Too long', BEFORE,
     f"<p style='overflow:hidden;white-space:nowrap'>Too long{' for its box' * 9}</p>{BEFORE}"),
    ('dark: contrast: 1.6', BEFORE, f"<p style='color:#ccc;background:#fff'>Pale</p>{BEFORE}"),
    ("print: contrast: 1.00 of a line main", "--main: #6d28d9", "--main: #fff"),
    ("axe: image-alt", "</main>", "<img></main>"),
    ("axe: html-has-lang", " lang=en", ""),
    ("page: no language", "", ""),
    ("chart: Qini curve: point 800,167 is not in the table", 'data-at="800"', 'data-at="801"'),
    ("chart: Qini curve: row 801 is not in the picture", "", ""),
    ("chart: Qini curve: no name", 'role="img"', ""),
    ("chart: a picture outside of a chart", "</main>", "<svg></svg></main>"),
    ("chart: Qini curve: a line main outside", 'line main" d="M0', 'line main" d="M-99'),
    ("chart: New: no table", BEFORE,
     f"<figure class=chart><figcaption><b>New</b></figcaption><svg></svg></figure>{BEFORE}"),
    ("100 contacted\" has a number and no bar", 'class="bar main"', 'class="other"'),
    ("table: no caption", "<caption>Metrics of the predicted uplift</caption>", ""),
    ("table: a heading without scope", "<th scope=row>Qini coefficient", "<th>Qini coefficient"),
    ('heading: h4 "Deep" after level 2', BEFORE, f"<h4>Deep</h4>{BEFORE}"),
    ("keys: 0 of 1 charts", "plot.tabIndex = 0", "plot.tabIndex = -1"),
    ("keys: no value at the pointer", '"pointermove"', '"other"'),
]  # fmt: skip
SCRIPTED = [
    ('keys: "wide', BEFORE, "<div style='overflow-x:auto;width:3em'>wide_and_wider</div>" + BEFORE),
    ("keys: chart 0: no value after an arrow", "ArrowRight: () =>", "Other: () =>"),
    ("keys: chart 0: no first value", "Home: () => 0", "Home: () => last"),
    ("keys: chart 0: a value after Escape", "Escape: () =>", "Esc: () =>"),
]


BINS = histogram("Bins", "", Axis("x", str), [0, 1, 2, 3], [("all", [0.5, 0.25, 0.25])])
CONTENT = [
    ("chart: : no title", BEFORE, f"<figure class=chart></figure>{BEFORE}"),
    ("chart: : neither a picture nor a sentence", "", ""),
    ("chart: Rows: 2 rows, 1 pictures", BEFORE,
     "<figure class=chart><figcaption><b>Rows</b></figcaption><table><caption>c</caption><tr><td>1"
     f"<tr><td><svg></svg></table></figure>{BEFORE}"),
    ("chart: Empty: no data", BEFORE,
     "<figure class=chart><figcaption><b>Empty</b></figcaption><div class=plot><svg></svg></div>"
     f"<table><caption>c</caption></table></figure>{BEFORE}"),
    ("chart: Bins: 3 bins, 2 rows", BEFORE, BINS.replace('data-at="500"', "") + BEFORE),
]  # fmt: skip


@pytest.mark.parametrize(
    "spoilt", [LAYOUT, SCRIPTED, CONTENT], ids=["layout", "scripted", "content"]
)
def test_the_audit_sees_each_fault(spoilt: list[tuple[str, str, str]], audit: Audit):
    page = uplift_page(METRICS)
    for _, old, new in spoilt:
        assert old in page
        page = page.replace(old, new) if old else page
    faults = "\n".join(audit(page)["faults"])
    assert [fault for fault, _, _ in spoilt if fault not in faults] == [], faults

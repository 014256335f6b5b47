from __future__ import annotations

import re

import pytest

from churn_torch.report.pages.report_sections.verdict import auroc_word, how_sure, verdict
from tests.report.made_report import PROFIT, made_measured, made_report


def said(report) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", "\n".join(verdict(report))).split())


def test_what_the_top_tenth_catches_and_that_its_worth_is_not_known():
    report = made_report()
    test = report.run.metrics["test"]
    text = said(report)
    assert f"{test['captured_at_10']:.0%} are among the 10 %" in text
    assert f"{test['lift_at_10']:.1f} times as many" in text
    assert "What that is worth in money is not known" in text
    assert "offer=call data.value=EXPRESSION" in text


def test_what_an_offer_is_worth_and_what_comes_next():
    text = said(made_report(run=made_measured(offer=True)))
    assert "12.50 [10.00 to 15.00] for each customer" in text
    assert "contacting everybody loses 3.50" in text
    assert "churn-torch campaign run=outputs/latest" in text


def test_an_offer_that_pays_for_nobody():
    nobody = {"call": {**PROFIT, "best_share": 0.0, "best_threshold": None, "mpc": 0.0}}
    assert "no customer is worth contacting" in said(made_report(run=made_measured(profit=nobody)))


def test_suspicions_and_wrong_probabilities_come_with_the_verdict():
    report = made_report(
        {"suspicions": [{"kind": "tells", "columns": ["x"], "sentence": "x alone tells churn."}]},
        made_measured(calibration={"slope": None, "intercept": None, "sentence": "too extreme",
                                   "miscalibration": 0.1, "discrimination": 0.1,
                                   "uncertainty": 0.2}),
    )  # fmt: skip
    text = said(report)
    assert "x alone tells churn." in text
    assert "Miscalibrated: too extreme." in text
    assert "Answer the suspicions above first" in text
    assert "Calibrate again" in text


@pytest.mark.parametrize(
    ("low", "few", "words"),
    [(0.7, False, "gives that one the higher probability"), (0.49, False, "no better than chance"),
     (0.7, True, "too few of a class")],
)  # fmt: skip
def test_how_sure(low, few, words):
    test = {
        "n": 400, "n_positive": 3 if few else 90, "auroc": 0.81, "intervals": {"auroc": [low, 0.9]},
    }  # fmt: skip
    assert words in how_sure(test)


@pytest.mark.parametrize(
    ("auroc", "word"), [(0.95, "excellent"), (0.8, "good"), (0.75, "fair"), (0.6, "weak"),
                        (0.4, "worse than chance")],
)  # fmt: skip
def test_words_for_an_auroc(auroc, word):
    assert auroc_word(auroc) == word

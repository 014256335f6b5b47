"""Fairness for the terminal: tables, and sentences that say no more than was measured."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from churn_torch.evaluation.groups.fairness import GAPS as MEASURED_GAPS
from churn_torch.report import fairness
from churn_torch.report.fairness import fairness_sentences, fairness_tables, remedy_sentence
from tests.report.made_fairness import PROFIT, PROXIES, made_fairness, made_remedy
from tests.report.made_tables import rendered


@pytest.fixture(scope="module")
def found():
    return made_fairness()


def said(found) -> str:
    return " ".join(fairness_sentences(found))


def test_every_gap_has_words():
    assert list(fairness.GAPS) == list(fairness.WORDS) == list(MEASURED_GAPS)
    metrics = {metric for ones in MEASURED_GAPS.values() for metric in ones}
    assert metrics <= set(fairness.METRICS)


def test_a_difference_beyond_chance_is_said_with_both_groups_and_its_interval(found):
    sentences = fairness_sentences(found)
    parity = next(gap for gap in found["gaps"] if gap["name"] == "demographic_parity")
    low, high = 100 * parity["low"], 100 * parity["high"]
    (sentence,) = [one for one in sentences if "share of customers flagged differs" in one]
    assert f"{100 * parity['value']:.1f} points apart" in sentence
    assert f"interval {low:.1f} to {high:.1f} points" in sentence
    assert "for senior no" in sentence
    assert "for senior yes" in sentence
    assert any(
        one.startswith("Customers with senior yes also left more often") for one in sentences
    )
    assert "Too small to be compared, with fewer than 30 customers: senior few (5 customers)." in (
        sentences
    )


def test_without_a_difference_the_sentence_says_what_cannot_be_ruled_out():
    text = said(made_fairness(0.0))
    assert text.startswith("senior: no difference beyond chance in how the model treats the groups")
    assert "points in the share of customers flagged cannot be ruled out" in text
    assert "differs" not in text


def test_groups_that_cannot_be_compared_are_said():
    tiny = made_fairness(n=20)
    assert said(tiny).startswith("senior: its groups are too small to be compared.")
    one = {**tiny, "groups": tiny["groups"][:1], "gaps": []}
    assert said(one) == "senior: all test rows are of one group, so nothing can be compared."


def test_proxies_terms_and_a_column_that_is_no_input_are_named():
    text = said(
        made_fairness(0.0, is_input=False, proxies=PROXIES, terms=(("senior",), ("senior", "plan")))
    )
    assert "The model does not learn from senior" in text
    assert "Columns that tell much of senior (correlation): pension (0.80)." in text
    assert "Terms of the model that contain senior: senior; senior with plan." in text


def test_a_remedy_is_said_beside_what_is_now():
    before = asdict(made_remedy("none"))
    without = asdict(made_remedy("without_column", auroc=0.79, gaps={"demographic_parity": 0.15}))
    assert remedy_sentence(without, before, "senior") == (
        "Without senior (the model fitted again) the shares of customers flagged are 15.0 points "
        "apart instead of 20.0, with precision 60.0 % instead of 60.0 %, recall 50.0 % instead of "
        "50.0 % and AUROC 0.790 instead of 0.800."
    )
    equal = made_remedy(
        "equal_recall", thresholds={"no": 0.4, "yes": 0.6}, profit_change=PROFIT, precision=None
    )
    assert remedy_sentence(asdict(equal), before, "senior") == (
        "With a threshold for each group (senior: 0.40 for no and 0.60 for yes) the shares of "
        "churners flagged are 10.0 points apart instead of 10.0, with precision - instead of 60.0 "
        "%, recall 50.0 % instead of 50.0 % and a profit from the offer call that is -0.50 a "
        "customer (-1.00 to +0.25)."
    )


def test_the_tables_mark_small_groups_and_differences(found):
    groups, gaps = (rendered(table) for table in fairness_tables(found))
    text = "\n".join(" ".join(row) for row in groups)
    assert "few" in text
    assert "%*" in text
    marked = [row[0] for row in gaps if row[-1].endswith("*")]
    assert "flagged" in marked
    assert not any(name.startswith("predicted") for name in marked)


def test_remedies_are_a_table():
    remedies = (
        made_remedy("none"),
        made_remedy("equal_recall", thresholds={"no": 0.4}, profit_change=PROFIT),
    )
    *_, table = (rendered(one) for one in fairness_tables(made_fairness(remedies=remedies)))
    assert any(row[0] == "as it is" and row[1].startswith("20.0") for row in table)
    assert any(row[-1] == "-0.50" for row in table)

from __future__ import annotations

from typing import Any

from churn_torch.report.pages.report_sections.limits import limit_sentences
from tests.report.made_fairness import made_fairness
from tests.report.made_report import made_measured, made_report


def said(metrics: dict[str, Any] | None = None, fields: Any = None, **test: Any) -> str:
    report = made_report(metrics, made_measured(**test), **(fields or {}))
    return "\n".join(limit_sentences(report))


def test_a_sound_model_has_the_limits_of_every_model_only():
    text = said(n_positive=90)
    assert text.startswith("Not to choose between models that are close: with 90 test customers")
    assert "same time as those it learned from" in text
    assert "Not as a cause" in text
    assert "suspicions" not in text
    assert "Not as a probability" not in text


def test_what_was_measured_comes_first():
    suspicion = {"kind": "name", "columns": ["reason"], "sentence": "reason tells churn."}
    text = said({"suspicions": [suspicion]})
    assert text.startswith("Not before the suspicions (reason) are answered")


def test_a_model_no_better_than_chance():
    intervals = made_measured().metrics["test"]["intervals"]
    text = said(intervals={**intervals, "auroc": [0.45, 0.62]}, log_loss=0.9)
    assert "Not to rank customers" in text
    assert "by log-loss the probabilities are worse than the churn rate alone" in text


def test_wrong_probabilities_are_no_money():
    calibration = {**made_measured().metrics["test"]["calibration"], "sentence": "too high"}
    assert "Not to multiply probabilities by money" in said(calibration=calibration)


def test_few_churners():
    assert "only 9 test customers" in said(n_positive=9)


def test_weak_segments_fairness_and_correlated_columns():
    text = said(
        {
            "correlated_columns": [{"columns": ["a", "b"], "sentence": ""}],
            "fairness": [made_fairness(), {**made_fairness(0.0), "column": "gender"}],
        },
    )
    assert "one segment: For customers with plan basic the model predicts" in text
    assert "Not for groups of senior before their differences are looked at" in text
    assert "a and b" in text


def test_a_split_by_time_names_its_end():
    facts = {**made_measured().metrics["data"], "first_time": "2024-01", "last_time": "2025-06"}
    assert "Not long after 2025-06" in said({"data": facts})


def test_uplift_is_no_limit_of_a_model_of_uplift():
    assert "whom a contact keeps" in said()
    assert "whom a contact keeps" not in said({"uplift": {}})

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from churn_torch.report.pages.report_sections.survival_verdict import (
    survival_limits,
    survival_verdict,
)
from tests.report.made_report import made_survival_report
from tests.report.made_survival import METRICS


def said(lines: Iterator[str]) -> str:
    words = html.unescape(re.sub(r"<[^>]+>", " ", "\n".join(lines))).replace(
        "\N{NO-BREAK SPACE}", " "
    )
    return " ".join(words.split())


def test_numbers_stand_in_words() -> None:
    text = said(survival_verdict(made_survival_report()))
    numbers, last = METRICS.numbers, METRICS.groups[-1]
    low, high = METRICS.intervals["observed_within_horizon"]
    assert (
        f"{numbers['predicted_within_horizon']:.1%} of the customers are predicted to leave within "
        f"6 periods, and {numbers['observed_within_horizon']:.1%} did "
        f"(95 %: {low:.1%} to {high:.1%})"
    ) in text
    assert (
        f"chance {last.predicted:.1%} are predicted to leave by then, and {last.observed:.1%} did"
        in text
    )
    assert f"400 customers, {numbers['n_left']:.0f} of whom left while observed" in text
    assert f"left first in {numbers['c_index']:.0%} of the cases" in text
    assert "churn-torch score run=outputs/latest" in text
    assert "Miscalibrated" not in text


def test_what_does_not_hold_is_said_twice() -> None:
    wrong = {**METRICS.numbers, "predicted_within_horizon": 0.999, "integrated_brier": 0.4}
    intervals = {**METRICS.intervals, "c_index": (0.49, 0.6)}
    report = made_survival_report(
        replace(METRICS, numbers=wrong, intervals=intervals, auroc=METRICS.auroc[:9]),
        suspicions=[{"columns": ["x"], "sentence": "x tells churn."}],
    )
    verdict, limits = said(survival_verdict(report)), said(survival_limits(report))
    assert "Miscalibrated: 99.9% are predicted to leave within 6 periods, but" in verdict
    assert "may be no better than chance (C-index 0.49 to 0.60)" in verdict
    assert "x tells churn. " in verdict
    assert "Answer the suspicions above first" in verdict
    for limit in (
        "Not before the suspicions (x) are answered",
        "Not to rank customers",
        "Not to multiply chances by money: miscalibrated: 99.9%",
        "Not to multiply chances by money: by the Brier score the chances are worse than one curve",
        "Not for more than 9 periods without care",
    ):
        assert limit in limits


@pytest.mark.parametrize(
    ("n_left", "words"),
    [(5, "Not to promise anything: only 5 test customers left"),
     (370, "with 30 test customers who stayed the intervals are wide")],
)  # fmt: skip
def test_few_of_a_kind(n_left: int, words: str) -> None:
    numbers = {**METRICS.numbers, "n_left": float(n_left)}
    report = made_survival_report(replace(METRICS, numbers=numbers))
    assert words in said(survival_limits(report))
    assert ("too few to be sure" in said(survival_verdict(report))) == (n_left == 5)


def test_a_horizon_that_nobody_was_observed_for() -> None:
    unknown = dict.fromkeys(("observed_within_horizon", "auroc", "brier", "c_index"))
    groups = tuple(replace(group, observed=None, interval=None) for group in METRICS.groups)
    measured = replace(
        METRICS, numbers={**METRICS.numbers, **unknown}, intervals={}, groups=groups,
        auroc=np.full(3, np.nan),
    )  # fmt: skip
    report = made_survival_report(measured)
    assert "Whether that holds is not known" in said(survival_verdict(report))
    assert "Not as a chance to leave within 6 periods" in said(survival_limits(report))

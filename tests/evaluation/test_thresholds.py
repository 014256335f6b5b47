from __future__ import annotations

import math

import numpy as np
import pytest

from churn_torch.errors import InputError
from churn_torch.evaluation.thresholds import check_rule, last_called


def test_last_called_reads_the_curve() -> None:
    rows, churners = np.array([2, 3, 5, 10]), np.array([1, 2, 2, 3])  # F1: 2/5, 4/6, 4/8, 6/13
    assert last_called("f1", rows, churners, top_share=0.1) == 1
    shares = (0.1, 0.2, 0.3, 0.31, 1)
    assert [last_called("top_share", rows, churners, top_share=s) for s in shares] == [
        *(0, 0, 1, 2, 3)
    ]


def test_of_equal_f1_the_fewest_rows_are_called() -> None:
    rows, churners = np.array([1, 4]), np.array([1, 2])  # F1: 2/3 and 4/6
    assert last_called("f1", rows, churners, top_share=0.1) == 0


@pytest.mark.parametrize("rule", ["f1", "top_share", 0, 0.37, 1])
def test_rules_and_numbers_that_can_be_used_pass(rule: str | float) -> None:
    check_rule(rule, 0.1)
    if rule != "top_share":
        check_rule(rule, math.nan)  # not used


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("top-share", r"got 'top-share' \(did you mean 'top_share'\?\)"),
        ("youden", "^threshold: expected f1, top_share, profit or a number between 0 and 1"),
        (1.5, r"got 1\.5\."),
        (-1, r"got -1\."),
        (math.nan, r"got nan\."),
        (True, r"got True\."),
    ],
)
def test_an_unknown_rule_names_the_choices(rule: str | float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_rule(rule, 0.1)


@pytest.mark.parametrize("top_share", [0, -0.1, 1.5, 10, math.nan])
def test_top_share_out_of_range_is_refused(top_share: float) -> None:
    with pytest.raises(
        InputError, match=r"^top_share: expected a share above 0 and up to 1, .* got"
    ):
        check_rule("top_share", top_share)

"""How exact reasons are, in a sentence."""

from __future__ import annotations

import pytest

from churn_torch.report.reasons import correlated_sentence, reasons_sentence


@pytest.mark.parametrize(("spread", "rough"), [(0.09, False), (1.6, True)])
def test_rough_reasons_come_with_a_fix(spread: float, rough: bool):
    reasons = {"method": "integrated gradients", "points": 64, "spread": spread}
    said = reasons_sentence({**reasons, "completeness_error": 8.3e-7})
    assert f"an error of up to {spread} log-odds" in said
    assert ("a large error" in said and "penalty.l2" in said) == rough
    assert reasons_sentence({"method": "exact"}) == "Reasons are exact."


def test_correlated_columns_are_one_sentence():
    groups = [{"columns": ["a", "b", "c"]}, {"columns": ["d", "e"]}]
    assert correlated_sentence(groups).endswith("read their reasons as one: a, b and c; d and e.")
    assert correlated_sentence([]) == ""

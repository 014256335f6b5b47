"""Numbers as tables write them."""

from __future__ import annotations

from churn_torch.report.formats import count, lift, listed, p_value, percent, score


def test_formats() -> None:
    assert count(1234567) == "1,234,567"
    assert percent(0.2654) == "26.5%"
    assert score(0.84554) == "0.8455"
    assert lift(2.849) == "2.85"


def test_names_are_listed_as_in_a_sentence() -> None:
    assert [listed(list(names)) for names in ("a", "ab", "abc")] == ["a", "a and b", "a, b and c"]


def test_small_p_values_are_not_written_as_zero() -> None:
    assert (p_value(3e-9), p_value(0.0123)) == ("< 0.0001", "0.0123")

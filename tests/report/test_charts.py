from __future__ import annotations

import re

import pytest

from churn_torch.report.charts import compact, places, scale_of, table_behind


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.25, "0.25"), (999.4, "999"), (999.9, "1k"), (-12_345, "-12.3k"),
     (2e7, "20M"), (999_999_999, "1bn")],
)  # fmt: skip
def test_numbers_in_a_few_characters(value, text):
    assert compact(value) == text


def test_the_table_behind_a_curve_is_short_and_has_both_ends():
    for n in (1, 2, 12, 13, 101, 200):
        cells = re.findall(
            "<td class=n>(\\d+)", "".join(table_behind("", ("",), [(str(i),) for i in range(n)]))
        )
        numbers = [int(cell) for cell in cells]
        assert len(numbers) <= 12
        assert numbers == sorted(set(numbers))
        assert (numbers[0], numbers[-1]) == (0, n - 1)


def test_a_horizontal_scale_stays_beside_its_chart():
    text = "".join(places(scale_of([100.0]), compact))
    assert "<span class=first style='left:0.0%'>0</span>" in text
    assert "left:95.2%" in text

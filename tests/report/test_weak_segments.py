from __future__ import annotations

import pytest

from churn_torch.evaluation.groups.segment_tree import Condition
from churn_torch.evaluation.groups.weak_segments import WeakSegment
from churn_torch.report.weak_segments import weak_segments_table
from tests.report.made_tables import rendered

FOUND = WeakSegment(
    conditions=(
        Condition("contract [a]", "is", "Month-to-month"),
        Condition("tenure", "up to", "5", or_missing=True),
    ),
    n=1312,
    share=0.12,
    churn_rate=0.612,
    mean_probability=0.481,
    gap=0.131,
    gap_low=0.08,
    gap_high=0.18,
    log_loss=0.712,
    excess_log_loss=0.051,
    excess_low=0.011,
    excess_high=0.091,
    auroc=0.6543,
    p_value=0.001,
    sentence="",
)


@pytest.mark.parametrize("width", [80, 110])
def test_a_segment_has_its_conditions_and_numbers(width: int) -> None:
    one_class = WeakSegment(**{**vars(FOUND), "auroc": None})
    lines = rendered(weak_segments_table([FOUND, one_class]), width)
    assert "one half of the rows" in " ".join(cell for line in lines for cell in line)
    numbers = ["1,312", "48.1 %", "+13.1", "+0.051"]
    below = ["12 %", "61.2 %", "+8.0..+18.0", "+0.01..+0.09", ""]
    if width == 110:
        assert lines[3] == ["contract [a] Month-to-month", *numbers, "0.654"]
        assert lines[4] == ["tenure up to 5 or missing", *below]
        assert lines[5][1:] == [*numbers, "-"]
    else:
        assert lines[3][1:] == [*numbers, "0.654"]
        assert lines[4][1:] == below

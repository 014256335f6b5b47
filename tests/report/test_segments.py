from __future__ import annotations

from io import StringIO

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from churn_torch.report.segments import segments_table

ROW = {
    "column": "plan", "segment": "[gold]", "n": 1234, "churn_rate": 0.25, "churn_rate_low": 0.2,
    "churn_rate_high": 0.3, "auroc": 0.8456, "auroc_low": 0.8, "auroc_high": 0.9,
    "log_loss": 0.4, "log_loss_low": 0.35, "log_loss_high": 0.45, "calibration_gap": -0.012,
    "calibration_gap_low": -0.03, "calibration_gap_high": 0.01, "ece": 0.02, "precision": 0.6,
    "precision_low": 0.5, "precision_high": 0.7, "recall": 0.4, "recall_low": 0.3,
    "recall_high": 0.5,
}  # fmt: skip


@pytest.mark.parametrize("width", [80, 110])
def test_a_line_a_segment_with_intervals_below(width: int) -> None:
    empty = dict.fromkeys(ROW, np.nan) | {"column": "plan", "segment": "x", "n": 2}
    few = empty | {"churn_rate": 0.5, "churn_rate_low": 0.1, "churn_rate_high": 0.9}
    console = Console(file=StringIO(), width=width)
    console.print(segments_table("plan [a]", pd.DataFrame([ROW, few]), "cut at their quartiles"))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(len, text.splitlines())) <= width
    assert "plan [a]" in text
    assert "quartiles" in text
    if width == 110:
        line = next(line for line in text.splitlines() if "[gold]" in line)
        cells = [cell.strip() for cell in line.strip("│").split("│")]
        assert cells == ["[gold]", "1,234", "25.0 %", "0.846", "0.400", "-1.2 %", "0.020", "60.0 %",
                         "40.0 %"]  # fmt: skip
        few_line = next(line for line in text.splitlines() if "│ x" in line)
        assert [cell.strip() for cell in few_line.strip("│").split("│")][2:] == ["50.0 %"] + [
            "-"
        ] * 6
        below = text.splitlines()[text.splitlines().index(line) + 1]
        assert [cell.strip() for cell in below.strip("│").split("│")] == [
            "", "", "20.0..30.0", "0.80..0.90", "0.35..0.45", "-3.0..+1.0", "", "50.0..70.0",
            "30.0..50.0",
        ]  # fmt: skip

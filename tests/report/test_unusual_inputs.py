"""The table of cells that are unlike training."""

from __future__ import annotations

import math

from rich.console import Console

from churn_torch.report.unusual_inputs import unusual_table
from churn_torch.tables.input_counts import FRACTIONS, MISSING, OUTSIDE, UNSEEN, Unusual


def test_one_line_for_each_column_and_kind_of_cell() -> None:
    found = [
        Unusual("tenure", MISSING, 3_543, 7_043, 0.0),
        Unusual("age", MISSING, 10, 7_043, 0.012),
        Unusual("[b]plan", UNSEEN, 7_043, 7_043, 0.0, ("PayPal", "[red]")),
        Unusual("age", OUTSIDE, 70, 7_043, 0.0),
        Unusual("discount", FRACTIONS, 7_000, 7_043, math.nan),
    ]
    table = unusual_table(found, {"tenure": "not in 1 of 2 files: missing there"})
    console = Console(width=130, color_system=None)
    with console.capture() as capture:
        console.print(table)
    lines = [" ".join(line.strip("│ ").split()) for line in capture.get().splitlines()]
    assert "tenure │ missing │ 3,543 │ 50.3% │ 0.0% │ not in 1 of 2 files: missing there" in lines
    assert "age │ missing │ 10 │ 0.1% │ 1.2% │" in [f"{line} │" for line in lines]
    assert "[b]plan │ unseen category │ 7,043 │ 100.0% │ 0.0% │ 'PayPal', '[red]'" in lines
    assert any(line.startswith("age │ outside the training range │ 70") for line in lines)
    assert any("at most 1, in a column where 12 % is 12" in line for line in lines)
    assert not any("nan" in line for line in lines)

from __future__ import annotations

from dataclasses import replace
from io import StringIO

from rich.console import Console
from rich.table import Table

from churn_torch.report.survival import horizon_table, survival_table
from tests.report.made_survival import METRICS


def text(table: Table, width: int = 80) -> str:
    file = StringIO()
    Console(file=file, width=width).print(table)
    return file.getvalue()


def test_numbers_and_their_intervals() -> None:
    lines = text(survival_table(METRICS)).splitlines()
    assert max(map(len, lines)) <= 80
    index, (low, high) = METRICS.numbers["c_index"], METRICS.intervals["c_index"]
    assert any(f"{index:.4f} [{low:.4f}, {high:.4f}]" in line for line in lines)
    assert "left within 6 periods" in text(survival_table(METRICS))
    assert "400 customers" in text(survival_table(METRICS))


def test_what_is_not_known_is_a_dash() -> None:
    unknown = replace(METRICS, numbers={**METRICS.numbers, "auroc": None})
    line = next(line for line in text(survival_table(unknown)).splitlines() if "AUROC w" in line)
    assert line.strip("│ ").endswith("-")


def test_tenths_of_the_customers_stand_in_order() -> None:
    groups = METRICS.groups
    lines = [line for line in text(horizon_table(METRICS)).splitlines() if "│" in line]
    assert len(lines) == len(groups) == 10
    assert f"{groups[0].predicted:.1%}" in lines[0]
    assert f"{groups[9].observed:.1%}" in lines[9]
    nobody = replace(groups[0], observed=None, interval=None)
    assert "- │" in text(horizon_table(replace(METRICS, groups=(nobody,))))

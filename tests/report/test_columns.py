from __future__ import annotations

import io

from rich.console import Console

from churn_torch.report.columns import columns_table
from churn_torch.tables.schema import Column, Kind, Storage


def test_every_column_is_shown_and_names_are_taken_literally() -> None:
    columns = (
        Column("age", Kind.NUMERIC, Storage.NUMBER, note="[red]not a colour[/]"),
        Column("paid", Kind.BOOLEAN, Storage.NUMBER, missing_share=0.25, n_distinct=1234),
        Column("left out", Kind.IGNORED, Storage.TEXT, note="left out: [empty]"),
    )
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(columns_table(columns))
    shown = console.export_text()
    for column in columns:
        assert column.name in shown
        assert column.kind.value in shown
        assert column.note in shown
    assert "25.0%" in shown
    assert "1,234" in shown

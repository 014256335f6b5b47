"""The delimiter of a CSV file decides what a comma is where the numbers leave it open."""

from __future__ import annotations

from pathlib import Path

import pytest

from churn_torch.tables.encode import parse
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.options import ColumnRoles
from churn_torch.tables.readers import sources


@pytest.mark.parametrize(("delimiter", "first"), [(";", 1.234), ("\t", 1.234), ("|", 1234.0)])
def test_commas_in_a_file_of_semicolons_are_decimals(
    delimiter: str, first: float, tmp_path: Path
) -> None:
    rows = [
        ("weight", "churn"),
        *((f"1,{234 + i * i % 90}", "yes" if i % 3 else "no") for i in range(60)),
    ]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(delimiter.join(row) for row in rows) + "\n")
    frame = sources.read(path)
    schema = infer(frame, ColumnRoles(target="churn"))
    assert parse(frame, schema)["weight"].iloc[0] == first
    sample, _ = sources.read_sample(path, rows=20)
    assert sample.attrs["delimiter"] == delimiter

"""Labels by file, where a table is made of several."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_torch.tables.labelled import source_files
from churn_torch.tables.labelled.source_files import labels_by_file
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.schema import Schema

SCHEMA = Schema((), "churn", "yes", "no")
FRAME = pd.DataFrame({"x": range(6), "churn": ["yes", "no", None, "no", "yes", "yes"]})


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_each_file_has_its_labels(tmp_path: Path, ending: str) -> None:
    for name, rows in (("a", FRAME[:3]), ("b", FRAME[3:])):
        path = tmp_path / f"{name}.{ending}"
        rows.to_csv(path, index=False) if ending == "csv" else rows.to_parquet(path)
    found = labels_by_file(f"{tmp_path}/*.{ending}", ReadOptions(), SCHEMA)
    assert found is not None
    assert found.names == [f"a.{ending}", f"b.{ending}"]
    np.testing.assert_array_equal(found.file, [0, 0, 1, 1, 1])
    np.testing.assert_array_equal(found.label, [1, 0, 0, 1, 1])
    assert labels_by_file(f"{tmp_path}/a.{ending}", ReadOptions(), SCHEMA) is None


def test_of_many_files_some_are_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_files, "_FILES", 3)
    monkeypatch.setattr(source_files, "_ROWS", 2)
    for i in range(9):
        FRAME.to_csv(tmp_path / f"{i}.csv", index=False)
    found = labels_by_file(f"{tmp_path}/*.csv", ReadOptions(), SCHEMA)
    assert found is not None
    assert found.names == ["0.csv", "4.csv", "8.csv"]
    assert len(found.label) == 6


def test_files_that_cannot_be_read_alone_say_nothing(tmp_path: Path) -> None:
    for churn in ("yes", "no"):  # the folder is the target
        (tmp_path / f"churn={churn}").mkdir()
        FRAME[["x"]].to_parquet(tmp_path / f"churn={churn}" / "part.parquet")
    assert labels_by_file(str(tmp_path), ReadOptions(), SCHEMA) is None
    assert labels_by_file("SELECT 1 AS x, 'yes' AS churn", ReadOptions(), SCHEMA) is None

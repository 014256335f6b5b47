"""Files of statistics programs: types, labels and missing values as these programs mean them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyreadstat
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.readers.sources import read

FRAME = pd.DataFrame(
    {
        "id": ["a", "b", ""],
        "age": [30.0, None, 41.0],
        "price": [1.5, 2.25, 3.0],
        "when": pd.to_datetime(["2024-01-31", "2024-02-01", None]),
        "churn": [1.0, 0.0, 1.0],
    }
)
LABELS: dict[str, dict[Any, str]] = {"churn": {0: "No", 1: "Yes"}, "age": {99: "unknown"}}
WRITERS: dict[str, Callable[..., None]] = {
    "t.dta": pyreadstat.write_dta,
    "t.sav": pyreadstat.write_sav,
    "t.xpt": pyreadstat.write_xport,
}


@pytest.mark.parametrize("name", WRITERS)
def test_numbers_dates_and_missing_cells(tmp_path: Path, name: str) -> None:
    WRITERS[name](FRAME, tmp_path / name)
    frame = read(tmp_path / name)
    assert list(frame.columns) == list(FRAME.columns)
    assert str(frame["age"].dtype) == "Int64"
    assert frame["age"].sum() == 71
    assert frame["churn"].tolist() == [1, 0, 1]
    assert frame["price"].tolist() == [1.5, 2.25, 3.0]
    assert frame["id"].isna().tolist() == [False, False, True]
    assert frame["when"].iloc[0] == pd.Timestamp("2024-01-31")


@pytest.mark.parametrize("name", ["t.dta", "t.sav"])
def test_labels_take_the_place_of_codes_where_every_value_has_one(
    tmp_path: Path, name: str
) -> None:
    labels = LABELS if name == "t.sav" else {"churn": LABELS["churn"]}
    WRITERS[name](FRAME, tmp_path / name, variable_value_labels=labels)
    said: list[str] = []
    frame = read(tmp_path / name, announce=said.append)
    assert frame["churn"].tolist() == ["Yes", "No", "Yes"]
    assert frame["age"].sum() == 71  # a label for 99 alone makes no words of an age
    assert said == [f"{name}: labels are read in place of codes in 'churn'."]


@pytest.mark.parametrize("name", WRITERS)
def test_damaged_files_get_a_sentence(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    WRITERS[name](FRAME, path)
    path.write_bytes(path.read_bytes()[:150])
    with pytest.raises(InputError, match=rf"{name}: expected a file of (SAS|Stata|SPSS)"):
        read(path)


def test_without_the_package_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pyreadstat.write_sav(FRAME, tmp_path / "t.sav")
    monkeypatch.setitem(sys.modules, "pyreadstat", None)
    with pytest.raises(InputError, match=r"pip install 'churn-torch\[statistics\]'"):
        read(tmp_path / "t.sav")


def test_a_file_that_sas_wrote() -> None:
    frame = read(Path(__file__).parent / "files" / "iris.sas7bdat.gz")
    assert len(frame) == 150
    assert frame.iloc[0].tolist() == [5.1, 3.5, 1.4, 0.2, "setosa"]
    assert frame.dtypes.astype(str).tolist() == ["float64"] * 4 + ["str"]

"""Workbooks: the right sheet, the right header, the right rows, and a word on what was chosen."""

from __future__ import annotations

import datetime
import gzip
import sys
from pathlib import Path

import pytest

from churn_torch.errors import InputError
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers.sources import read, read_chunks
from tests.tables.readers.workbooks import write_ods, write_xlsx

HEADER = ["id", "age", "price ", "when", "churn", "flag"]
ROWS = [
    ["a", 30, 1.5, datetime.datetime(2024, 1, 31), "Yes", True],
    ["b", None, 2, datetime.datetime(2024, 2, 1), "No", False],
    ["c", 41, 3.25, None, "Yes", True],
]


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """Return a workbook as people keep it: a cover, a titled table, notes."""
    return write_xlsx(
        tmp_path / "report.xlsx",
        {
            "Cover": [["Churn report"]],
            "Data": [
                ["Churn report 2024", None, None],
                [],
                HEADER,
                *ROWS,
                ["Total", 71, 6.75, None, None, None],
                ["Exported by CRM at noon"],
            ],
            "Notes": [["word", "meaning"], ["x", "y"]],
        },
    )


def test_cells_keep_their_types(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "t.xlsx", {"Sheet1": [HEADER, *ROWS]})
    said: list[str] = []
    frame = read(path, announce=said.append)
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        "id": "str",
        "age": "Int64",
        "price": "float64",
        "when": "datetime64[us]",
        "churn": "str",
        "flag": "bool",
    }
    assert frame["when"].iloc[0] == ROWS[0][3]
    assert said == ["t.xlsx: blanks around 1 name left out ('price ')."]
    assert [len(chunk) for chunk in read_chunks(path, rows=2, columns=["id"])] == [2, 1]


def test_the_first_sheet_with_a_table_is_read_and_said(report: Path) -> None:
    said: list[str] = []
    frame = read(report, announce=said.append)
    assert frame["id"].tolist() == ["a", "b", "c"]
    assert frame["age"].sum() == 71
    (sentence,) = said
    assert "sheet 'Data' is read, not 'Cover', 'Notes'; data.sheet=NAME takes another" in sentence
    assert "1 line above the header left out ('Churn report 2024')" in sentence
    assert "the last 2 rows left out ('Total')" in sentence


@pytest.mark.parametrize("sheet", ["Notes", 2, "2"])
def test_a_sheet_by_name_or_position(report: Path, sheet: str | int) -> None:
    said: list[str] = []
    frame = read(report, reading=ReadOptions(sheet=sheet), announce=said.append)
    assert frame.to_dict("records") == [{"word": "x", "meaning": "y"}]
    assert not said


def test_skip_is_the_users_word(report: Path) -> None:
    frame = read(report, reading=ReadOptions(sheet="Data", skip=2))
    assert list(frame.columns) == [name.strip() for name in HEADER]
    assert len(frame) == 5  # nothing is left out below either


def test_open_document(tmp_path: Path) -> None:
    path = write_ods(tmp_path / "t.ods", {"T": [["id", "age"], ["a", 30], ["b", 2.5]]})
    assert read(path)["age"].tolist() == [30, 2.5]


@pytest.mark.parametrize(
    ("sheet", "message"),
    [
        ("Dat", r"data.sheet: expected a sheet of 'report.xlsx', got 'Dat' .did you mean 'Data'"),
        (7, "got '7'; name one of 'Cover', 'Data', 'Notes', or its position from 0"),
        ("Cover", "columns but no rows"),
    ],
)
def test_wrong_sheets_get_a_sentence(report: Path, sheet: str | int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(report, reading=ReadOptions(sheet=sheet))


def test_damaged_and_empty_workbooks_get_a_sentence(report: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.xlsx").write_bytes(report.read_bytes()[:900])
    with pytest.raises(InputError, match=r"cut.xlsx: expected a file that can be unpacked"):
        read(tmp_path / "cut.xlsx")
    (tmp_path / "old.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600)
    with pytest.raises(InputError, match=r"old.xls: expected an Excel or OpenDocument workbook"):
        read(tmp_path / "old.xls")
    with pytest.raises(InputError, match="a sheet with a table, got none with a header and rows"):
        read(write_xlsx(tmp_path / "empty.xlsx", {"A": [], "B": [["x"]]}))


def test_without_the_package_the_extra_is_named(
    report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(InputError, match=r"install it with pip install 'churn-torch\[excel\]'"):
        read(report)


def test_xls_and_percent_cells_are_read_as_they_are_stored() -> None:
    said: list[str] = []
    frame = read(Path(__file__).parent / "files" / "customers.xls", announce=said.append)
    assert frame["id"].tolist() == ["C1", "C2", "Ł3"]
    assert frame["age"].isna().tolist() == [False, True, False]
    assert frame["when"].iloc[0] == datetime.datetime(2024, 1, 31)
    assert frame["rate"].tolist() == [0.12, 0.05, 1.0]  # shown as 12 %, 5 %, 100 %
    assert not said


def test_a_packed_workbook_is_read(tmp_path: Path) -> None:
    plain = write_xlsx(tmp_path / "t.xlsx", {"S": [["a", "b"], [1, "x"], [2, "y"]]})
    (tmp_path / "t.xlsx.gz").write_bytes(gzip.compress(plain.read_bytes()))
    assert read(tmp_path / "t.xlsx.gz").equals(read(plain))

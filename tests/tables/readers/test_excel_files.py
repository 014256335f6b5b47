"""Workbooks: the right sheet, the right header, the right rows, and a word on what was chosen."""

from __future__ import annotations

import datetime
import gzip
import sys
import zipfile
from pathlib import Path

import pytest

from churn_torch.errors import InputError
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers import excel_process
from churn_torch.tables.readers.sources import read, read_chunks
from tests.tables.readers.workbooks import write_ods, write_xlsx

FILES = Path(__file__).parent / "files"
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


def edited(path: Path, member: str, old: str, new: str) -> Path:
    """Replace a text in a member of a workbook."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert old in parts[member]
    parts[member] = parts[member].replace(old, new)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def test_a_row_that_is_too_wide_is_refused(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "t.xlsx", {"T": [["id", "n"], ["a", 1]]})
    edited(path, "xl/worksheets/s1.xml", "<c><v>1</v>", '<c r="BHWVA2"><v>1</v>')
    with pytest.raises(InputError, match=r"a row has 1,\d+,\d+ columns, not 16,384 at most"):
        read(path)


def test_hidden_sheets_come_last(tmp_path: Path) -> None:
    sheets = {"Old": [["id"], ["a"]], "New": [["id"], ["b"]]}
    path = write_xlsx(tmp_path / "t.xlsx", sheets)
    edited(path, "xl/workbook.xml", 'name="Old"', 'name="Old" state="hidden"')
    said: list[str] = []
    assert read(path, announce=said.append)["id"].tolist() == ["b"]
    assert said == ["t.xlsx: sheet 'New' is read, not 'Old'; data.sheet=NAME takes another."]
    assert read(path, reading=ReadOptions(sheet="0"))["id"].tolist() == ["a"]


def test_merged_cells_have_their_value_in_every_row(tmp_path: Path) -> None:
    rows = [["region", "id"], ["north", "a"], [None, "b"], [None, "c"], ["south", "d"]]
    path = write_xlsx(tmp_path / "t.xlsx", {"T": rows})
    merged = '</sheetData><mergeCells><mergeCell ref="A2:A4"/></mergeCells>'
    edited(path, "xl/worksheets/s1.xml", "</sheetData>", merged)
    said: list[str] = []
    assert read(path, announce=said.append)["region"].tolist() == [*["north"] * 3, "south"]
    assert said == ["t.xlsx: merged cells have their value in every row (2 filled)."]


def test_formulas_without_a_stored_value_are_said(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "t.xlsx", {"T": [["id", "n"], ["a", 1], ["b", 2], ["c", 3]]})
    edited(path, "xl/worksheets/s1.xml", "<c><v>1</v>", "<c><f>1+1</f><v/>")
    edited(path, "xl/worksheets/s1.xml", "<c><v>2</v>", '<c t="str"><f>""</f><v></v>')
    edited(path, "xl/worksheets/s1.xml", "<c><v>3</v>", "<c><f>1+2</f><v>3</v>")
    said: list[str] = []
    assert read(path, announce=said.append)["n"].isna().tolist() == [True, True, False]
    assert "formulas without a stored value are read as empty cells (1): save it" in said[0]


def test_titles_and_notes_beside_the_table_are_left_out(tmp_path: Path) -> None:
    rows = [
        ["Quarterly report", None, None, None, None, None],
        [None, None, "id", "age", "churn", None],
        [None, None, "a", 30, "Yes", None],
        [None, None, "b", None, "No", None],
        [None, None, None, None, None, "as of March"],
    ]
    said: list[str] = []
    frame = read(write_xlsx(tmp_path / "t.xlsx", {"T": rows}), announce=said.append)
    assert list(frame.columns) == ["id", "age", "churn"]
    assert frame["churn"].tolist() == ["Yes", "No"]
    assert said == ["t.xlsx: 2 cells beside the table left out ('Quarterly report')."]


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


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("customers.xls", []),
        # Its cells are in the short form, which python-calamine leaves out.
        ("customers.xlsb", ["customers.xlsb: sheet 'Customers' is read, not 'Notes'; "]),
    ],
)
def test_xls_xlsb_and_percent_cells_are_read_as_they_are_stored(name: str, said: list[str]) -> None:
    announced: list[str] = []
    frame = read(FILES / name, announce=announced.append)
    assert frame["id"].tolist() == ["C1", "C2", "Ł3"]
    assert frame["age"].isna().tolist() == [False, True, False]
    assert frame["when"].iloc[0] == datetime.datetime(2024, 1, 31)
    assert frame["rate"].tolist() == [0.12, 0.05, 1.0]  # shown as 12 %, 5 %, 100 %
    assert [sentence.partition("data.")[0] for sentence in announced] == said


def test_full_cells_of_xlsb_stay_and_short_ones_follow_them() -> None:
    def cell(kind: int, content: bytes) -> bytes:
        return bytes([kind, len(content) & 127 | 128, len(content) >> 7]) + content

    style, text = b"\0\0\0\0", b"\xe8\3\0\0" + b"a\0" * 1000
    row, full = cell(0, b"\1" * 25), cell(2, b"\4\0\0\0" + style + b"\1\2\3\4")
    full_cells = excel_process._full_cells
    assert full_cells(row + full + row) == row + full + row
    found = full_cells(row + cell(12, style) + full + cell(17, style + text) + row)
    size = 4 + 4 + len(text)
    assert found == (
        row
        + b"\1\x88\x80\x80\0" + b"\0\0\0\0" + style
        + full
        + bytes([6, size & 127 | 128, size >> 7 | 128, 128, 0]) + b"\5\0\0\0" + style + text
        + row
    )  # fmt: skip


def test_a_packed_workbook_is_read(tmp_path: Path) -> None:
    plain = write_xlsx(tmp_path / "t.xlsx", {"S": [["a", "b"], [1, "x"], [2, "y"]]})
    (tmp_path / "t.xlsx.gz").write_bytes(gzip.compress(plain.read_bytes()))
    assert read(tmp_path / "t.xlsx.gz").equals(read(plain))

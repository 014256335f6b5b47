"""CSV: whatever people export, as text, exactly."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_torch.errors import InputError
from churn_torch.tables.readers.sources import read
from churn_torch.tables.readers.text_files import HEAD

PACKED = gzip.compress(b"a,b\n" + b"1,2\n" * 9000, mtime=0)  # the same in every process


def read_bytes(tmp_path: Path, content: bytes, name: str = "table.csv") -> pd.DataFrame:
    path = tmp_path / name
    path.write_bytes(content)
    return read(path)


def cells(frame: pd.DataFrame) -> list[list[str | None]]:
    return [[None if pd.isna(cell) else cell for cell in row] for row in frame.to_numpy()]


@pytest.mark.parametrize(
    ("content", "names", "rows"),
    [
        ("a,b\n1,x\n2,y\n", ["a", "b"], [["1", "x"], ["2", "y"]]),
        ("a,b\n1,x", ["a", "b"], [["1", "x"]]),
        ("a,b\r\n1,x\r\n", ["a", "b"], [["1", "x"]]),
        ("a,b\r1,x\r2,y\r", ["a", "b"], [["1", "x"], ["2", "y"]]),
        ("\n\na,b\n\n1,x\n\n", ["a", "b"], [["1", "x"]]),
        ("a;b\n1,5;x\n2,5;y\n", ["a", "b"], [["1,5", "x"], ["2,5", "y"]]),
        ("a\tb\n1\tx, y\n", ["a", "b"], [["1", "x, y"]]),
        ("a|b|c\n1|2|3\n", ["a", "b", "c"], [["1", "2", "3"]]),
        ("alone\n1\n2\n", ["alone"], [["1"], ["2"]]),
        ('"a,1",b\n"x, y","say ""hi"""\n', ["a,1", "b"], [["x, y", 'say "hi"']]),
        ('a,b\n"two\nlines",x\n', ["a", "b"], [["two\nlines", "x"]]),
        ('a,b\n1,"two\nlines"\n\n', ["a", "b"], [["1", "two\nlines"]]),
        ('a,b\n1,"two\r\nlines"', ["a", "b"], [["1", "two\r\nlines"]]),
        ('a,b\n5" pipe,x\n', ["a", "b"], [['5" pipe', "x"]]),
        ('a,b\n"",x\n,\n', ["a", "b"], [[None, "x"], [None, None]]),
        ("a,b\n 007 ,NA\n", ["a", "b"], [[" 007 ", "NA"]]),
        (",a\n0,x\n", ["Unnamed: 0", "a"], [["0", "x"]]),
        ("Call  Failure,ünï/cödé,日本\n1,2,3\n", ["Call  Failure", "ünï/cödé", "日本"],
         [["1", "2", "3"]]),
        ("cat,add,[x]\n1,2,3\n", ["cat", "add", "[x]"], [["1", "2", "3"]]),
        ("true,1\nfalse,2\n", ["true", "1"], [["false", "2"]]),
    ],
)  # fmt: skip
def test_cells_stay_text(
    tmp_path: Path, content: str, names: list[str], rows: list[list[str]]
) -> None:
    frame = read_bytes(tmp_path, content.encode())
    assert list(frame.columns) == names
    assert all(dtype == "str" for dtype in frame.dtypes)
    assert cells(frame) == rows


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le+bom", "utf-16-be+bom", "cp1252"]
)
def test_encodings(tmp_path: Path, encoding: str) -> None:
    text = "Größe,Preis €\n12,Müller\n"
    if encoding.endswith("+bom"):
        content = ("\ufeff" + text).encode(encoding.removesuffix("+bom"))
    else:
        content = text.encode(encoding)
    frame = read_bytes(tmp_path, content)
    assert list(frame.columns) == ["Größe", "Preis €"]
    assert cells(frame) == [["12", "Müller"]]


def test_bytes_that_an_encoding_lacks_are_replaced(tmp_path: Path) -> None:
    frame = read_bytes(tmp_path, b"a,b\ncaf\xe9,\x81\n")
    assert cells(frame) == [["café", "\ufffd"]]


def test_one_odd_byte_in_the_last_row_decides_the_encoding(tmp_path: Path) -> None:
    frame = read_bytes(tmp_path, b"a,b\n" + b"1,x\n" * HEAD + b"2,\xe9\n")
    assert len(frame) == HEAD + 1
    assert frame["b"].iloc[-1] == "é"


def test_utf8_is_not_cut_at_a_block(tmp_path: Path) -> None:
    frame = read_bytes(tmp_path, b"a,b\n" + ("x" * (HEAD - 6) + ",ü\n").encode())
    assert cells(frame)[0][1] == "ü"


@pytest.mark.parametrize("name", ["table.csv.gz", "table.csv", "table"])
def test_gzip_is_known_by_its_bytes(tmp_path: Path, name: str) -> None:
    frame = read_bytes(tmp_path, gzip.compress("a;b\n1;ü\n".encode()), name)
    assert cells(frame) == [["1", "ü"]]


def test_the_delimiter_is_found_beyond_a_long_first_row(tmp_path: Path) -> None:
    wide = [f"column {i}" for i in range(9000)]
    frame = read_bytes(tmp_path, (";".join(wide) + "\n" + ";".join(["1,5"] * 9000)).encode())
    assert list(frame.columns) == wide


def test_the_last_row_of_the_head_does_not_mislead(tmp_path: Path) -> None:
    row = "x" * 100 + ";1,2,3\n"
    frame = read_bytes(tmp_path, ("a;b\n" + row * 2000).encode())
    assert list(frame.columns) == ["a", "b"]
    assert frame["b"].unique().tolist() == ["1,2,3"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"table.csv: expected a table, got an empty file \(0 bytes\)"),
        (b"\n\n  \n", "got no text"),
        (b"a,b\n", "columns but no rows"),
        (b"a,b", "columns but no rows"),
        (b"a,b,a\n1,2,3\n", "'a' more than once"),
        (
            b"a,b\n1,2\n3\n4,5\n",
            r"table.csv: expected 2 cells in every row, as in the header, got 1 in line 3; correct",
        ),
        (b'a,b\n"two\nlines",2\n1,2,3\n', "got 3 in line 4; correct that line"),
        (b"a,b\n" + b"1,2\n" * 70_000 + b"1,2,3\n", "got 3 in line 70,002"),
        (bytes(range(256)) * 40, "binary content of a format that is not known; name a CSV, Parq"),
        (
            b"PK\x03\x04" + b"abc" * 50,
            r"can be unpacked, got one that cannot be read \(File is not a zip",
        ),
        (PACKED[:-30], r"cannot be read \(Compressed file"),
        (PACKED[:20] + b"x" * 99, "cannot be read"),
        (b"\x1f\x8bnot gzip", "cannot be read"),
        (b"\xff\xfea", "starts like UTF-16 text but is not"),
        (b'a,b\n1,"x\n2,y\n3,z\n', "the quote that opens before 'x' never closes"),
        (b'a,b\n1,2\n"x\n2,y\n3,z\n', "got 1 in line 5; correct that line"),
        (b'a,"b\n' + b"1,2\n" * 99_999, "cannot be read .*a quote in the header never closes"),
        (b'a,b\n1,"x\n' + b"2,y\n" * 3_000_000, "cannot be read"),
        (b"a,b\n1,2\n3," + b"x" * 20_000_000 + b"\n", "cannot be read"),
        (gzip.compress(b"", mtime=0), "got an empty file"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_bad_files_get_one_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_bytes(tmp_path, content)
    assert "\n" not in str(caught.value)


def test_the_mark_that_ends_a_text_of_dos_is_left_out(tmp_path: Path) -> None:
    path, said = tmp_path / "t.csv", []
    path.write_bytes(b"a,b\r\n1,2\r\n\x1a")
    assert read(path, announce=said.append).to_dict("records") == [{"a": "1", "b": "2"}]
    assert said == ["t.csv: the last line left out ('\\x1a')."]


def test_several_files_are_one_table(tmp_path: Path) -> None:
    (tmp_path / "part1.csv").write_text("a,b\n1,x\n")
    (tmp_path / "part2.csv").write_text("a;b\n2;y\n")  # each has its own form
    assert cells(read(str(tmp_path / "part*.csv"))) == [["1", "x"], ["2", "y"]]
    assert cells(read(tmp_path)) == [["1", "x"], ["2", "y"]]


@pytest.mark.parametrize(
    ("header", "message"), [("a,c", "column 'b' is not in both"), ("b,a", "their order differs")]
)
def test_several_files_must_agree(tmp_path: Path, header: str, message: str) -> None:
    (tmp_path / "part1.csv").write_text("a,b\n1,x\n")
    (tmp_path / "part2.csv").write_text(f"{header}\n2,y\n")
    with pytest.raises(InputError, match=rf"part2.csv: .* of 'part1.csv', .* \({message}"):
        read(tmp_path)


TEXT = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs"))
    | st.sampled_from(["\n", '"', ",", ";"]),
    max_size=6,
)


@settings(deadline=None)
@given(st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(TEXT, min_size=width, max_size=width), min_size=1, max_size=8)
))  # fmt: skip
def test_what_the_csv_module_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    names = [f"column {i}" for i in range(len(rows[0]))]
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    path = tmp_path_factory.mktemp("csv") / "table.csv"
    path.write_bytes(text.getvalue().encode())
    frame = read(path)
    assert list(frame.columns) == names
    assert cells(frame) == [[cell or None for cell in row] for row in rows]


def test_a_delimiter_that_arrow_does_not_take_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("sep=¦\na¦b\n1¦2\n")
    with pytest.raises(
        InputError, match=r"t.csv: expected a CSV file, .*delimiter '¦' is no ASCII"
    ):
        read(tmp_path / "t.csv")


def test_a_line_of_a_million_cells_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at most 20,000, got 1,000,001"):
        read_bytes(tmp_path, b"a" + b",a" * 1_000_000 + b"\n")

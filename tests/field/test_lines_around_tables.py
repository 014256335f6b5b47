"""Exports of reports: titles, comments, totals and blanks around a table are found and said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from churn_torch.errors import InputError
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.options import ColumnRoles, ReadOptions
from churn_torch.tables.readers.sources import read, read_chunks
from churn_torch.tables.schema import Kind

HEADER = "id,age,calls,churn\n"
BODY = "".join(f"C{i},{30 + i},{i % 4},{'Yes' if i % 3 else 'No'}\n" for i in range(40))


@pytest.mark.parametrize(
    ("above", "below", "word"),
    [
        ("Customer churn extract 2024\n", "", "1 line above the header left out"),
        ("Customer churn extract,,,\n\n", "", "1 line above the header left out"),
        ("# exported by CRM\n# rows: 40\n", "", "2 lines above the header left out"),
        ("sep=,\n", "", r"sep=,\) left out"),
        ("", "Total,,,40\n", r"the last line left out \('Total,,,40'\)"),
        ("", "\n40 rows exported\n", "the last line left out"),
        ("", "C40,3", r"the last line left out \('C40,3'\)"),
        ("Report\n\n", "Total,,,40\nExported at noon\n", "above the header.*the last 2 lines left"),
    ],
)
@pytest.mark.parametrize("times", [1, 500])  # in the first block, and far beyond
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_lines_around_a_table(
    tmp_path: Path, above: str, below: str, word: str, times: int, encoding: str
) -> None:
    path = tmp_path / "t.csv"
    text = HEADER + BODY * times
    if encoding == "cp1252":
        text = text.replace("C1,", "Café,")
    path.write_bytes((above + text + below).encode(encoding))
    said: list[str] = []
    chunks = list(read_chunks(path, rows=50_000, announce=said.append))
    assert sum(map(len, chunks)) == 40 * times
    assert list(chunks[0].columns) == ["id", "age", "calls", "churn"]
    assert chunks[-1]["id"].iloc[-1] == "C39"
    assert len(said) == 1 + (encoding != "utf-8")
    assert re.search(word, said[-1])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("title", "times"),
    [("Report\n", 1), ("Report\n", 700), ("", 1), ("", 700)],  # in the first block, and far beyond
)
def test_exports_put_end_to_end_repeat_their_header(
    tmp_path: Path, encoding: str, newline: str, title: str, times: int
) -> None:
    path = tmp_path / "t.csv"
    header = '"id",age,calls,"churn ",\n'
    body = (BODY * times).replace("\n", ",\n").replace("C1,", "Café,")
    mark = "\ufeff" if encoding == "utf-8-sig" else ""  # some programs put one before each
    text = f"{title}{header}{body}{mark}{header}{body}{header}"
    path.write_bytes(text.replace("\n", newline).encode(encoding))
    said: list[str] = []
    chunks = list(read_chunks(path, announce=said.append))
    assert sum(map(len, chunks)) == 80 * times
    assert all("id" not in chunk["id"].tolist() for chunk in chunks)
    assert "2 lines that repeat the header left out" in said[-1]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("name\nAnn\nname\n", 2),  # of one column it may be a value
        ("a,1\nb,2\na,1\n", 2),  # the first row of a file without a header
        ("a,b\n1,2\na,c\na,bb\nxa,b\n", 4),
        ('a,b\n1,2\n"a",b\n', 2),
        ("a,\n1,2\na,\n", 2),  # two bytes are no two names
        ("id,n\na,1,2\nb,3,4\n", 2),  # a name fewer than cells, as R writes
    ],
)
def test_rows_that_are_no_repeated_header_stay(tmp_path: Path, text: str, rows: int) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    assert len(read(path)) == rows


def test_a_bad_row_stays_an_error_that_names_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(HEADER + "C,1,2,Yes,odd\n" + BODY)
    with pytest.raises(InputError, match=r"got 5 in line 2; correct that line, or say with data"):
        read(path)
    with pytest.raises(InputError, match=r"got 5 in line 2; correct that line\."):
        read(path, reading=ReadOptions(skip=0))
    path.write_text(HEADER + BODY + "C,1,2,Yes,odd\n" + BODY)
    with pytest.raises(InputError, match=r"got 5 in line 42; correct that line\."):
        read(path)


def test_a_path_and_a_select_give_one_table(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "customer id , Age,Member ,status \n"
        + "".join(
            f"C{i},{30 + i % 9},{'Yes' if i % 2 else 'No'},{'Churned' if i % 3 else 'Stayed'}\n"
            for i in range(40)
        )
    )
    by_path, by_query = read(path), read(f"SELECT * FROM '{path}'")
    assert (
        list(by_path.columns)
        == list(by_query.columns)
        == [*("customer id", "Age", "Member", "status")]
    )
    roles = ColumnRoles(target="status")
    schemas = [infer(frame, roles) for frame in (by_path, by_query)]
    kinds = [[(column.name, column.kind) for column in schema.columns] for schema in schemas]
    assert kinds[0] == kinds[1]
    assert schemas[0]["Member"].kind is Kind.BOOLEAN
    frame = by_path.rename(columns=lambda name: f" {name}\t")
    assert list(read(frame).columns) == list(by_path.columns)


def test_an_index_without_a_name_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = "".join(f"{7 * i},{line}\n" for i, line in enumerate(BODY.split()))
    path.write_text("," + HEADER + rows)
    said: list[str] = []
    frame = read(path, announce=said.append)
    assert said == ["t.csv: 1 column has no name and is called 'Unnamed: 0'."]
    column = infer(frame, ColumnRoles(target="churn"))["Unnamed: 0"]
    assert (column.kind, column.note) == (Kind.IGNORED, "left out: an index without a name")


def test_codes_that_a_spreadsheet_keeps_by_a_formula_are_text(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = [f'"=""{i:03}""",="0{i % 4}",a=b,{"Yes" if i % 3 else "No"}' for i in range(60)]
    path.write_text("\n".join(["id,code,other,churn", *rows]) + "\n")
    said: list[str] = []
    frame = read(path, announce=said.append)
    assert frame.iloc[7].tolist() == ["007", "03", "a=b", "Yes"]
    assert said == ['t.csv: of cells such as ="0123" the text is read.']
    query = read(f"SELECT * FROM '{path}'")
    assert query.iloc[7].tolist() == ["007", "03", "a=b", "Yes"]
    plain = tmp_path / "plain.csv"
    plain.write_text("id,x,churn\n1,a=b,Yes\n2,c,No\n")
    assert read(plain, announce=said.append).iloc[0].tolist() == ["1", "a=b", "Yes"]
    assert len(said) == 1

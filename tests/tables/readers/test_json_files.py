"""JSON: every layout that programs write gives the same table."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.readers import free_memory, json_files
from churn_torch.tables.readers.sources import read, read_chunks

FRAME = pd.DataFrame(
    {
        "id": ["a", "b", "c"],
        "age": [30, 40, None],
        "city": ["São Paulo", None, "007"],
        "day": ["2024-01-31", "2024-02-01", None],
        "churn": [True, False, True],
    }
)
RECORDS = json.loads(FRAME.to_json(orient="records"))


def lines() -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in RECORDS)


LAYOUTS = {
    "array": json.dumps(RECORDS, ensure_ascii=False),
    "indented": json.dumps(RECORDS, indent=2),
    "lines": lines(),
    "lines with a blank one": "\n" + lines().replace("\n", "\n\n"),
    "columns by row": FRAME.to_json(),
    "columns as lists": json.dumps({name: FRAME[name].where(FRAME[name].notna(), None).tolist()
                                    for name in FRAME}),
    "split": FRAME.to_json(orient="split"),
    "under a key": json.dumps({"total": 3, "customers": RECORDS}, indent=1),
    "under a key in one line": json.dumps({"total": 3, "data": RECORDS}),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_layout_is_the_same_table(tmp_path: Path, layout: str, encoding: str) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(LAYOUTS[layout].encode(encoding))
    frame = read(path)
    assert list(frame.columns) == list(FRAME.columns)
    assert frame["age"].astype("float64").tolist()[:2] == [30, 40]
    assert frame["city"].astype(object).where(frame["city"].notna(), None).tolist() == [
        *("São Paulo", None, "007")
    ]
    assert frame["day"].tolist()[:2] == ["2024-01-31", "2024-02-01"]  # text, as in a CSV file
    assert frame["churn"].tolist() == [True, False, True]
    chunks = list(read_chunks(path, rows=2))
    assert [len(chunk) for chunk in chunks] == [2, 1]


def test_packed_and_named_otherwise(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl.gz").write_bytes(gzip.compress(lines().encode()))
    (tmp_path / "t.csv").write_text(lines())
    for name in ("t.jsonl.gz", "t.csv"):
        assert read(tmp_path / name, columns=["churn", "id"])["id"].tolist() == ["a", "b", "c"]


def test_mixed_cells_are_text_and_keys_may_be_absent(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"a": 1, "b": "x"}\n{"a": "two", " c ": 1.5}\n')
    frame = read(path)
    assert list(frame.columns) == ["a", "b", "c"]
    assert frame["a"].tolist() == ["1", "two"]
    assert frame["c"].tolist()[1] == 1.5


def test_rows_under_a_key_are_said(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "t.json").write_text(LAYOUTS["under a key"])
    read(tmp_path / "t.json", announce=said.append)
    assert said == ["t.json: the rows under 'customers' are read."]


@pytest.mark.parametrize(
    "content",
    [
        '[{"a": 1}, {"a": ',
        '{"a": 1}\n{"a": x}\n',
        "[1, 2, 3]",
        '{"a": {"b": 1}, "c": [1, 2, 3]}',
        '{"a": [1, 2], "b": [1]}',
        "{\n}",
        '"text"',
        "a,b\n1,2\n",
        '{"a": ["\\ud800"]}',
        '{"a": ' + "[" * 100_000 + "}",
    ],
    ids=range(10),
)
def test_what_is_no_table_gets_a_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "t.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"t.json: expected |source: expected ") as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_an_object_nested_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text('{"a":' * 100_000 + "1" + "}" * 100_000)
    with pytest.raises(InputError, match=r"cannot be read .maximum recursion"):
        read(tmp_path / "t.json")


def test_many_columns_are_columns(tmp_path: Path) -> None:
    rows = [{f"c{i}": i * row for i in range(250) if (i + row) % 3} for row in range(9)]
    (tmp_path / "wide.json").write_text(json.dumps(rows), encoding="utf-8")
    frame = read(tmp_path / "wide.json")
    assert frame.shape == (9, 250)
    assert frame["c249"].isna().sum() == 3


@pytest.mark.parametrize("layout", ["under a key", "columns by row"])
def test_a_column_of_its_own_for_each_row_is_refused_before_it_fills_the_memory(
    layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(free_memory, "available_bytes", lambda: 2_000_000)
    rows = [{f"c{i}": 1} for i in range(500)]
    by_row = {f"c{i}": {str(i): 1} for i in range(500)}
    document = {"data": rows} if layout == "under a key" else by_row
    (tmp_path / "t.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(InputError, match=r"got one that takes about 0\.0 GB when it is unpacked"):
        read(tmp_path / "t.json")


def test_an_object_longer_than_any_is_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(json_files, "BLOCK", 1 << 16)
    (tmp_path / "t.json").write_text('[{"a": "' + "x" * (40 << 20) + '"}]')
    with pytest.raises(InputError, match=r"cannot be read \(an object is longer than 524,288 byte"):
        read(tmp_path / "t.json")

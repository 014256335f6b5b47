"""Parquet: files, folders and their parts as one table."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.readers import free_memory
from churn_torch.tables.readers.parquet_files import estimated_bytes, metadata
from churn_torch.tables.readers.sources import read, read_chunks


def test_types_come_through(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "number": [1.5, np.nan],
            "whole": [1, 2],
            "gap": pd.array([2**60 + 1, None], dtype="Int64"),
            "text": ["a", None],
            "word": pd.Categorical(["x", None]),
            "flag": pd.array([True, None], dtype="boolean"),
            "when": pd.to_datetime(["2024-01-31", None]),
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    back = read(tmp_path / "t.parquet")
    dtypes = ["float64", "int64", "Int64", "str", "str", "object", "datetime64[us]"]
    assert [str(dtype) for dtype in back.dtypes] == dtypes
    assert back["gap"].iloc[0] == 2**60 + 1
    assert back["flag"].tolist() == [True, None]


def test_a_nameless_index_is_no_column_but_a_named_one_is(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1.5, 2.5]}, index=[7, 3])
    frame.to_parquet(tmp_path / "t.parquet", index=True)
    assert "__index_level_0__" in pq.read_schema(tmp_path / "t.parquet").names
    assert list(read(tmp_path / "t.parquet").columns) == ["a"]
    frame.rename_axis("key").to_parquet(tmp_path / "t.parquet")
    assert read(tmp_path / "t.parquet")["key"].tolist() == [7, 3]


def test_columns_are_read_in_the_asked_order(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1], "b": [2], "c": [3]}).to_parquet(tmp_path / "t.parquet")
    assert list(read(tmp_path / "t.parquet", columns=["c", "a"]).columns) == ["c", "a"]
    with pytest.raises(InputError, match="did you mean 'b'"):
        read(tmp_path / "t.parquet", columns=["B"])


def test_names_that_differ_only_in_case_stay(tmp_path: Path) -> None:
    frame = pd.DataFrame({"Age": [1], "age": [2], "a/b": [3], "Unnamed: 3": [4]})
    frame.to_parquet(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(read(tmp_path / "t.parquet"), frame)


def test_folders_are_read_in_order_with_their_parts(tmp_path: Path) -> None:
    for country, year, numbers in (("fr", 2024, [3]), ("de", 2023, [1, 2])):
        folder = tmp_path / "t" / f"country={country}" / f"year={year}"
        folder.mkdir(parents=True)
        pd.DataFrame({"a": numbers}).to_parquet(folder / "part.parquet")
    (tmp_path / "t" / "_SUCCESS").touch()
    (tmp_path / "t" / "_metadata.parquet").touch()
    (tmp_path / "t" / ".hidden").mkdir()
    (tmp_path / "t" / ".hidden" / "x.parquet").touch()
    frame = read(tmp_path / "t")
    assert frame.to_dict("list") == {
        "a": [1, 2, 3],
        "country": ["de", "de", "fr"],
        "year": [2023, 2023, 2024],
    }


def test_a_file_may_lack_a_column(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1], "b": ["x"]}).to_parquet(tmp_path / "1.parquet")
    pd.DataFrame({"c": [2.5], "a": [2]}).to_parquet(tmp_path / "2.parquet")
    frame = read(tmp_path)
    assert frame["a"].tolist() == [1, 2]
    assert frame["b"].isna().tolist() == [False, True]
    assert frame["c"].isna().tolist() == [True, False]


def test_columns_of_folder_names_alone(tmp_path: Path) -> None:
    (tmp_path / "t" / "year=2023").mkdir(parents=True)
    pd.DataFrame({"a": [1, 2]}).to_parquet(tmp_path / "t" / "year=2023" / "part.parquet")
    assert read(tmp_path / "t", columns=["year"])["year"].tolist() == [2023, 2023]


def test_names_with_dots_stand_for_themselves(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a.b": [1], "a": [2], "c": [3]})
    frame.to_parquet(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(read(tmp_path / "t.parquet"), frame)
    assert read(tmp_path / "t.parquet", columns=["a"])["a"].tolist() == [2]
    assert read(tmp_path / "t.parquet", columns=["a.b"])["a.b"].tolist() == [1]


def test_nested_columns_stay_whole(tmp_path: Path) -> None:
    table = pa.table({"a": [{"x": 1, "y": [1, 2]}], "b": [[{"z": "q"}]]})
    pq.write_table(table, tmp_path / "t.parquet")
    frame = read(tmp_path / "t.parquet")
    assert list(frame.columns) == ["a", "b"]
    assert frame["a"][0]["x"] == 1


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_chunks_do_not_mind_row_groups(tmp_path: Path, rows: int) -> None:
    frame = pd.DataFrame({"a": np.arange(100), "t": [f"t{i % 7}" for i in range(100)]})
    frame.to_parquet(tmp_path / "t.parquet", row_group_size=13)
    chunks = list(read_chunks(tmp_path / "t.parquet", rows=rows))
    assert {len(chunk) for chunk in chunks[:-1]} <= {rows}
    pd.testing.assert_frame_equal(pd.concat(chunks, ignore_index=True), frame)


def test_the_size_of_a_file_in_memory(tmp_path: Path) -> None:
    # Packed to almost nothing, but a number takes 8 bytes all the same.
    pd.DataFrame({"a": np.zeros(10_000), "b": 1}).to_parquet(tmp_path / "t.parquet")
    assert estimated_bytes(tmp_path / "t.parquet") == 10_000 * 2 * 8
    pd.DataFrame({"a": [f"{i:0100}" for i in range(10_000)]}).to_parquet(tmp_path / "t.parquet")
    assert estimated_bytes(tmp_path / "t.parquet") > 10_000 * 100


def test_files_may_differ_in_types_but_not_in_kind(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1], "b": ["x"]}).to_parquet(tmp_path / "1.parquet")
    pd.DataFrame({"a": [1.5], "b": ["y"]}).to_parquet(tmp_path / "2.parquet")
    assert read(tmp_path)["a"].tolist() == [1.0, 1.5]
    pd.DataFrame({"a": [None], "b": ["z"]}).to_parquet(tmp_path / "3.parquet")
    assert read(str(tmp_path / "*.parquet"))["a"].isna().tolist() == [False, False, True]
    pd.DataFrame({"a": ["text"], "b": ["y"]}).to_parquet(tmp_path / "2.parquet")
    with pytest.raises(
        InputError,
        match=r"Parquet files with the same columns, got .*SELECT",
    ):
        read(tmp_path)


def test_repeated_names_are_refused(tmp_path: Path) -> None:
    table = pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(InputError, match="'a' more than once"):
        read(tmp_path / "t.parquet")


def test_no_rows_are_refused(tmp_path: Path) -> None:
    pd.DataFrame({"a": pd.Series([], dtype="float64")}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match="columns but no rows"):
        read(tmp_path / "t.parquet")
    with pytest.raises(InputError, match="columns but no rows"):
        list(read_chunks(tmp_path / "t.parquet"))


def test_damaged_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({"a": range(5000), "b": ["text"] * 5000}).to_parquet(path)
    assert metadata(path).num_rows == 5000
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"t.parquet: expected a Parquet file, .* cannot be read"):
        read(path)
    path.write_bytes(whole[:4] + b"\xff" * (len(whole) // 2) + whole[4 + len(whole) // 2 :])
    with pytest.raises(InputError, match=r"t.parquet: .*(read to its end|cannot be read)"):
        read(path)


# Text columns left as codes

TEXTS = ["basic", None, "premium", ""] * 3


def write_texts(path: Path, kind: pa.DataType, texts: list[str | None] = TEXTS, **how: Any) -> None:
    column = pa.array(texts, pa.string())
    if pa.types.is_dictionary(kind):
        column = column.dictionary_encode()
    table = pa.table({"plan": column.cast(kind), "use": range(len(texts))})
    pq.write_table(table, path, **how)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())], ids=str
)
def test_coded_texts_are_the_same_texts(kind: pa.DataType, packed: bool, tmp_path: Path):
    path = tmp_path / "customers.parquet"
    write_texts(path, kind, use_dictionary=packed, row_group_size=5)
    coded = list(read_chunks(path, rows=7, coded=["plan", "use"]))
    for chunk, plain in zip(coded, read_chunks(path, rows=7), strict=True):
        assert isinstance(chunk["plan"].dtype, pd.CategoricalDtype)
        pd.testing.assert_frame_equal(chunk.astype({"plan": "str"}), plain)


def test_texts_that_a_file_lacks_are_not_coded(tmp_path: Path):
    for country in ("de", "fr"):
        (tmp_path / f"country={country}").mkdir()
        write_texts(tmp_path / f"country={country}" / "a.parquet", pa.string())
    coded = pd.concat(read_chunks(tmp_path, coded=["plan", "country"]))
    assert isinstance(coded["plan"].dtype, pd.CategoricalDtype)
    pd.testing.assert_frame_equal(coded.astype({"plan": "str"}), read(tmp_path))
    pq.write_table(pa.table({"use": [1]}), tmp_path / "country=fr" / "b.parquet")
    coded = pd.concat(read_chunks(tmp_path, coded=["plan", "country"]))
    pd.testing.assert_frame_equal(coded, read(tmp_path))


def test_lists_without_any_value_stay_whole(tmp_path: Path) -> None:
    lists = pa.array([[None] * (i % 4) for i in range(50)], pa.list_(pa.null()))
    pq.write_table(pa.table({"x": lists}), tmp_path / "a.parquet")
    assert [len(cell) for cell in read(tmp_path / "a.parquet")["x"]] == [i % 4 for i in range(50)]


def test_uuids_are_text_and_text_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    ident = uuid.UUID(int=7)
    columns = {"id": pa.array([ident, None], pa.uuid()), "plan": ["basic", "plus"]}
    pq.write_table(pa.table(columns), path)
    frame = read(path)
    assert frame["id"].tolist()[0] == str(ident)
    assert frame["id"].isna().tolist() == [False, True]
    pq.write_table(pa.table(columns), path, compression="none", use_dictionary=False)
    path.write_bytes(path.read_bytes().replace(b"basic", b"bas\xffc"))
    with pytest.raises(InputError, match=r"read to its end, got .*UTF-?8"):
        read(path)
    twice = pa.table([columns["id"], columns["id"]], names=["id", "id"])
    pq.write_table(twice, path)
    with pytest.raises(InputError, match="a different name for each, got 'id' more than once"):
        read(path)


def test_fewer_rows_than_the_footer_says_are_no_table(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": [1, 2, 3]}), path)
    content = path.read_bytes()
    rows, more = b"\x16\x06\x19\x1c", b"\x16\x08\x19\x1c"  # in Thrift, of the whole file
    assert content.count(rows) == 1
    path.write_bytes(content.replace(rows, more))
    with pytest.raises(InputError, match="3 rows in place of 4"):
        read(path)


def test_a_batch_that_is_far_larger_than_its_file_holds_to_the_free_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.parquet"
    duckdb.execute(f"COPY (SELECT repeat('ab', 500_000) AS a FROM range(300)) TO '{path}'")
    assert path.stat().st_size < 100_000
    monkeypatch.setattr(free_memory, "available_bytes", lambda: 50_000_000)
    with pytest.raises(InputError, match=r"got one that takes more than 0\.0 GB of memory"):
        next(read_chunks(path, rows=10))

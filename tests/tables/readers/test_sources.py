"""Sources: every way to name a table leads to the same rows, and every wrong one to a sentence."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers import sources
from churn_torch.tables.readers.sources import (
    Source,
    column_names,
    count_rows,
    files,
    read,
    read_chunks,
    read_sample,
)

FRAME = pd.DataFrame({"key": [f"k{i}" for i in range(10)], "number": np.arange(10) / 4})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the table in every form."""
    FRAME.to_csv(tmp_path / "table.csv", index=False)
    FRAME.to_csv(tmp_path / "table.csv.gz", index=False)
    FRAME.to_csv(tmp_path / "table.tsv", index=False, sep="\t")
    FRAME.to_parquet(tmp_path / "table.parquet")
    FRAME.to_parquet(tmp_path / "unnamed")
    (tmp_path / "parts").mkdir()
    FRAME[:4].to_parquet(tmp_path / "parts" / "1.parquet")
    FRAME[4:].to_parquet(tmp_path / "parts" / "2.parquet")
    with duckdb.connect(str(tmp_path / "base.duckdb")) as connection:
        connection.execute(
            "CREATE TABLE customers AS SELECT 'k' || i AS key, i / 4 AS number FROM range(10) t(i)"
        )
    return tmp_path


SOURCES = {
    "csv": "table.csv",
    "gzip": "table.csv.gz",
    "tsv": "table.tsv",
    "parquet": "table.parquet",
    "parquet without a suffix": "unnamed",
    "glob": "parts/*.parquet",
    "folder": "parts",
    "query": "SELECT * FROM '{}/table.parquet' ORDER BY number",
    "query with": "\n with t AS (SELECT * FROM read_csv('{}/table.csv')) SELECT * FROM t;",
    "query of a base": "select*from customers order by number",
    "frame": "",
}


def source_of(how: str, folder: Path) -> tuple[Source, ReadOptions]:
    if how == "frame":
        return FRAME.set_index(FRAME.index * 3), ReadOptions()
    if how.startswith("query"):
        database = str(folder / "base.duckdb") if how.endswith("base") else None
        return SOURCES[how].format(folder), ReadOptions(database=database)
    return str(folder / SOURCES[how]), ReadOptions()


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(number=frame["number"].astype("float64"))


@pytest.mark.parametrize("how", SOURCES)
def test_every_way_gives_the_same_rows(folder: Path, how: str) -> None:
    source, reading = source_of(how, folder)
    pd.testing.assert_frame_equal(numbers(read(source, reading=reading)), FRAME)
    for rows in (1, 3, 10, 99):
        chunks = list(read_chunks(source, reading=reading, rows=rows))
        whole, rest = divmod(10, rows)
        assert [len(chunk) for chunk in chunks] == [rows] * whole + [rest] * bool(rest)
        assert all(chunk.index[0] == 0 for chunk in chunks)
        pd.testing.assert_frame_equal(numbers(pd.concat(chunks, ignore_index=True)), FRAME)


@pytest.mark.parametrize("how", SOURCES)
def test_columns_narrow_every_source(folder: Path, how: str) -> None:
    source, reading = source_of(how, folder)
    assert list(read(source, reading=reading, columns=["number"]).columns) == ["number"]
    swapped = next(read_chunks(source, reading=reading, columns=["number", "key"]))
    assert list(swapped.columns) == ["number", "key"]
    with pytest.raises(
        InputError, match=r"a column 'Number', got none of that name .did you mean 'number'"
    ):
        read(source, reading=reading, columns=["Number"])
    with pytest.raises(InputError, match="none of that name"):
        list(read_chunks(source, reading=reading, columns=["Number"]))


@pytest.mark.parametrize("how", SOURCES)
def test_rows_are_counted_where_that_is_free(folder: Path, how: str) -> None:
    source, reading = source_of(how, folder)
    known = how == "frame" or "parquet" in how or how in ("glob", "folder")
    assert count_rows(source, reading) == (10 if known else None)
    assert column_names(source, reading) == (list(FRAME) if known else None)


@pytest.mark.parametrize("how", SOURCES)
def test_files_are_those_that_hold_the_rows(folder: Path, how: str) -> None:
    source, reading = source_of(how, folder)
    paths = files(source, reading)
    if how == "frame" or how.startswith("query"):
        assert paths is None
    else:
        named = ["1.parquet", "2.parquet"] if how in ("glob", "folder") else [SOURCES[how]]
        assert [path.name for path in paths or []] == named


@pytest.mark.parametrize("how", SOURCES)
def test_a_sample_of_a_small_table_is_the_table(folder: Path, how: str) -> None:
    source, reading = source_of(how, folder)
    sample, runs = read_sample(source, rows=99, reading=reading)
    pd.testing.assert_frame_equal(numbers(sample), FRAME)
    assert sum(runs) == 10


@pytest.mark.parametrize("how", ["csv", "gzip", "query", "query of a base"])
def test_a_sample_of_what_has_no_groups_is_its_first_rows(folder: Path, how: str) -> None:
    source, reading = source_of(how, folder)
    sample, runs = read_sample(source, rows=4, reading=reading)
    pd.testing.assert_frame_equal(numbers(sample), FRAME[:4])
    assert runs == [4]


@pytest.mark.parametrize("group", [100, 1000, 3000, 20_000])
def test_a_sample_is_spread_over_the_row_groups(tmp_path: Path, group: int) -> None:
    frame = pd.DataFrame({"a": np.arange(20_000), "t": "x"})
    frame.to_parquet(tmp_path / "t.parquet", row_group_size=group)
    sample, runs = read_sample(tmp_path / "t.parquet", rows=1600)
    assert sum(runs) == len(sample) == pytest.approx(1600, rel=0.05)
    assert len(runs) == min(16, 20_000 // group + bool(20_000 % group))
    starts = np.cumsum([0, *runs[:-1]])
    for start, length in zip(starts, runs, strict=True):
        run = sample["a"][start : start + length].to_numpy()
        assert run[0] % group == 0
        assert (np.diff(run) == 1).all()
    if len(runs) > 1:  # as far apart as the groups allow
        assert np.diff(sample["a"].to_numpy()[starts]).max() <= 20_000 / len(runs) + group
    of_frame, frame_runs = read_sample(frame, rows=1600)
    assert frame_runs == [100] * 16
    assert of_frame["a"].tolist() == [i * 1250 + j for i in range(16) for j in range(100)]


def test_small_row_groups_give_as_many_rows(tmp_path: Path) -> None:
    pd.DataFrame({"a": np.arange(5000)}).to_parquet(tmp_path / "t.parquet", row_group_size=10)
    sample, runs = read_sample(tmp_path / "t.parquet", rows=1000)
    assert (len(sample), set(runs)) == (1000, {10})
    assert sample["a"].iloc[-1] >= 4900


def test_paths_may_be_paths_and_start_at_home(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder))
    assert len(read(folder / "table.csv")) == 10
    assert len(read("~/table.csv")) == 10
    monkeypatch.chdir(folder)
    assert len(read("table.csv")) == 10


def test_a_file_may_be_named_like_a_query(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    os.rename("table.csv", "select (best).csv")
    assert len(read("select (best).csv")) == 10


def test_number_names_of_a_frame_become_text() -> None:
    assert list(read(pd.DataFrame([[1, 2]], columns=[0, "x"])).columns) == ["0", "x"]
    with pytest.raises(InputError, match="'x' more than once"):
        read(pd.DataFrame([[1, 2]], columns=["x", "x"]))


def test_a_frame_without_rows_is_the_callers_business() -> None:
    assert len(read(FRAME[:0])) == 0
    assert list(read_chunks(FRAME[:0])) == []


def test_the_callers_frame_is_left_alone() -> None:
    frame = FRAME.set_index("key", drop=False)
    chunk = next(read_chunks(frame, rows=5))
    chunk["number"] = 0.0
    whole = read(frame)
    whole.loc[0, "number"] = 99.0
    pd.testing.assert_frame_equal(frame, FRAME.set_index("key", drop=False))


def test_duckdb_types_become_plain() -> None:
    frame = read(
        "SELECT sum(i)::HUGEINT AS total, 1.5::DECIMAL(9, 2) AS price, DATE '2024-01-31' AS day, "
        "'b'::ENUM('a', 'b') AS word, uuid() AS key, NULL AS nothing, true AS flag, "
        "[1, 2] AS list FROM range(4) t(i)"
    )
    assert frame.dtypes.astype(str).to_dict() == {
        "total": "float64",
        "price": "float64",
        "day": "datetime64[ms]",
        "word": "str",
        "key": "str",
        "nothing": "str",
        "flag": "bool",
        "list": "object",
    }
    assert frame["total"].iloc[0] == 6.0


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "tabel.csv",
            r"tabel.csv', which is not there \(did you mean 'table.csv'\?\); check",
        ),
        ("nowhere/t.csv", r"nowhere/t.csv', which is not there, nor its folder '.*nowhere'"),
        ("*.xlsx", r"files that match '.*xlsx', got none; check"),
        (
            "empty",
            "folder '.*empty': expected files of tables in it, .* or CSV, got none",
        ),
        ("mixed", r"files of one format, got Parquet and others \('b.csv'\)"),
        ("fake.parquet", "fake.parquet: expected a Parquet file, got one that does not start like"),
        ("empty.parquet", r"empty.parquet: expected a table, got an empty file \(0 bytes\)"),
    ],
)
def test_wrong_paths_get_one_sentence(folder: Path, source: str, message: str) -> None:
    (folder / "empty").mkdir()
    (folder / "mixed").mkdir()
    FRAME.to_parquet(folder / "mixed" / "a.parquet")
    FRAME.to_csv(folder / "mixed" / "b.csv")
    (folder / "fake.parquet").write_text("a,b\n1,2\n")
    (folder / "empty.parquet").touch()
    with pytest.raises(InputError, match=message):
        read(str(folder / source))
    with pytest.raises(InputError, match=message):
        next(read_chunks(str(folder / source)))


@pytest.mark.parametrize("name", ["x" * 5000, "a\x00b"])
def test_names_that_no_file_can_have(name: str) -> None:
    with pytest.raises(InputError, match="is not there"):
        read(name)


def test_unreadable_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # root may read everything, so chmod will not do
    with pytest.raises(InputError, match=r"cannot be opened \(Permission denied\); check its perm"):
        read(folder / "table.csv")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT * FROM nowhere", "DuckDB can run, got .*nowhere does not exist"),
        ("SELECT FROM WHERE", "DuckDB can run, got .*Parser Error"),
        ("SELECT * FROM FRAME", "DuckDB can run"),  # no Python variable may be picked up
        ("SELECT * FROM frame", "DuckDB can run"),
        ("SELECT * FROM 'no.parquet'", "DuckDB can run, got .*IO Error"),
        ("SELECT 1 AS a WHERE false", "columns but no rows"),
        ("SELECT 1 AS a, 2 AS a", "'a' more than once"),
        ("SELECT CAST('x' || i AS INT) AS a FROM range(3) t(i)", "got .*Conversion Error"),
    ],
)
def test_wrong_queries_get_one_sentence(query: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(query)
    assert "\n" not in str(caught.value)


def test_databases_are_opened_read_only(folder: Path) -> None:
    base = str(folder / "base.duckdb")
    reading = ReadOptions(database=base)
    before = Path(base).read_bytes()
    with pytest.raises(InputError, match="exactly one SELECT statement, got INSERT"):
        read("WITH t AS (SELECT 1) INSERT INTO customers SELECT 'x', 1 FROM t", reading=reading)
    assert Path(base).read_bytes() == before


def test_wrong_databases_get_one_sentence(folder: Path) -> None:
    with pytest.raises(
        InputError,
        match=r"database: .*bass.duckdb', .* not there .did you mean 'base.duckdb'",
    ):
        read("SELECT 1 AS a", reading=ReadOptions(database=str(folder / "bass.duckdb")))
    with pytest.raises(
        InputError, match=r"a query .SELECT .* got 'customers'; write SELECT \* FROM"
    ):
        read("customers", reading=ReadOptions(database=str(folder / "base.duckdb")))
    with pytest.raises(InputError, match="expected a query"):
        count_rows(str(folder / "table.parquet"), ReadOptions(database=str(folder / "base.duckdb")))
    with pytest.raises(InputError, match="DuckDB can run"):
        read("SELECT 1 AS a", reading=ReadOptions(database=str(folder / "table.csv")))


def test_chunks_of_a_bad_file_fail_where_the_bad_line_is(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "x,yyyyyyyy\n" * 2_000_000 + "x\nx,y\n")  # more than one block
    chunks = read_chunks(path, rows=1000)
    assert len(next(chunks)) == 1000
    with pytest.raises(InputError, match="got 1 in line 2,000,002"):
        for _ in chunks:
            pass


def test_rows_that_take_nothing_in_a_file_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "available_bytes", lambda: 10_000_000)
    batch = pa.record_batch({"a": pa.nulls(10_000_000)})
    with pa.ipc.new_file(tmp_path / "t.arrow", batch.schema) as writer:
        writer.write_batch(batch)
    with pytest.raises(InputError, match="a table that fits into the free memory"):
        read(tmp_path / "t.arrow")

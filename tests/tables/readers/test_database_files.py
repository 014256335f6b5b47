"""Database files: their table by path, or a SELECT, which can read and nothing else."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import duckdb
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers.sources import read, read_chunks

ROWS = [("a", 30, 1.5, "Yes"), ("b", None, 2, "No"), ("c", 41, None, "Yes")]


def write_sqlite(path: Path, *tables: str) -> Path:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for table in tables:
            name = table.replace('"', '""')
            connection.execute(f'CREATE TABLE "{name}" (id, age, "price ", churn)')
            connection.executemany(f'INSERT INTO "{name}" VALUES (?, ?, ?, ?)', ROWS)
    return path


def write_duckdb(path: Path, *tables: str) -> Path:
    with duckdb.connect(str(path)) as connection:
        for table in tables:
            name = table.replace('"', '""')
            connection.execute(
                f'CREATE TABLE "{name}" (id VARCHAR, age INT, "price " DOUBLE, churn VARCHAR)'
            )
            connection.executemany(f'INSERT INTO "{name}" VALUES (?, ?, ?, ?)', ROWS)
    return path


WRITERS = {"shop.sqlite": write_sqlite, "shop.duckdb": write_duckdb, "shop.db": write_sqlite}


@pytest.mark.parametrize("name", WRITERS)
def test_the_only_table_is_read(tmp_path: Path, name: str) -> None:
    path = WRITERS[name](tmp_path / name, 'my "own".table')
    frame = read(path)
    assert list(frame.columns) == ["id", "age", "price", "churn"]
    assert frame["age"].sum() == 71
    assert frame["price"].tolist()[:2] == [1.5, 2.0]
    assert frame["churn"].tolist() == ["Yes", "No", "Yes"]
    chunks = list(read_chunks(path, rows=2, columns=["churn", "age"]))
    assert [list(chunk.columns) for chunk in chunks] == [["churn", "age"]] * 2


@pytest.mark.parametrize("name", WRITERS)
def test_of_several_tables_one_is_named(tmp_path: Path, name: str) -> None:
    path = WRITERS[name](tmp_path / name, "customers", "old")
    with pytest.raises(InputError, match=r"one with 2: 'customers', 'old'; name one with data.she"):
        read(path)
    assert len(read(path, reading=ReadOptions(sheet="old"))) == 3
    with pytest.raises(InputError, match=r"data.sheet: .* got 'customer' .did you mean 'customers"):
        read(path, reading=ReadOptions(sheet="customer"))


def test_a_select_runs_in_a_sqlite_file(tmp_path: Path) -> None:
    reading = ReadOptions(database=str(write_sqlite(tmp_path / "shop.db", "customers")))
    frame = read("SELECT churn, count(*) AS n FROM customers GROUP BY 1 -- all", reading=reading)
    assert frame.to_dict("records") == [{"churn": "No", "n": 1}, {"churn": "Yes", "n": 2}]
    assert read("WITH t AS (SELECT 1 AS a) SELECT * FROM t;", reading=reading)["a"].tolist() == [1]


def test_mixed_cells_of_sqlite_are_text(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "t.db")) as connection, connection:
        connection.execute("CREATE TABLE t (a, b, c)")
        connection.executemany("INSERT INTO t VALUES (?, ?, ?)", [(1, 1, None), ("x", b"y", None)])
    frame = read(tmp_path / "t.db")
    assert frame["a"].tolist() == ["1", "x"]
    assert frame["b"].tolist() == ["1", "y"]
    assert frame["c"].isna().all()


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1; DROP TABLE customers",
        "SELECT * FROM nowhere",
        "SELECT '\udcff'",
        "SELECT load_extension('x')",
        "SELECT fts3_tokenizer('simple')",
        "SELECT * FROM customers; SELECT 1",
        "SELECT * FROM pragma_table_info('customers'); ATTACH 'new.db' AS new",
        "WITH t AS (SELECT 1) INSERT INTO customers SELECT 1, 2, 3, 4",
        "WITH t AS (SELECT 1) DELETE FROM customers",
        "SELECT 1) UNION SELECT * FROM (SELECT 2",
    ],
)
def test_a_select_can_only_read(
    tmp_path: Path, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_sqlite(tmp_path / "shop.db", "customers")
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"^query: expected one SELECT that SQLite can run"):
        read(query, reading=ReadOptions(database=str(path)))
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["shop.db"]


def test_nothing_is_written_beside_a_database_with_a_log(tmp_path: Path) -> None:
    path = write_sqlite(tmp_path / "shop.db", "customers")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = wal")
    assert len(read(path)) == 3
    assert [file.name for file in tmp_path.iterdir()] == ["shop.db"]
    with contextlib.closing(sqlite3.connect(path)) as connection:  # what is not merged yet counts
        connection.execute("DELETE FROM customers WHERE id = 'a'")
        connection.commit()
        assert len(read(path)) == 2


def test_databases_without_tables_and_damaged_ones_get_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a database with a table, got none"):
        read(write_duckdb(tmp_path / "empty.duckdb"))
    path = write_sqlite(tmp_path / "shop.db", "customers")
    content = path.read_bytes()
    for damaged in (content[:600], content.replace(b"customers", b"custo\xff\xfers")):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"shop.db: expected a SQLite database, got one that"):
            read(path)


def test_a_cell_outside_of_its_page_is_not_read(tmp_path: Path) -> None:
    """SQLite would take what stands in memory there, another thing at each reading."""
    path = tmp_path / "t.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA page_size = 512")
        connection.execute("CREATE TABLE t (a)")
        connection.executemany("INSERT INTO t VALUES (?)", [("x",), ("y",), ("z",)])
    content = bytearray(path.read_bytes())
    content[524:526] = b"\xff\xdd"  # the place of the third row of the second page
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"cannot be read \(database disk image is malformed\)"):
        read(path)


def test_long_integers_between_decimals_are_decimals(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "t.db")) as connection:
        connection.execute(f"CREATE TABLE t AS SELECT {2**63 - 1} AS a UNION ALL SELECT 1.5")
        connection.commit()
    assert read(tmp_path / "t.db")["a"].tolist() == [2.0**63, 1.5]


def test_a_view_that_never_ends_is_refused(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "t.db")) as connection:
        endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c"
        connection.execute(f"CREATE VIEW v AS {endless}")
        connection.commit()
    with pytest.raises(InputError, match=r"expected a SQLite database, got .*not authorized"):
        read(tmp_path / "t.db")

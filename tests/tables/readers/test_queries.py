"""Queries: one SELECT that reads; whatever else a query holds, no file changes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import duckdb
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers import database_files, free_memory, queries, sources
from churn_torch.tables.readers.sources import count_rows, read

COPY = "COPY (SELECT 'x' AS a) TO 'shop.duckdb' (FORMAT csv)"
COPY_IN_WITH = "WITH t AS (COPY (SELECT 1 AS a) TO 'new.csv') SELECT * FROM t"

RUN = f"""SELECT * FROM json_execute_serialized_sql(json_serialize_sql($${COPY_IN_WITH}$$))"""

HOSTILE = [
    f"SELECT 1; {COPY}; SELECT * FROM customers",
    f"SELECT 1;{COPY}",
    f"SELECT 1 /* ; */; -- ;\n {COPY}; SELECT 1",
    COPY_IN_WITH,
    f"WITH o AS ({COPY_IN_WITH}) SELECT * FROM o",
    f"{COPY_IN_WITH} UNION ALL SELECT 2",
    COPY_IN_WITH.replace("* FROM t", "1"),
    f"WITH t AS (SELECT 1 AS b), u AS ({COPY}) FROM t SELECT b",
    f"SELECT * FROM query('{COPY_IN_WITH.replace(chr(39), chr(39) * 2)}')",
    RUN,
    RUN.replace("json_execute", "system.main.json_execute"),
    f"SELECT 1 IN ({RUN})",
    f"SELECT * FROM range(3) POSITIONAL JOIN ({RUN})",
    "SELECT * FROM query('" + RUN.replace("_execute", "' || '_execute") + "')",
    "SELECT * FROM destroy_external_resource('json_execute_serialized_sql', "
    f"json_serialize_sql($${COPY_IN_WITH}$$)::VARCHAR)",
    "SELECT * FROM read_text('/etc/hostname')",
    "SELECT * FROM read_blob('customers.csv')",
    "SELECT 1 WHERE false AND EXISTS (FROM glob('/etc/*'))",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM hidden",
    "SELECT * FROM other_file",
    "SELECT * FROM other_file, (SELECT '/' AS a, '' AS b, '.' AS c)",
    "SELECT * FROM other_file, read_csv('customers.csv', delim='/', header=true)",
    "SELECT * FROM read_csv('customers' || '.csv')",
    "SELECT * FROM query('SELECT * FROM read_csv(''customers.csv'', header=true)')",
    "SELECT * FROM read_csv(getvariable('path'))",
    "SELECT * FROM macro()",
    "WITH t AS (SELECT 1) INSERT INTO customers SELECT 9, 'No' FROM t",
    "WITH t AS (INSERT INTO customers VALUES (9, 'No') RETURNING *) SELECT * FROM t",
    "WITH t AS (DELETE FROM customers RETURNING *) SELECT * FROM t",
    "WITH t AS (UPDATE customers SET key = 0 RETURNING *) SELECT * FROM t",
    "SELECT nextval('s')",
    "SELECT 1; ATTACH 'new.duckdb'",
    "SELECT 1; ATTACH 'new.duckdb'; CREATE TABLE new.t AS SELECT 1; SELECT 1",
    "SELECT 1; EXPORT DATABASE 'new'",
    "SELECT 1; INSTALL httpfs",
    "SELECT 1; LOAD httpfs",
    "SELECT 1; SET lock_configuration = false; SELECT 1",
    "SELECT 1; PRAGMA enable_profiling; SELECT 1",
    "SELECT 1; CREATE TABLE new AS SELECT 1; SELECT * FROM new",
    "SELECT 1; DROP TABLE customers; SELECT 1",
    "SELECT 1; CHECKPOINT; SELECT 1",
    "SELECT * FROM enable_logging('QueryLog', storage='file', storage_config={'path': 'new'})",
    "SELECT * FROM enable_profiling(format='json', save_location='new.json')",
    "SELECT * FROM 'https://example.invalid/t.csv'",
    "SELECT * FROM read_parquet('s3://bucket/t.parquet')",
    "SELECT * FROM sqlite_scan('t.csv', 't')",
]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a CSV file and a database, to be copied."""
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "customers.csv").write_text("key,churn\n1,Yes\n2,No\n")
    with duckdb.connect(str(folder / "shop.duckdb")) as connection:
        connection.execute(f"CREATE TABLE customers AS FROM '{folder / 'customers.csv'}'")
        connection.execute(f"COPY customers TO '{folder / 'customers.parquet'}'")
        connection.execute(f"COPY customers TO '{folder / 'customers.json'}'")
        connection.execute("CREATE SEQUENCE s")
        connection.execute(f"CREATE VIEW hidden AS {RUN}")
        other = folder / "other.csv"
        other.write_text("a\n1\n")
        connection.execute(f"CREATE VIEW other_file AS FROM read_csv('{other}')")
        connection.execute(f"CREATE MACRO macro() AS TABLE {RUN}")
    return folder


@pytest.fixture
def folder(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory, with the prepared files."""
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("query", "database"),
    [(query, "shop.duckdb") for query in HOSTILE]
    + [(query, None) for query in HOSTILE if "COPY" in query or "read_csv" in query],
)
def test_hostile_queries_are_refused_and_change_no_file(
    folder: Path, query: str, database: str | None
) -> None:
    before = contents(folder)
    with pytest.raises(InputError, match=r"^query: expected .*, got .*; .*\.$") as caught:
        read(query, reading=ReadOptions(database=database))
    assert contents(folder) == before
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM 'customers.csv'; -- a; b",
        "SELECT * FROM 'customers.csv' /* COPY x TO y; */ ;;",
        "-- a; b\n/* ; */ SELECT * FROM read_csv('customers.csv')\n;\n",
        "WITH t AS (SELECT * FROM 'cust*.csv') SELECT * FROM t",
        "SELECT key, 'a; COPY' AS copy FROM 'customers.csv'",
        "select*from 'customers.csv' ORDER BY key",
    ],
)
@pytest.mark.parametrize("database", [None, "shop.duckdb"])
def test_honest_queries_read_files(folder: Path, query: str, database: str | None) -> None:
    before = contents(folder)
    assert read(query, reading=ReadOptions(database=database))["key"].tolist() == [1, 2]
    assert contents(folder) == before


@pytest.mark.parametrize(
    "query",
    [
        "SELECT key FROM customers c JOIN 'customers.csv' f USING (key) ORDER BY key LIMIT 2",
        "SELECT c.key FROM customers c ASOF JOIN range(9) t(i) ON c.key >= t.i",
        "SELECT key FROM customers c POSITIONAL JOIN (VALUES (1), (2)) t(a)",
        "SELECT key FROM customers WHERE key IN (SELECT max(key) FROM customers d GROUP BY churn)",
        "SELECT key FROM customers c WHERE EXISTS (FROM customers d WHERE d.key < c.key + 1)",
        "SELECT key, sum(key) OVER (PARTITION BY churn) FROM customers QUALIFY count() OVER () = 2",
        "SELECT DISTINCT ON (key) * FROM customers UNION SELECT * FROM customers",
        "SELECT key FROM customers INTERSECT SELECT key FROM customers EXCEPT SELECT 7",
        "WITH RECURSIVE r AS (SELECT 1 AS key UNION ALL SELECT key + 1 FROM r WHERE key < 2) "
        "FROM r",
        "WITH t AS MATERIALIZED (FROM customers) FROM t WHERE key < (SELECT 9 FROM t LIMIT 1)",
        "SELECT unnest([1, 2]) AS key",
        "SELECT * FROM (PIVOT customers ON churn IN (true, false) USING count(*) GROUP BY key)",
        "SELECT key FROM (UNPIVOT customers ON churn INTO NAME n VALUE v)",
        "SELECT u.key FROM customers c, LATERAL (SELECT c.key + 0 AS key) u",
        "SELECT * FROM customers USING SAMPLE 100%",
        "SELECT key FROM customers c LEFT JOIN generate_series(5, 6) t(i) ON c.key > t.i",
        "SELECT * FROM read_parquet('customers.parquet')",
        "SELECT * FROM 'customers.parquet'",
        "SELECT * FROM 'customers.json'",
        "SELECT * FROM read_json('customers.json', columns={key: 'INTEGER'})",
        "SELECT k.value::INT AS key FROM json_each('[1, 2]') k",
    ],
)
def test_the_usual_parts_of_a_select_work(folder: Path, query: str) -> None:
    assert set(read(query, reading=ReadOptions(database="shop.duckdb"))["key"]) == {1, 2}


def test_two_queries_read_one_database_at_once(folder: Path) -> None:
    query, shop = queries.Query("SELECT * FROM customers"), ReadOptions(database="shop.duckdb")
    with (
        queries.opened(query, shop) as (_, first),
        queries.opened(query, shop) as (_, second),
    ):
        assert [batch.num_rows for batch in first] == [batch.num_rows for batch in second] == [2]


def test_a_database_that_the_program_has_open_is_left_alone(folder: Path) -> None:
    with (
        duckdb.connect("shop.duckdb"),
        pytest.raises(InputError, match="close the connection that this program has open"),
    ):
        read("SELECT * FROM customers", reading=ReadOptions(database="shop.duckdb"))


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (f"SELECT 1; {COPY}", "expected exactly one SELECT statement, got SELECT, COPY;"),
        (COPY_IN_WITH, "or JSON files, got one that also runs COPY_TO_FILE; remove that part"),
        ("SELECT * FROM 's3://bucket/t.csv'", "httpfs .* loads no extensions, so save the table"),
        ("SELECT a FROM (SELECT 1 AS b)", '"a" not found in FROM clause! Candidate bindings: "b"'),
        (
            "SELECT FROM WHERE",
            r"syntax error at or near \"WHERE\" LINE 1: SELECT FROM WHERE'; corr",
        ),
    ],
)
def test_a_refused_query_is_told_why(query: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(query)


def test_a_pipe_in_a_query_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rows.csv")
    for query in (
        f"SELECT * FROM '{tmp_path}/rows.csv'",
        f"SELECT * FROM read_csv('{tmp_path}/*.csv', header=true)",
        "SELECT * FROM read_csv('/dev/zero', header=true)",
    ):
        with pytest.raises(InputError, match="which is a pipe or a device"):
            read(query)
    assert not database_files.is_sqlite(tmp_path / "rows.csv")


def test_a_query_holds_to_a_share_of_the_free_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(free_memory, "available_bytes", lambda: 200_000_000)
    for query in (
        "SELECT list(range) AS a FROM range(1000000000000)",
        "SELECT repeat('x', 1000000000 + range) AS a FROM range(100)",
        "SELECT range(30000000) AS a",  # DuckDB counts it late
    ):
        with pytest.raises(InputError, match="expected a query that the free memory is enough for"):
            read(query)
    monkeypatch.setattr(sources, "available_bytes", lambda: 10_000_000)
    with pytest.raises(InputError, match="a table that fits into the free memory"):
        read("SELECT range AS a FROM range(1000000000000)")


@pytest.mark.parametrize(
    "text",
    [
        "-- select\n",
        "/* select",
        "selection.csv",
        "with.csv",
        "with-x/*.csv",
        "select/*.pq",
        "se lect *",
        "--a\n" * 9999,
    ],
)
def test_paths_are_no_queries(text: str) -> None:
    assert not queries.is_query(text)


@pytest.mark.parametrize("url", ["s3://bucket/t.parquet", "https://example.invalid/t.csv?x='1'"])
def test_addresses_go_to_duckdb(url: str) -> None:
    # To run the query needs a network, so only its text is looked at here.
    query = queries.of_address(url)
    assert query is not None
    assert query.is_address
    reader = "read_parquet" if "parquet" in url else "read_csv"
    assert query.sql.startswith(f"SELECT * FROM {reader}('")
    assert url.replace("'", "''") in query.sql
    assert count_rows(url) is None
    assert queries.of_address("folder/t.csv") is None


def test_only_an_address_may_load_an_extension(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def connect(where: str, config: dict[str, str]) -> None:
        asked.append(config.get("autoload_known_extensions"))
        raise duckdb.IOException("no network")

    monkeypatch.setattr(duckdb, "connect", connect)
    with pytest.raises(InputError, match="source: expected an address that DuckDB can read, got"):
        read("https://example.invalid/t.csv")
    with pytest.raises(InputError, match="query: expected a SELECT that DuckDB can run"):
        read("SELECT 1 AS a")
    assert asked == [None, "false"]


def test_years_of_two_digits_that_duckdb_takes_first_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    rows = [f"{i};{12 + i}.0{i}.2{i}\n" for i in range(1, 9)]
    path.write_text("fee;since\n" + "".join(rows), encoding="utf-8")
    with pytest.raises(InputError, match=r"years of two digits in .*customers.csv"):
        read(f"SELECT * FROM read_csv('{path}', header=true)")
    text = read(f"SELECT * FROM read_csv('{path}', all_varchar=true)")
    assert text["since"][0] == "13.01.21"
    four = path.read_text(encoding="utf-8").replace(".2", ".202")
    path.write_text(four, encoding="utf-8")
    assert len(read(f"SELECT * FROM read_csv('{path}', header=true)")) == 8


def test_letters_that_are_not_of_utf8_are_no_traceback() -> None:
    with pytest.raises(InputError, match=r"query: expected a query in UTF-8, got .*udcff"):
        list(read("SELECT '\udcff' AS x"))


@pytest.mark.parametrize(
    "said",
    [
        "Out of Memory Error: failed to offload data block of size 256.0 KiB (2.4 MiB/2.6 MiB)",
        "IO Error: Could not write file: No space left on device",
    ],
)
def test_a_full_disk_for_temporary_files_is_named(monkeypatch, tmp_path, said) -> None:
    def fail():
        raise duckdb.Error(said)
        yield

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    expected = rf"query: expected room in '{tmp_path}' .*\(TMPDIR=FOLDER\)"
    with pytest.raises(InputError, match=expected):
        raise queries.refused(duckdb.Error(said))
    with pytest.raises(InputError, match=expected):
        list(queries._holding(fail()))

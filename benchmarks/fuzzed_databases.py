"""Databases of SQLite and DuckDB: tables of every sort, views, triggers, settings of the file."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from pathlib import Path

import duckdb
from fuzzed_cells import rows
from fuzzed_text import Whole
from fuzzed_typed import typed

_LITERALS = [
    "NULL",
    "0",
    "1",
    "-1",
    "1.5",
    "9e999",
    "-9e999",
    "9223372036854775807",
    "x''",
    "x'ff'",
    "x'00'",
    "CAST(x'fffe41'",
    "AS",
    "TEXT)",
    "CAST(x'6100'",
    "AS",
    "TEXT)",
    "zeroblob(3)",
    "'2024-01-31'",
    "'a'",
    "'1'",
    "''",
]


def _name(text: str) -> str:
    return '"' + text.replace('"', '""').replace("\0", "") + '"'


def sqlite_file(rng: random.Random, folder: Path) -> Whole:
    """Return a SQLite file of one table or view, now and then of several."""
    path = folder / "whole.sqlite"
    path.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"PRAGMA encoding = '{rng.choice(('UTF-8', 'UTF-8', 'UTF-16le', 'UTF-16be'))}'")
        db.execute(f"PRAGMA page_size = {rng.choice((512, 1024, 4096))}")
        db.execute("PRAGMA synchronous = OFF")
        header, body = rows(rng)
        header, body = header[:50], [row[:50] for row in body]
        width = len(header)
        kinds = [
            rng.choice(("", "TEXT", "INTEGER", "REAL", "BLOB", "NUMERIC", "DATE")) for _ in header
        ]
        with contextlib.suppress(sqlite3.Error):  # SQLite has no such names
            columns = ", ".join(f"{_name(n)} {k}" for n, k in zip(header, kinds, strict=True))
            end = ""
            if rng.random() < 0.2:
                columns, end = (
                    f"key INTEGER PRIMARY KEY, {columns}",
                    rng.choice(("WITHOUT ROWID", "")),
                )
            if rng.random() < 0.15:
                where = rng.choice(("VIRTUAL", "STORED"))
                columns += f", made TEXT GENERATED ALWAYS AS (1 || 'x') {where}"
            name = _name(rng.choice(("customers", "a b", "sqlit", "select", "ü")))
            db.execute(f"CREATE TABLE {name} ({columns}) {end}")
            table = db.execute("SELECT name FROM sqlite_master").fetchone()[0]
            names = ", ".join(_name(n) for n in header)
            odd = rng.choice((0, 0.1, 1))
            for row in body:
                cells = [
                    rng.choice(_LITERALS) if rng.random() < odd else None for _ in range(width)
                ]
                marks = ", ".join(c or "?" for c in cells)
                given = [
                    t.encode(errors="replace").decode()
                    for t, c in zip(row, cells, strict=True)
                    if c is None
                ]
                db.execute(f"INSERT INTO {_name(table)} ({names}) VALUES ({marks})", given)
            if rng.random() < 0.35:
                db.execute(rng.choice((
                    f"CREATE VIEW v AS SELECT * FROM {_name(table)}",
                    f"CREATE VIEW v AS SELECT *, random() AS r, 1/0 AS z FROM {_name(table)}",
                    "CREATE VIEW v AS SELECT load_extension('x') AS x",
                    "CREATE VIEW v AS SELECT * FROM missing_table",
                    "CREATE VIEW v AS SELECT * FROM v",
                    "CREATE VIEW v AS SELECT name, sql FROM sqlite_master",
                    "CREATE VIEW v AS SELECT * FROM json_each('[1,2]')",
                    "CREATE VIEW v AS WITH RECURSIVE c(x) AS "
                    "(SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 5) SELECT x FROM c",
                    f"CREATE TRIGGER t AFTER INSERT ON {_name(table)} BEGIN SELECT 1; END",
                    f"CREATE INDEX i ON {_name(table)} ({names})",
                    "CREATE VIRTUAL TABLE f USING fts5(a, b)",
                    "CREATE VIRTUAL TABLE r USING rtree(i, a, b)",
                    "CREATE TABLE empty (a)",
                    f"PRAGMA user_version = {rng.getrandbits(30)}",
                    "PRAGMA journal_mode = WAL",
                    f"ALTER TABLE {_name(table)} ADD COLUMN later DEFAULT 5",
                )))  # fmt: skip
                if rng.random() < 0.5:
                    db.execute(f"DROP TABLE {_name(table)}")
    content = path.read_bytes()
    for leftover in folder.glob("whole.sqlite*"):
        leftover.unlink()
    return rng.choice((".sqlite", ".db", ".sqlite3")), content


_DUCKDB = (
    "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM range(5)", "SELECT 1 / 0 AS a",
    "SELECT * FROM missing_table", "SELECT getenv('HOME') AS a",
    "SELECT * FROM read_text('/etc/hosts')",
)  # fmt: skip
_TYPES = (
    "1::HUGEINT", "(1::UHUGEINT)", "'a'::ENUM('a', 'b')", "{'a': 1, 'b': [1, NULL]}",
    "MAP {'a': 1}", "[1, 2]::INT[2]",
    "'101'::BIT", "'\\xff'::BLOB", "INTERVAL 3 MONTH", "'12:00:00+02'::TIMETZ",
    "'2024-01-31'::TIMESTAMP_NS",
    "'infinity'::DATE", "'-infinity'::TIMESTAMP", "'infinity'::TIMESTAMPTZ", "uuid()",
    "1.5::DECIMAL(38, 10)",
    "union_value(num := 2)", "'NaN'::FLOAT", "'inf'::DOUBLE", "'290000-01-01'::DATE", "NULL",
    "true", "'x'::JSON",
    "123::BIGNUM", "'a'::VARCHAR COLLATE NOCASE", "'2024-01-31 12:00:00'::TIMESTAMP_S",
    "1::UBIGINT",
)  # fmt: skip


def duckdb_file(rng: random.Random, folder: Path) -> Whole:
    """Return a DuckDB file of one table or view of any types, of an older version now and then."""
    path = folder / "whole.duckdb"
    path.unlink(missing_ok=True)
    with contextlib.closing(duckdb.connect(":memory:")) as db:
        version = rng.choice(
            (
                "",
                "",
                ", STORAGE_VERSION 'v1.0.0'",
                ", STORAGE_VERSION 'latest'",
                ", ENCRYPTION_KEY 'k'",
            )
        )
        with contextlib.suppress(duckdb.Error):
            db.execute(f"ATTACH '{path}' AS made (BLOCK_SIZE 16384{version})")
        if not path.exists():
            db.execute(f"ATTACH '{path}' AS made (BLOCK_SIZE 16384)")
        db.execute("USE made")
        with contextlib.suppress(duckdb.Error):
            kind = rng.randrange(4)
            if kind == 0:
                header, body = rows(rng)
                columns = ", ".join(f"{_name(n or 'x')} VARCHAR" for n in header[:50])
                db.execute(f"CREATE TABLE customers ({columns})")
                for row in body:
                    db.execute(
                        f"INSERT INTO customers VALUES ({', '.join('?' * len(row[:50]))})", row[:50]
                    )
            elif kind == 1:
                db.register("frame", typed(rng))
                db.execute("CREATE TABLE customers AS SELECT * FROM frame")
            elif kind == 2:
                chosen = rng.sample(_TYPES, rng.choice((1, 2, 4)))
                columns = ", ".join(f"{kind} AS c{i}" for i, kind in enumerate(chosen))
                n = rng.choice((0, 1, 5, 3000))
                db.execute(f"CREATE TABLE customers AS SELECT {columns} FROM range({n})")
            else:
                db.execute(f"CREATE VIEW customers AS {rng.choice(_DUCKDB)}")
            if rng.random() < 0.2:
                db.execute(rng.choice(("CREATE SCHEMA s", "CREATE SEQUENCE q",
                "CREATE MACRO m(a) AS a + 1",
                                       "CREATE TABLE other (a INT)",
                                       "CREATE INDEX i ON customers (c0)")))  # fmt: skip
        with contextlib.suppress(duckdb.Error):
            db.execute("USE memory")
            db.execute("DETACH made")
    content = path.read_bytes()
    for leftover in folder.glob("whole.duckdb*"):
        leftover.unlink()
    return rng.choice((".duckdb", ".db", ".ddb")), content

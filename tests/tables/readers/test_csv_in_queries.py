"""CSV files in queries: a SELECT gives the table that the path gives, and still computes."""

from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.encode import parse
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.labels import parse_target
from churn_torch.tables.options import ColumnRoles, ReadOptions
from churn_torch.tables.readers.sources import read, read_chunks

TABLE = """Customers of 2024;;;;;;;;
key;zip;churn;name;ratio;since;signup;seen;calls
1;00731;Yes;Ann;0.5;14.03.21;2021-03-14;2021-03-14 10:00;4
2;12345;No;Bob;12.25;02.11.20;2020-11-02;2020-11-02 09:30:01;NA
3;02199;No;1;-3;31.12.19;2019-12-31;2019-12-31T00:00;1e1
4;00501;Yes;;+7.125;01.01.21;;2021-01-01 00:00:00.5;.5
Total: 4 customers
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "customers.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def test_columns_have_a_type_only_where_it_loses_nothing(path: Path) -> None:
    said: list[str] = []
    frame = read("SELECT * FROM 'customers.csv'", announce=said.append)
    assert frame["key"].tolist() == [1, 2, 3, 4]
    assert frame["zip"].tolist() == ["00731", "12345", "02199", "00501"]
    assert frame["churn"].tolist() == ["Yes", "No", "No", "Yes"]
    assert frame["since"][0] == "14.03.21"
    np.testing.assert_array_equal(frame["ratio"], [0.5, 12.25, -3, 7.125])
    np.testing.assert_array_equal(frame["calls"], [4, np.nan, 10, 0.5])
    assert frame["signup"][0] == pd.Timestamp("2021-03-14")
    assert pd.isna(frame["signup"][3])
    assert frame["seen"][1] == pd.Timestamp("2020-11-02 09:30:01")
    assert frame.attrs["delimiter"] == ";"
    assert said == [
        "customers.csv: 1 line above the header left out ('Customers of 2024'); "
        "the last line left out ('Total: 4 customers')."
    ]


def test_a_query_computes(path: Path) -> None:
    frame = read(
        "SELECT zip, key * 2 AS twice, ratio / 2 AS half, date_diff('day', signup, DATE "
        "'2021-03-15') AS days FROM 'customers.csv' WHERE key > 1 AND ratio < 13 "
        "AND signup < '2020-12-31' ORDER BY key"
    )
    assert frame.to_numpy().tolist() == [["12345", 4, 6.125, 133], ["02199", 6, -1.5, 440]]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT customers.zip FROM 'customers.csv'",
        'SELECT zip FROM "customers.csv" AS customers',
        "SELECT c.zip FROM 'customers.csv' c JOIN 'customers.csv' d USING (key) ORDER BY key",
        "SELECT c.zip FROM c: 'customers.csv'",
        "/* é 'customers.csv' */ SELECT c.b AS zip FROM 'customers.csv' AS c(a, b)",
        "SELECT zip FROM 'customers.csv' TABLESAMPLE 100%",
        "SELECT read_csv.zip FROM read_csv('customers.csv')",
        "SELECT é.zip FROM READ_CSV_AUTO ( 'customers.csv' ) é WHERE 'é' <> 'customers.csv'",
        "WITH t AS (FROM 'cust*.csv') SELECT zip FROM t UNION ALL SELECT zip FROM t WHERE false",
        "SELECT zip FROM 'customers.csv' WHERE key IN (SELECT max(key) FROM 'customers.csv') OR 1",
    ],
)
def test_files_are_found_wherever_a_query_names_them(path: Path, query: str) -> None:
    assert read(query)["zip"].tolist() == ["00731", "12345", "02199", "00501"]


def test_files_are_read_as_the_user_says(path: Path) -> None:
    path.write_bytes("a note\nname,zip\nJosé,007\n".encode("cp850"))
    reading = ReadOptions(skip=1, encoding="cp850")
    frame = read("SELECT * FROM 'customers.csv'", reading=reading)
    assert frame.to_numpy().tolist() == [["José", "007"]]
    path.with_suffix(".txt.gz").write_bytes(gzip.compress(b"a\tb\n1\tYes\n"))
    assert read("SELECT a, b FROM 'customers.txt.gz'").to_numpy().tolist() == [[1, "Yes"]]


def test_options_in_the_query_are_left_to_duckdb(path: Path) -> None:
    path.write_text("zip,churn\n007,Yes\n", encoding="utf-8")
    frame = read("SELECT * FROM read_csv('customers.csv', header=true)")
    assert frame.to_numpy().tolist() == [["007", True]]
    frame = read("SELECT * FROM read_csv('customers.csv', all_varchar=true)")
    assert frame.to_numpy().tolist() == [["007", "Yes"]]


def test_a_file_that_cannot_be_read_is_refused_in_its_own_words(path: Path) -> None:
    path.write_text("a,b\n1,2\n1,2,3\n4,5\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"customers.csv: expected 2 cells .* 3 in line 3"):
        read("SELECT * FROM 'customers.csv'")
    with pytest.raises(InputError, match="query: expected a SELECT that DuckDB can run"):
        read("SELECT * FROM 'nowhere.csv'")


def test_a_late_row_decides_as_well(path: Path) -> None:
    rows = [f"{i},{i}.5,2021-01-01,0" for i in range(5000)]
    path.write_text("\n".join(["a,b,c,d", *rows, "007,1_0,2021-02-30,1"]), encoding="utf-8")
    frame = pd.concat(read_chunks("SELECT * FROM 'customers.csv'", rows=999))
    assert frame.iloc[-1].tolist() == ["007", "1_0", "2021-02-30", 1]
    assert frame.iloc[0].tolist() == ["0", "0.5", "2021-01-01", 0]


def test_full_stops_that_may_part_thousands_stay(path: Path) -> None:
    path.write_text("name;fee;n\nA;1.234;1,5\nB;15.000;2\nC;950;3\n", encoding="utf-8")
    frame = read("SELECT fee FROM 'customers.csv'")
    assert frame["fee"].tolist() == ["1.234", "15.000", "950"]
    path.write_text("name;fee;n\nA;1.234;1.5\nB;15.000;2\nC;950;3\n", encoding="utf-8")
    assert read("SELECT fee FROM 'customers.csv'")["fee"].tolist() == [1.234, 15, 950]


N = 40
CELLS: dict[str, Callable[[np.random.Generator], str]] = {
    "code": lambda rng: f"{rng.integers(1000):03}",
    "whole": lambda rng: str(rng.integers(-(10**6), 10**6)),
    "long": lambda rng: str(rng.integers(2**53, 2**62)),
    "number": lambda rng: str(rng.normal()),
    "missing": lambda rng: rng.choice(["NA", "", "7", " 8", "9.5 "]),
    "grouped": lambda rng: f"{rng.integers(10**7):,}".replace(",", "."),
    "answer": lambda rng: rng.choice(["Yes", "No"]),
    "truth": lambda rng: rng.choice(["true", "false"]),
    "date": lambda rng: f"{dt.date(1980, 1, 1) + dt.timedelta(int(rng.integers(9999)))}",
    "moment": lambda rng: f"{dt.datetime(1980, 1, 1) + dt.timedelta(rng.random() * 9999)}",
    "short": lambda rng: f"{dt.date(1980, 1, 1) + dt.timedelta(int(rng.integers(9999))):%d.%m.%y}",
    "word": lambda rng: rng.choice(["a", "b", " a", "1", "1.0", "NA", "-", "?"]),
    "nan": lambda rng: rng.choice(["nan", "1", "null", "2"]),
    "mark": lambda rng: rng.choice(["1", "2.5", "3", "?"]),
}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_select_and_a_path_are_learned_alike(path: Path, delimiter: str) -> None:
    rng = np.random.default_rng(ord(delimiter))
    columns = {name: [cell(rng) for _ in range(N)] for name, cell in CELLS.items()}
    columns["churned"] = [*rng.choice(["Churned", "Stayed"], N)]
    pd.DataFrame(columns).to_csv(path, index=False, sep=delimiter)
    by_path, by_query = read(str(path)), read("SELECT * FROM 'customers.csv'")
    roles = ColumnRoles(target="churned", kinds=dict.fromkeys(("word", "code"), "categorical"))
    schemas = infer(by_path, roles), infer(by_query, roles)
    assert [c.kind for c in schemas[0].columns] == [c.kind for c in schemas[1].columns]
    assert schemas[0].positive == schemas[1].positive == "Churned"
    for schema in schemas:  # what one of them taught, the other reads
        pd.testing.assert_frame_equal(parse(by_path, schema), parse(by_query, schema))
        np.testing.assert_array_equal(parse_target(by_path, schema), parse_target(by_query, schema))

"""Numbers as people write them: every column of a file in the dialects that people have."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.serving.http.request_error import RequestError
from churn_torch.serving.http.requests import RowReader
from churn_torch.tables.encode import parse
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.labelled.in_memory import read_into_memory
from churn_torch.tables.options import ColumnRoles, DataOptions
from churn_torch.tables.readers.sources import read
from churn_torch.tables.schema import Column, Kind, Schema
from churn_torch.tables.split_options import SplitOptions

N = 120


def table_of(**columns: Callable[[int], str] | list[str]) -> pd.DataFrame:
    content = {n: [c(i) for i in range(N)] if callable(c) else c for n, c in columns.items()}
    content["churn"] = [("Yes", "No", "No")[i % 3] for i in range(N)]
    return pd.DataFrame(content, dtype="str")


def schema_of(frame: pd.DataFrame, **roles: object) -> Schema:
    return infer(frame, ColumnRoles(target="churn", **roles))  # type: ignore[arg-type]


def column_of(cells: Callable[[int], str] | list[str], name: str = "x", **roles: object) -> Column:
    return schema_of(table_of(**{name: cells, "other": lambda i: "ab"[i % 2]}), **roles)[name]


def swapped(text: str, thousands: str = ".", decimal: str = ",") -> str:
    return text.translate(str.maketrans({",": thousands, ".": decimal}))


DRAW = random.Random(0)
AMOUNTS = [round(DRAW.uniform(1, 60_000), 2) for _ in range(N)]
STYLES = {
    "us": (lambda x: f"${x:,.2f}", "number; $ and , left out"),
    "code": (lambda x: f"{x:.2f} USD", "number; USD left out"),
    "german": (lambda x: swapped(f"{x:,.2f} €"), "number; decimal comma; € and . left out"),
    "french": (
        lambda x: swapped(f"{x:,.2f}", "\u202f") + "\u00a0€",
        "number; decimal comma; € and blanks left out",
    ),
    "polish": (
        lambda x: swapped(f"{x:,.2f} zł", " "),
        "number; decimal comma; zł and blanks left out",
    ),
    "swiss": (lambda x: f"CHF {x:,.2f}".replace(",", "’"), "number; CHF and apostrophes left out"),
    "rate": (lambda x: f"€{x:.2f}/month", "number; € /month left out"),
    "power": (lambda x: f"{x:.2f} kWh", "number; kWh left out"),
    "unknown": (lambda x: f"{x:.2f} widgets", "number; widgets left out"),
    "plus": (lambda x: f"+{x:.2f}%", "number; % left out"),
    "turkish percent": (lambda x: swapped(f"%{x:.2f}", ""), "number; decimal comma; % left out"),
    "rate of data": (lambda x: f"{x:.2f} Mbit/s", "number; Mbit/s left out"),
    "mexican": (lambda x: f"MXN ${x:,.2f}", "number; MXN $ and , left out"),
    "rupees": (lambda x: f"Rs.{x:,.2f}/-", "number; Rs. and , left out"),
    "lakh": (lambda x: f"₹{x:.2f} Lakh", "number; ₹ Lakh left out"),
    "ten thousands": (lambda x: f"{x:.2f}万円", "number; 万円 left out"),
    "counter": (lambda x: f"{x:.2f}件", "number; 件 left out"),
    "about": (lambda x: f"~{x:.2f}", "number"),
    "exponent": (lambda x: swapped(f"{x:.15e}", ""), "number; decimal comma"),
    "arabic": (
        lambda x: f"{x:.2f}".translate(str.maketrans("0123456789.", "٠١٢٣٤٥٦٧٨٩٫")),  # noqa: RUF001
        "number",
    ),
}  # fmt: skip


@pytest.mark.parametrize("style", STYLES)
def test_a_file_of_each_dialect_is_read(style: str) -> None:
    write, note = STYLES[style]
    frame = table_of(x=[write(amount) for amount in AMOUNTS])
    schema = schema_of(frame)
    assert (schema["x"].kind, schema["x"].note) == (Kind.NUMERIC, note)
    assert parse(frame, schema)["x"].tolist() == AMOUNTS
    # The schema alone tells a later reading, and a plain or typed number is always taken.
    stored = Schema.from_json(schema.to_json())
    assert stored == schema
    assert parse(frame, stored)["x"].tolist() == AMOUNTS
    for other in (pd.Series([7.0, 1234.0]), pd.Series(["7", "1234"], dtype="str")):
        assert parse(pd.DataFrame({"x": other}), stored)["x"].tolist() == [7.0, 1234.0]
    values = RowReader(stored).read({"x": write(AMOUNTS[0])})[0]
    assert values == AMOUNTS[0]
    assert RowReader(stored).read({"x": 7})[0] == 7.0


@pytest.mark.parametrize(
    ("write", "numbers"),
    [
        (lambda i: f"({i}.50)" if i % 3 else f"{i}.50", lambda i: -i - 0.5 if i % 3 else i + 0.5),
        (lambda i: f"{i},5-" if i % 2 else f"{i},5", lambda i: -i - 0.5 if i % 2 else i + 0.5),
        (lambda i: f"\u2212{i}.5", lambda i: -i - 0.5),
        (lambda i: f"{i * i:,}", lambda i: i * i),
        (lambda i: swapped(f"{i * 97:,}"), lambda i: i * 97),  # 950 and 1.261: no decimals
        (lambda i: f"{i + 1}e3", lambda i: 1000 * (i + 1)),
        (lambda i: f"{i % 7 + 1} {'month' if i % 7 == 0 else 'months'}", lambda i: i % 7 + 1),
        (lambda i: f"Fr. {3 * i}.-", lambda i: 3 * i),
    ],
)
def test_signs_groups_and_units(
    write: Callable[[int], str], numbers: Callable[[int], float]
) -> None:
    frame = table_of(x=write)
    schema = schema_of(frame, kinds={"x": "numeric"})
    assert parse(frame, schema)["x"].tolist() == [numbers(i) for i in range(N)]
    assert schema_of(frame)["x"].number_format == schema["x"].number_format


@pytest.mark.parametrize(
    "write",
    [
        lambda i: f"Level {i % 3}",
        lambda i: ("4G", "5G", "3G")[i % 3],
        lambda i: ("18-25", "26-35", "65+")[i % 3],
        lambda i: ("1.2.3", "1.3.0", "2.0.1")[i % 3],
        lambda i: ("1st", "2nd", "3rd")[i % 3],
        lambda i: ("9 AM", "10 AM", "4 PM")[i % 3],
        lambda i: ("One year", "Two year", "Month-to-month")[i % 3],
        lambda i: f"area_code_{408 + i % 3}",
        lambda i: ("5'11", "6'01")[i % 2],
        lambda i: f"00{i % 7}",
        lambda i: ("0", "1", "2", "3+")[i % 4],
        lambda i: "3+" if i < 3 else str(i % 3),
        lambda i: ("<5", "5-10", ">10")[i % 3],
        lambda i: ("10.0.0.1", "10.0.0.2")[i % 2],
        lambda i: f"{i % 12}:30",  # hours, minutes or a ratio
        lambda i: f"{i % 3} months 2 years",
        lambda i: f"{i % 3} years 14 months",
        lambda i: f"1:{60 + i % 9}:00",
    ],
)
def test_words_with_digits_stay_categories(write: Callable[[int], str]) -> None:
    column = column_of(write)
    assert (column.kind, column.number_format) == (Kind.CATEGORICAL, None)


@pytest.mark.parametrize(
    ("cells", "numbers", "note"),
    [
        (["$1.2K", "$3M", "$950", "-$2.5bn"], [1200, 3e6, 950, -2.5e9],
         "number; $ left out; 1 $ K counts as 1,000 $; 1 $ M counts as 1e+06 $; 1 $ bn counts as "
         "1e+09 $"),
        (["1.2k", "3.5 mio", "950"], [1200, 3.5e6, 950],
         "number; 1 k counts as 1,000; 1 mio counts as 1e+06"),
        (["7 K€", "8 K€", "9 K€"], [7, 8, 9], "number; K€ left out"),
        (["1.2M", "350K", "950"], [1.2e6, 350_000, 950],
         "number; 1 M counts as 1e+06; 1 K counts as 1,000"),
        (["₹1.5 Cr", "₹20 L", "₹950"], [1.5e7, 2e6, 950],
         "number; ₹ left out; 1 ₹ Cr counts as 1e+07 ₹; 1 ₹ L counts as 100,000 ₹"),
        (["2h 5m", "45m", "3h"], [125, 45, 180],
         "number; min left out; 1 h counts as 60 min; 2h 5m read as 125 min"),
        (["1,5 GB", "512 MB", "2 GB", "1 TB"], [1.5, 0.512, 2, 1000],
         "number; decimal comma; GB left out; 1 MB counts as 0.001 GB; 1 TB counts as 1,000 GB"),
        (["2 years", "3 months", "1 yr", "1 year"], [2, 0.25, 1, 1],
         "number; years and yr left out; 1 months counts as 0.0833333 years"),
        (["90 min", "1.5 hours", "2 min"], [90, 90, 2],
         "number; min left out; 1 hours counts as 60 min"),
        (["1:23:45", "00:00:07", "100:00:00", "12:30:00"], [5025, 7, 360_000, 45_000],
         "number; s left out; 1:23:45 read as 5025 s"),
        (["2 yrs 3 mos", "1 year, 1 month", "7 months", "3 yrs"], [27, 13, 7, 36],
         "number; month and months left out; 1 yrs counts as 12 month; 2 yrs 3 mos read as 27 "
         "month"),
        (["1 h 30 min", "45 min", "2 Std. und 5 Min."], [90, 45, 125],
         "number; min left out; 1 h 30 min read as 90 min"),
    ],
)  # fmt: skip
def test_units_of_a_family_are_converted(cells: list[str], numbers: list[float], note: str) -> None:
    frame = table_of(x=lambda i: cells[i % len(cells)])
    schema = schema_of(frame)
    assert schema["x"].kind is Kind.NUMERIC
    assert schema["x"].note.startswith(note.split(";")[0])
    assert set(schema["x"].note.split("; ")) >= set(note.split("; "))
    np.testing.assert_allclose(parse(frame, schema)["x"][: len(cells)], numbers)
    stored = Schema.from_json(schema.to_json())
    for cell, number in zip(cells, parse(frame, stored)["x"], strict=False):
        assert RowReader(stored).read({"x": cell})[0] == number


def test_no_unit_beside_several_is_no_number() -> None:
    column = column_of(lambda i: f"{i % 9} {('GB', 'MB', '')[i % 3]}".strip())
    assert column.kind is Kind.CATEGORICAL
    assert "numbers with GB and MB, and others without a unit" in column.note


@pytest.mark.parametrize(
    ("write", "units"),
    [
        (lambda i: f"{i % 9} {'GB' if i % 3 else 'kWh'}", "GB and kWh"),
        (lambda i: f"{'$' if i % 3 else '€'}{i % 9}", r"\$ and €"),
        (lambda i: f"{i % 9} {'months' if i % 3 else 'days'}", "months and days"),
    ],
)
def test_several_units_are_no_number(write: Callable[[int], str], units: str) -> None:
    column = column_of(write)
    assert column.kind is Kind.CATEGORICAL
    assert f"several units ({units.replace(chr(92), '')}), so not read as one number" in column.note
    with pytest.raises(InputError, match=f"several units .{units}"):
        column_of(write, kinds={"x": "numeric"})


def test_the_file_decides_where_a_column_leaves_it_open(tmp_path: Path) -> None:
    open_column = [f"{1 + i % 3},{i:03d}" for i in range(100, 100 + N)]

    def decimal_beside(other: Callable[[int], str], **roles: object) -> str | None:
        schema = schema_of(table_of(x=open_column, other=other), **roles)
        return schema["x"].number_format and schema["x"].number_format.decimal

    assert decimal_beside(lambda i: f"{i},5") == ","
    assert decimal_beside(lambda i: f"{i}.5") == "."
    assert decimal_beside(lambda i: "ab"[i % 2]) == "."  # so many groups of three
    assert decimal_beside(lambda i: "ab"[i % 2], decimal=",") == ","
    assert decimal_beside(lambda i: f"{i},5", decimal=".") == "."


def test_doubt_is_said() -> None:
    cells = ["1,000" if i % 2 else "500" for i in range(N)]
    note = column_of(cells).note
    assert "we read 1,000 as 1000, data.decimal=, reads it the other way" in note
    assert "data.decimal" in column_of(lambda i: f"1,{100 + 3 * i}").note  # none below 1,000
    assert "data.decimal" not in column_of(lambda i: f"{i * i:,}").note
    assert "data.decimal" not in column_of(cells, decimal=".").note
    assert column_of(cells, decimal=",").number_format.decimal == ","  # type: ignore[union-attr]


def test_a_cell_in_another_format_is_named() -> None:
    schema = schema_of(table_of(x=lambda i: swapped(f"{i * 999:,.2f} €"), y=lambda i: str(i % 9)))
    frame = pd.DataFrame({"x": ["1,5 €", "19.50 €"], "y": ["1", "2"]}, dtype="str")
    with pytest.raises(InputError, match=r"numbers like 1.234,5 €, got 1 other cell.*'19.50 €'"):
        parse(frame, schema)
    with pytest.raises(RequestError, match=r"text in the format 1.234,5 € in column 'x'"):
        RowReader(schema).read({"x": "19.50 €", "y": 1})
    plain = schema_of(table_of(x=lambda i: str(i % 9)))
    with pytest.raises(InputError, match=r"'1,000'"):
        parse(pd.DataFrame({"x": ["5", "1,000"]}, dtype="str"), plain)


def test_other_minuses_and_digits_are_read_in_plain_columns_too() -> None:
    schema = schema_of(table_of(x=lambda i: str(i % 9)))
    frame = pd.DataFrame({"x": ["5", "\u22125", "(5)", "5-", "٥", "-"]}, dtype="str")  # noqa: RUF001
    np.testing.assert_array_equal(parse(frame, schema)["x"], [5, -5, -5, -5, 5, np.nan])


def test_numeric_is_a_remedy() -> None:
    cells = [str(i) for i in range(N)]
    cells[::20] = ["soon", "soon", "soon", "never", "3+", "4+"]
    assert column_of(cells).kind is not Kind.NUMERIC
    asked = column_of(cells, kinds={"x": "numeric"})
    assert asked.kind is Kind.NUMERIC
    assert "'soon', 'never', '3+' and 1 other text (6 cells) count as missing" in asked.note
    cells[::10] = [f"w{i}" for i in range(12)]
    with pytest.raises(InputError, match=r"'w0' and the like in 12 of 120 cells; .*data.missing.x"):
        column_of(cells, kinds={"x": "numeric"})


def test_a_file_by_its_path_is_read_alike(tmp_path: Path) -> None:
    frame = table_of(x=lambda i: swapped(f"{i * 999:,.2f} zł", " "), y=lambda i: f"{i},5 %")
    frame.to_csv(tmp_path / "a.csv", sep=";", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    schemas = [schema_of(read(tmp_path / name)) for name in ("a.csv", "a.parquet")]
    assert schemas[0] == schemas[1] == schema_of(frame)


def test_weights_values_and_slices_are_read_in_the_format_too() -> None:
    frame = table_of(
        x=lambda i: "ab"[i % 2],
        weight=lambda i: f"{i % 5},5",
        worth=lambda i: swapped(f"{i * 999 + 1:,.2f} €"),
    )
    data = DataOptions(
        target="churn", weight="weight", value="2 * worth", carry=["worth"],
        split=SplitOptions(),
    )  # fmt: skip
    table = read_into_memory(frame, None, data, seed=0)
    assert table.weight is not None
    assert table.weight[:3].tolist() == [0.5, 1.5, 2.5]
    assert table.carried["value"][:2].tolist() == [2, 2000]

"""Words for "no value": between numbers and dates, named by the user, and values that look so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.serving.http.requests import RowReader
from churn_torch.tables.encode import encode, parse
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.tables.labels import parse_target
from churn_torch.tables.options import ColumnRoles, DataOptions
from churn_torch.tables.readers.sources import read
from churn_torch.tables.schema import Column, Kind, Schema
from churn_torch.tables.values.missing_words import MissingWords
from churn_torch.tables.values.text_codes import MISSING_CODE, text_codes

N = 100
USUAL = ["-", "--", "?", ".", "n.a.", "none", "NULL", "Unknown", "missing", "\\N", "$null$", "#N/A",
         "#DIV/0!", "#REF!", "xxxxxxxx", "k.A.", "brak"]  # fmt: skip


def schema_of(cells: object, missing: MissingWords | None = None, **roles: object) -> Schema:
    frame = pd.DataFrame(
        {"x": cells, "y": ["a", "b"] * (N // 2), "churn": ["Yes", "No"] * (N // 2)}
    )
    words = missing or MissingWords()
    return infer(frame, ColumnRoles(target="churn", missing=words, **roles))  # type: ignore[arg-type]


def column_of(cells: object, missing: MissingWords | None = None, **roles: object) -> Column:
    return schema_of(cells, missing, **roles)["x"]


def numbers_with(word: str, count: int) -> list[str]:
    return [word] * count + [str(i % 37 + 1) for i in range(N - count)]


def dates_with(word: str, count: int) -> list[str]:
    days = pd.date_range("2024-01-01", periods=N).strftime("%Y-%m-%d").tolist()
    return [word] * count + days[count:]


@pytest.mark.parametrize("word", USUAL)
@pytest.mark.parametrize("count", [1, 60])
def test_the_usual_words_are_missing_between_numbers(word: str, count: int) -> None:
    column = column_of(numbers_with(word, count))
    assert (column.kind, column.missing_share) == (Kind.NUMERIC, count / N)


@pytest.mark.parametrize("word", [*USUAL, "0000-00-00", "0000-00-00 00:00:00", "00.00.0000"])
def test_the_usual_words_are_missing_between_dates(word: str) -> None:
    schema = schema_of(dates_with(word, 20))
    assert (schema["x"].kind, schema["x"].missing_share) == (Kind.DATETIME, 0.2)
    parsed = parse(pd.DataFrame({"x": [word, "1970-01-02"], "y": ["a", "b"]}), schema)
    np.testing.assert_array_equal(parsed["x"], [np.nan, 1])


@pytest.mark.parametrize(
    ("make", "kind"), [(numbers_with, Kind.NUMERIC), (dates_with, Kind.DATETIME)]
)
def test_a_few_other_texts_are_missing_and_said(
    make: Callable[[str, int], list[str]], kind: Kind
) -> None:
    column = column_of(make("not yet", 5))
    assert column.kind is kind
    assert "'not yet' (5 cells) count as missing" in column.note
    assert column.missing_words == ("not yet",)
    assert column_of(make("not yet", 6)).kind is not kind
    assert column_of(make("&&&&", 40)).kind is kind  # neither letters nor digits


def test_many_different_texts_are_answers() -> None:
    cells = [f"word {i}" for i in range(6)] + [str(i) for i in range(N - 6)]
    assert column_of(cells).kind is not Kind.NUMERIC
    assert column_of(["only", "3"] * (N // 2)).kind is Kind.CATEGORICAL
    assert column_of(["?", "3"] * (N // 2)).kind is Kind.CATEGORICAL  # no second number


def test_flags_keep_their_kind() -> None:
    column = column_of(["?"] + ["0", "1", "1"] * 33)
    assert column.kind is Kind.BOOLEAN
    assert "'?' (1 cell) counts as missing" in column.note


def test_words_of_categories_stay_answers() -> None:
    column = column_of(["unknown", "none", "fibre", "?"] * (N // 4))
    assert (column.kind, column.missing_share, column.n_distinct) == (Kind.CATEGORICAL, 0, 4)


def test_every_surface_knows_the_words_of_a_column() -> None:
    schema = schema_of(numbers_with("soon", 3))
    schema = Schema.from_json(schema.to_json())
    frame = pd.DataFrame({"x": ["soon", " soon ", "-", "7"], "y": list("abab")})
    np.testing.assert_array_equal(parse(frame, schema)["x"], [np.nan, np.nan, np.nan, 7])
    with pytest.raises(InputError, match="'later'"):
        parse(pd.DataFrame({"x": ["later"], "y": ["a"]}), schema)


class TestNamedWords:
    """`data.missing`, for the table and for a column."""

    EVERYWHERE = MissingWords(everywhere=("&&&&",))

    def test_text(self) -> None:
        schema = schema_of(["&&&&", "Mobile", "Phone", " &&&& "] * (N // 4), self.EVERYWHERE)
        column = schema["x"]
        assert (column.kind, column.missing_share, column.n_distinct) == (Kind.CATEGORICAL, 0.5, 2)
        assert "50 cells with a word of data.missing count as missing" in column.note
        frame = pd.DataFrame({"x": ["&&&&", "Mobile"], "y": ["a", "b"]})
        assert parse(frame, schema)["x"].tolist() == ["", "Mobile"]
        learned = Column(**{**vars(column), "vocabulary": ("Mobile", "Phone")})
        assert text_codes(learned)["&&&&"] == MISSING_CODE  # of the exported file too
        whole = Schema((learned,), "churn", "Yes", "No")
        assert RowReader(whole).read({"x": "&&&&"}) == [""]
        assert encode(parse(frame[["x"]], whole), whole).codes.tolist() == [[0], [2]]

    @pytest.mark.parametrize("typed", [True, False])
    def test_numbers(self, typed: bool) -> None:
        words = MissingWords(of_column={"x": ("999", "#")})
        cells = [999] * 60 + list(range(40))
        schema = schema_of(cells if typed else [*map(str, cells[:-1]), "#"], words)
        assert (schema["x"].kind, schema["x"].missing_share) == (
            (Kind.NUMERIC, 0.6) if typed else (Kind.NUMERIC, 0.61)
        )
        assert "a word of data.missing" in schema["x"].note
        for sent in (pd.Series([999, 5]), pd.Series([999.0, 5]), pd.Series(["999.0", "5"])):
            parsed = parse(pd.DataFrame({"x": sent, "y": ["a", "b"]}), schema)
            np.testing.assert_array_equal(parsed["x"], [np.nan, 5])
        np.testing.assert_array_equal(RowReader(schema).read({"x": 999, "y": "a"})[0], np.nan)
        assert RowReader(schema).read({"x": 5, "y": "a"})[0] == 5

    @pytest.mark.parametrize("typed", [True, False])
    def test_dates(self, typed: bool) -> None:
        words = MissingWords(of_column={"x": ("9999-12-31",)})
        text = pd.Series(dates_with("9999-12-31", 30))
        schema = schema_of(pd.to_datetime(text) if typed else text, words)
        assert (schema["x"].kind, schema["x"].missing_share) == (Kind.DATETIME, 0.3)
        sent = pd.Series(["9999-12-31", "1970-01-02"])
        for cells in (sent, pd.to_datetime(sent)):
            parsed = parse(pd.DataFrame({"x": cells, "y": ["a", "b"]}), schema)
            np.testing.assert_array_equal(parsed["x"], [np.nan, 1])

    def test_a_column_must_be_there(self) -> None:
        with pytest.raises(InputError, match=r"data.missing: expected a column .*'z'"):
            column_of(list(range(N)), MissingWords(of_column={"z": ("1",)}))


@pytest.mark.parametrize(
    ("cells", "word"),
    [
        ([999] * 64 + list(range(36)), "999"),
        ([*range(20_000, 20_000 + N - 1), -999_999], "-999999"),
        ([-1] * 40 + list(range(60)), "-1"),
        ([str(i) if i > 9 else "9999" for i in range(N)], "9999"),
        (dates_with("9999-12-31", 30), "9999-12-31"),
        (dates_with("1900-01-01", 1), "1900-01-01"),
        (pd.to_datetime(pd.Series(dates_with("1900-01-01", 9))), "1900-01-01"),
    ],
)
def test_sentinels_are_named_and_stay(cells: object, word: str) -> None:
    column = column_of(cells)
    assert f"is {word} (in " in column.note
    assert f"data.missing.x=[{word}]" in column.note
    assert column.missing_share == 0


@pytest.mark.parametrize(
    "cells",
    [
        list(range(950, 950 + N)),  # 999 is one of them
        [i / 3 for i in range(N)],
        [0, 1] * (N // 2),
        [*range(-5, N - 5)],
        dates_with("2023-12-31", 1),
    ],
)
def test_plain_values_are_no_sentinels(cells: list) -> None:
    assert "data.missing" not in column_of(cells).note


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    ("word", "other"), [("unknown", "unknown"), (9, "9"), (9, "9.0"), ("n.d.", " n.d. ")]
)
def test_words_that_are_named_for_the_target(
    tmp_path: Path, streaming: bool, word: str | int, other: str
) -> None:
    path = tmp_path / "t.csv"
    labels = [("Yes", "No", other)[i % 3] for i in range(90)]
    pd.DataFrame({"x": [i % 7 for i in range(90)], "churn": labels}).to_csv(path, index=False)
    missing = MissingWords.from_config({"churn": [word]})
    data = DataOptions(source=str(path), target="churn", missing=missing, streaming=streaming)
    table = read_labelled(data, seed=0)
    assert (table.schema.positive, table.schema.negative) == ("Yes", "No")
    assert table.schema["churn"].note.endswith("rows without it (30) are dropped")
    labels_read = parse_target(read(path), Schema.from_json(table.schema.to_json()))
    np.testing.assert_array_equal(labels_read, [1, 0, np.nan] * 30)
    everywhere = MissingWords.from_config([word])
    with pytest.raises(InputError, match="expected two different values, got 3 values"):
        read_labelled(replace(data, missing=everywhere), seed=0)

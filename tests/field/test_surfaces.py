"""One meaning on every surface: a cell is read alike, or refused, whichever way its row comes."""

from __future__ import annotations

import csv
import datetime as dt
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn_torch.errors import InputError
from churn_torch.locks import locked_file
from churn_torch.serving.http.requests import RowReader
from churn_torch.serving.model_file import ModelFile
from churn_torch.serving.scoring import score_table
from churn_torch.serving.session import Feed, make_feed, open_session
from churn_torch.tables.encode import parse
from churn_torch.tables.readers import sources
from churn_torch.tables.schema import Column, Kind, Schema
from churn_torch.workflows.runs.run_folder import Run
from tests.export.elsewhere import answers_of_node, decoded, encoded, node_runtime, page_folder

N = 240
DAY = dt.date(2020, 5, 17)
BIG = 2**53 + 1
CATEGORIES: dict[str, list[Any]] = {
    "answer": ["Yes", "No"],
    "truth": ["True", "False"],
    "plan": ["b", "b ", "Café", "1", "2.0", "7.5", "true", "3", "3.0"],
    "zone": ["007", "0012", "34"],
    "big": [BIG, BIG - 1, BIG + 1, 7],
    "size": [np.float32(0.1), np.float32(2.5), np.float32(3)],
}
DATES = {
    "iso": "%Y-%m-%d",
    "european": "%d/%m/%Y",
    "american": "%m/%d/%y",
    "german": "%d.%m.%Y",
    "short": "%d-%b-%y",
    "long": "%B %d, %Y",
    "chinese": "%Y年%m月%d日",
    "compact": "%Y%m%d",
}
KINDS = {
    **dict.fromkeys(("plan", "zone", "big", "size"), "categorical"),
    **dict.fromkeys(("compact", "excel", "epoch", "epoch_ms"), "datetime"),
}
REFUSED = "refused"


def training_table() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    days = pd.Timestamp("2019-01-01") + pd.to_timedelta(rng.integers(0, 900, N), unit="D")
    flags = pd.array(rng.random(N) < 0.5, dtype="boolean")
    table = pd.DataFrame({"flag": flags, "amount": rng.normal(50, 20, N)})
    for name, words in CATEGORIES.items():
        table[name] = pd.Series(words).take(rng.integers(0, len(words), N)).to_numpy()
    for name, style in DATES.items():
        table[name] = days.strftime(style)
    table.loc[table.index % 16 == 3, ["answer", "flag"]] = None  # missing is told from others
    table["compact"] = table["compact"].astype("int64")
    table["revenue"] = [f"${x:.0f}" if x < 40 else f"${x / 50:.2f}K" for x in table["amount"]]
    table["usage"] = [f"{x:.1f} GB" if x < 60 else f"{x * 7:.0f} MB" for x in table["amount"]]
    seconds = rng.integers(1, 90_000, N)
    table["talk"] = [f"{s // 3600}:{s // 60 % 60:02}:{s % 60:02}" for s in seconds]
    table["tenure"] = [f"{m // 12} yrs {m % 12} mos" for m in rng.integers(0, 99, N)]
    table["day"] = days
    table["quarter"] = [f"Q{day.quarter} {day.year}" for day in days]
    table["epoch"] = (days - pd.Timestamp(0)) // pd.Timedelta(seconds=1)
    table["epoch_ms"] = table["epoch"] * 1000
    table["excel"] = (days - pd.Timestamp("1899-12-30")) // pd.Timedelta(days=1)
    table["churned"] = rng.choice(["yes", "no"], N)
    return table


@pytest.fixture(scope="session")
def run(shared_run: Callable[..., Run], shared_folder: Path) -> Run:
    path = shared_folder / "surfaces.parquet"
    with locked_file(shared_folder / "surfaces.lock", wait=math.inf):
        if not path.exists():
            training_table().to_parquet(path)
    kinds = [f"data.kinds.{name}={kind}" for name, kind in KINDS.items()]
    keys = (f"data.source={path}", "data=table", "data.target=churned", "debug=fast")
    return shared_run("surfaces", *keys, *kinds)


class Surfaces:
    """The ways in which one cell reaches the file; each gives a probability, or is refused."""

    def __init__(self, run: Run, folder: Path) -> None:
        self.schema = ModelFile(run.model).schema
        self.session = open_session(run.model)
        self.base = make_feed(parse(training_table().head(1), self.schema), self.schema)
        self.folder = folder

    def all(self, name: str, value: Any) -> dict[str, float | str]:
        column = self.schema[name]
        alone = Schema((column,), "churned", "yes", "no")
        found: dict[str, float | str] = {}
        ways = [self.csv, self.frame, self.objects, self.parquet]
        # DuckDB takes its time to start, and a query differs from Parquet only in its types.
        for surface in ways if isinstance(value, str) else [*ways, self.sql]:
            found[surface.__name__] = self.of_table(surface(name, value), alone)
        try:
            rows = RowReader(alone)
            sent = orjson.loads(orjson.dumps({name: self.as_json(value)}))
            found["http"] = self.probability(rows.feed([rows.read(sent)]))
        except InputError:
            found["http"] = REFUSED
        return found

    def meaning(self, name: str, value: Any) -> float | str:
        """Return the probability of a DataFrame's cell, or that it is refused."""
        alone = Schema((self.schema[name],), "churned", "yes", "no")
        return self.of_table(self.objects(name, value), alone)

    def of_table(self, table: pd.DataFrame, alone: Schema) -> float | str:
        try:
            return self.probability(make_feed(parse(table, alone), alone))
        except InputError:
            return REFUSED

    def probability(self, feed: Feed) -> float:
        return float(self.session.run(["churn_probability"], self.base | feed)[0][0])

    def raw(self, name: str, value: Any) -> float:
        """Feed the file itself, as another runtime does: with text or a number, unread."""
        return self.probability(self.unread(name, value))

    def unread(self, name: str, value: Any) -> Feed:
        column = self.schema[name]
        dtype = object if Schema.is_text(column) else np.float32
        dtype = np.float64 if Schema.is_float64(column) else dtype
        return {name: np.array([[value]], dtype=dtype)}

    def csv(self, name: str, value: Any) -> pd.DataFrame:
        path = self.folder / "one.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            text = "" if value is None else str(value)
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows([[name], [text]])
        return sources.read(str(path))

    def frame(self, name: str, value: Any) -> pd.DataFrame:
        return pd.DataFrame({name: pd.Series([value])})

    def objects(self, name: str, value: Any) -> pd.DataFrame:
        return pd.DataFrame({name: pd.Series([value], dtype=object)})

    def parquet(self, name: str, value: Any) -> pd.DataFrame:
        path = self.folder / "one.parquet"
        pq.write_table(pa.table({name: pa.array([value])}), path)
        return sources.read(str(path))

    def sql(self, name: str, value: Any) -> pd.DataFrame:
        self.parquet(name, value)
        return sources.read(f"SELECT * FROM '{self.folder / 'one.parquet'}'")

    @staticmethod
    def as_json(value: Any) -> Any:
        if isinstance(value, np.float32):
            return float(value)
        return value.isoformat() if isinstance(value, dt.date) else value


@pytest.fixture(scope="module")
def surfaces(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Surfaces:
    return Surfaces(run, tmp_path_factory.mktemp("surfaces"))


# Values, by column, that must mean the same as the first of their line.
SAME: list[tuple[str, list[Any]]] = [
    ("answer", ["Yes", "yes", "YES", " Yes ", "Y", "true", "True", "TRUE", "t", True, 1, 1.0, "1",
                "1.0", "Yes\u00a0"]),
    ("answer", ["No", "no", "False", "FALSE", "n", False, 0, 0.0, "0", -0.0, "-0.0"]),
    ("answer", ["", None, "NA", "\u00a0", "\u3000", " \t"]),
    ("answer", ["never seen", 2, "2", 0.5, "maybe"]),
    ("truth", ["True", "true", "TRUE", True, 1, 1.0, "1", "Yes", "y", np.float32(1)]),
    ("truth", ["False", "false", False, 0, "0", "no", "N"]),
    ("flag", [True, 1, 1.0, "1", "1.0", "true", "TRUE", "Yes", " y", np.float32(1)]),
    ("flag", [False, 0, 0.0, -0.0, "0", "-0.0", "false", "No"]),
    ("flag", [None, "", "NA"]),
    ("flag", [0.5, "0.5", np.float32(0.5)]),
    ("amount", [50, 50.0, "50", "50.0", " 50 ", "\u00a050", "5e1", np.float32(50)]),
    ("amount", [0, -0.0, "-0.0", "0"]),
    ("amount", [BIG, str(BIG), float(BIG)]),
    ("amount", [np.float32(0.1), "0.1", 0.1]),
    ("revenue", ["$3M", "$3,000K", "3000000", "$ 3000000", 3e6]),
    ("revenue", ["$1.2K", "USD 1200", "1.2 K$", 1200]),
    ("usage", ["1500 MB", "1.5 GB", "1.5", 1.5]),
    ("usage", ["2 TB", "2000 GB", 2000]),
    ("talk", ["1:23:45", "01:23:45", "5025 s", "5,025", 5025]),
    ("talk", ["2 min", "0:02:00", 120, "120"]),
    ("tenure", ["2 yrs 3 mos", "27 months", "2 years, 3 months", "27", 27]),
    ("plan", ["Café", "Cafe\u0301"]),
    ("plan", ["1", 1, 1.0, "1.0", "1.00", np.float32(1)]),
    ("plan", ["2.0", 2, 2.0, "2", np.float32(2)]),
    ("plan", ["3", 3]),
    ("plan", ["3.0", 3.0, np.float32(3)]),
    ("plan", ["7.5", 7.5, np.float32(7.5)]),
    ("plan", ["true", "True", True, "TRUE"]),
    ("plan", ["never seen", "b\u00a0", "B", "CAFÉ", "7.50", "01", "\ufeffb"]),
    ("zone", ["007", 7, 7.0, "7", "7.0"]),
    ("zone", ["0012", 12, "12"]),
    ("zone", ["34", 34, 34.0, "34.0"]),
    ("zone", ["never seen", "07", "034", 99]),
    ("big", [BIG, str(BIG)]),
    ("big", [BIG - 1, str(BIG - 1)]),
    ("big", [7, 7.0, "7", "7.0", " 7 ", "7e0"]),
    ("big", ["never seen", float(BIG - 1), f"{BIG - 1}.0"]),
    ("size", [np.float32(0.1), 0.1, "0.1", float(np.float32(0.1)), "0.10000000149011612", "1e-1"]),
    ("size", [np.float32(3), 3, 3.0, "3", "3.0"]),
    ("size", [np.float32(2.5), 2.5, "2.5", "2.50"]),
    ("iso", ["2020-05-17", DAY, dt.datetime(2020, 5, 17), "2020-05-17T00:00:00Z", " 2020-05-17",
             "2020-05-17T02:00+02:00", "2020-05-17 00:00:00.000"]),
    ("day", [DAY, dt.datetime(2020, 5, 17), "2020-05-17", "2020-05-17 00:00"]),
    ("european", ["17/05/2020", "17/5/2020", "2020-05-17", DAY, "17/05/2020 00:00"]),
    ("american", ["05/17/20", "5/17/20", "05/17/20 12:00 AM", "2020-05-17", DAY]),
    ("german", ["17.05.2020", "17. 5. 2020", "17.05.2020 00:00:00", "2020-05-17"]),
    ("short", ["17-May-20", "17 MAI 20", "17. maja 20", "2020-05-17", DAY]),
    ("long", ["May 17, 2020", "Sun May 17th, 2020", "2020-05-17", "May 17 2020 12:00 AM"]),
    ("chinese", ["2020年05月17日", "2020年5月17日", "2020-05-17"]),
    ("compact", [20200517, "20200517", 20200517.0, "20200517.0", "2020-05-17", DAY]),
    ("quarter", ["Q2 2020", "2020-Q2", "2Q20", "2020-04-01"]),
    ("epoch", [1589673600, "1589673600", 1589673600.0, "2020-05-17", DAY]),
    ("epoch_ms", [1589673600000, "1589673600000", "1589673600000.0", "2020-05-17"]),
    ("excel", [43968, "43968", 43968.0, "2020-05-17", DAY]),
    *((name, [None, ""]) for name in (*DATES, "day", "quarter", "epoch", "excel")),
]  # fmt: skip
# Surfaces that refuse a value that the others read: JSON has types, and says them.
REFUSES = {"http": "text for numbers and yes/no as numbers, truth values for numbers, empty dates"}


@pytest.mark.parametrize(("name", "values"), SAME, ids=lambda value: str(value)[:40])
def test_a_value_is_read_alike_or_refused(surfaces: Surfaces, name: str, values: list) -> None:
    expected = surfaces.meaning(name, values[0])
    assert expected != REFUSED
    for value in values:
        found = surfaces.all(name, value)
        for surface, meaning in found.items():
            if meaning == REFUSED and surface in REFUSES:
                continue
            assert meaning == expected, (name, value, surface, found)


def test_the_values_of_a_column_differ(surfaces: Surfaces) -> None:
    """Without this, a model that ignores its inputs would pass."""
    for name in {name for name, _ in SAME} - {*DATES, "day", "quarter", "epoch_ms"}:
        firsts = [values[0] for column, values in SAME if column == name]
        found = [surfaces.meaning(name, value) for value in firsts]
        assert len(set(found)) == len(found), (name, found)
    for name in (*DATES, "day", "epoch", "excel"):
        other = surfaces.meaning(name, dt.date(2020, 5, 18))
        assert other != surfaces.meaning(name, DAY), name


NO_DATES = ["now", "today", "epoch", "infinity", "2020", "2020-05", "2020-W20-7", "2020-138",
            "2020-02-30", "2020-05-17T24:00:00", "soon", "10000-01-01", "1.5"]  # fmt: skip


@pytest.mark.parametrize("name", ["iso", "day", "short"])
def test_no_surface_reads_what_is_no_date(surfaces: Surfaces, name: str) -> None:
    for value in [*NO_DATES, 2020, 20200517, True]:
        found = surfaces.all(name, value)
        if isinstance(value, int) and value is not True:
            assert found.pop("http") != REFUSED  # JSON may send days since 1970
        assert set(found.values()) == {REFUSED}, (value, found)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("amount", "1e39"),
        ("amount", 10**39),
        ("amount", "fifty"),
        ("talk", "12:30"),
        ("usage", "1.5 kWh"),
        ("amount", DAY),
        ("flag", "maybe"),
        ("compact", 2020),
        ("epoch", 1589673600000),  # milliseconds
        ("excel", 1589673600),
    ],
)
def test_no_surface_reads_what_is_of_another_kind(
    surfaces: Surfaces, name: str, value: Any
) -> None:
    if value == 10**39:
        found = {"objects": surfaces.meaning(name, float(value))}
    else:
        found = surfaces.all(name, value)
    assert set(found.values()) == {REFUSED}, found


def test_a_truth_value_is_a_number_where_a_source_has_types(surfaces: Surfaces) -> None:
    found = surfaces.all("amount", True)
    assert (found.pop("csv"), found.pop("http")) == (REFUSED, REFUSED)
    assert set(found.values()) == {surfaces.meaning("amount", 1)}


# The file itself compares text exactly. Its encoders know the usual spellings besides.
KNOWN_BY_THE_FILE = [
    ("answer", "Yes", ["yes", "YES", "true", "True", "TRUE", "1", "1.0", "Y", "t"]),
    ("answer", "No", ["no", "False", "0", "0.0", "n"]),
    ("truth", "True", ["true", "TRUE", "1", "Yes"]),
    ("plan", "Café", ["Cafe\u0301"]),
    ("plan", "1", ["1.0"]),
    ("plan", "2.0", ["2"]),
    ("plan", "true", ["True", "TRUE"]),
    ("zone", "007", ["7"]),
    ("big", str(BIG), [str(BIG)]),
    ("size", "0.1", ["0.1"]),
    ("answer", "", ["NA", "null", "None"]),
]
UNSEEN_BY_THE_FILE = [
    ("answer", [" Yes ", "yEs"]),
    ("plan", ["1.00", "b\u00a0"]),
    ("zone", ["07"]),
    ("size", ["0.10000000149011612"]),
]


@pytest.mark.parametrize(("name", "word", "spellings"), KNOWN_BY_THE_FILE)
def test_the_raw_file_knows_the_usual_spellings(
    surfaces: Surfaces, name: str, word: str, spellings: list[str]
) -> None:
    expected = surfaces.meaning(name, word)
    assert {surfaces.raw(name, text) for text in (word, *spellings)} == {expected}


@pytest.mark.parametrize(("name", "texts"), UNSEEN_BY_THE_FILE)
def test_the_raw_file_compares_other_text_exactly(
    surfaces: Surfaces, name: str, texts: list[str]
) -> None:
    unseen = surfaces.raw(name, "never seen")
    assert {surfaces.raw(name, text) for text in texts} == {unseen}


def test_the_raw_file_takes_days_and_numbers(surfaces: Surfaces) -> None:
    days = (DAY - dt.date(1970, 1, 1)).days
    for name in (*DATES, "day", "epoch", "excel"):
        column = surfaces.schema[name]
        assert column.kind is Kind.DATETIME
        assert surfaces.raw(name, days) == surfaces.meaning(name, DAY)
    assert surfaces.raw("flag", 1.0) == surfaces.meaning("flag", True)
    assert surfaces.raw("amount", -0.0) == surfaces.raw("amount", 0.0)


def test_node_reads_cells_as_python_does(surfaces: Surfaces, run: Run, tmp_path: Path) -> None:
    days = (DAY - dt.date(1970, 1, 1)).days
    cells = [(name, text) for name, word, spelled in KNOWN_BY_THE_FILE for text in (word, *spelled)]
    cells += [(name, text) for name, texts in UNSEEN_BY_THE_FILE for text in texts]
    cells += [(name, days) for name in (*DATES, "day", "epoch", "excel")]
    cells += [("flag", 1.0), ("flag", np.nan), ("amount", -0.0), ("amount", 1e30)]
    whole = [surfaces.base | surfaces.unread(name, value) for name, value in cells]
    rows = {str(i): {n: encoded(x) for n, x in feed.items()} for i, feed in enumerate(whole)}
    page = page_folder(node_runtime(), tmp_path / "page")
    answered = answers_of_node(page, {str(run.model.resolve()): rows})[str(run.model.resolve())]
    assert len(answered) == len(cells) > 50
    for i, (name, value) in enumerate(cells):
        there = decoded(answered[str(i)]["churn_probability"], np.empty(1))
        assert there == pytest.approx(surfaces.raw(name, value), abs=1e-6), (name, value)


def test_files_are_scored_as_frames_are(run: Run, tmp_path: Path) -> None:
    rows = training_table().drop(columns="churned").head(4)
    text = rows.astype(object)
    text["answer"] = ["TRUE", "1", " yes", True]
    typed = rows.assign(answer="Yes")
    expected = run.predict_proba(typed)
    np.testing.assert_array_equal(run.predict_proba(text), expected)
    text.to_csv(tmp_path / "rows.csv", index=False)
    typed.to_parquet(tmp_path / "rows.parquet")
    for name in ("rows.csv", "rows.parquet"):
        score_table(run.model, str(tmp_path / name), tmp_path / "scores.parquet", keep=[])
        scores = pd.read_parquet(tmp_path / "scores.parquet")["churn_probability"]
        np.testing.assert_allclose(scores, expected, atol=1e-6)


def test_every_column_was_read_as_meant(surfaces: Surfaces) -> None:
    kinds: dict[str, Column] = {column.name: column for column in surfaces.schema.columns}
    dated = {name for name, column in kinds.items() if column.kind is Kind.DATETIME}
    assert dated == {*DATES, "day", "quarter", "epoch", "epoch_ms", "excel"}
    assert {name for name, column in kinds.items() if column.kind is Kind.BOOLEAN} == {
        "answer",
        "truth",
        "flag",
    }

"""Dates as the tables of others have them: read at the first command, or at the second."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.encode import parse
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.options import ColumnRoles
from churn_torch.tables.readers import sources
from churn_torch.tables.schema import Kind

DAYS = pd.date_range("2019-12-20 13:05", periods=400, freq="29h")
STYLES = {
    "us ampm": "%m/%d/%y %I:%M %p",
    "us short": "%m/%d/%y",
    "eu short": "%d/%m/%y",
    "iso short": "%y-%m-%d",
    "oracle": "%d-%b-%y",
    "oracle time": "%d-%b-%Y %H:%M:%S",
    "long": "%B %d, %Y",
    "british": "%d %B %Y",
    "dots": "%Y.%m.%d",
    "german": "%d.%m.%Y %H:%M",
    "chinese": "%Y年%m月%d日",
    "sas": "%d%b%Y:%H:%M:%S",
    "mail": "%a, %d %b %Y %H:%M:%S +0000",
    "apache": "%d/%b/%Y:%H:%M:%S +0000",
    "iso": "%Y-%m-%dT%H:%M:%SZ",
}
SPANISH = ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"]
POLISH = ["stycznia", "lutego", "marca", "kwietnia", "maja", "czerwca", "lipca", "sierpnia"]
POLISH += ["września", "października", "listopada", "grudnia"]


def table() -> pd.DataFrame:
    columns: dict[str, object] = {name: DAYS.strftime(style) for name, style in STYLES.items()}
    columns["spanish"] = [f"{day.day} de {SPANISH[day.month - 1]}. de {day.year}" for day in DAYS]
    columns["polish"] = [f"{day.day} {POLISH[day.month - 1]} {day.year}" for day in DAYS]
    columns["quarter"] = [f"{day.year}-Q{day.quarter}" for day in DAYS]
    columns["month"] = DAYS.strftime("%Y-%m")
    columns["week"] = DAYS.strftime("%G-W%V-%u")
    columns["order_date"] = DAYS.strftime("%Y%m%d")
    columns["created_at"] = (DAYS - pd.Timestamp(0)) // pd.Timedelta(milliseconds=1)
    columns["serial"] = (DAYS - pd.Timestamp("1899-12-30")) // pd.Timedelta(days=1)
    columns["year"] = DAYS.year
    columns["word"] = np.resize(["now", "today", "later"], len(DAYS))
    columns["churn"] = np.resize(["yes", "no", "no"], len(DAYS))
    return pd.DataFrame(columns)


def test_every_style_is_a_date_and_reads_back(tmp_path: Path) -> None:
    table().to_csv(tmp_path / "dates.csv", index=False)
    read = sources.read(str(tmp_path / "dates.csv"))
    schema = infer(read, ColumnRoles(target="churn", kinds={"serial": "datetime"}))
    parsed = parse(read, schema)
    moments = (DAYS - pd.Timestamp(0)) / pd.Timedelta(days=1)
    days = np.floor(moments)
    expected = {
        **dict.fromkeys(("oracle time", "sas", "mail", "apache", "iso", "created_at"), "second"),
        **dict.fromkeys(("us ampm", "german"), "minute"),
        **dict.fromkeys(("quarter", "month"), "period"),
    }
    for name in read.columns.drop(["year", "word", "churn"]):
        assert schema[name].kind is Kind.DATETIME, name
        exact = expected.get(name, "day")
        if exact == "period":
            first = DAYS.to_period(name[0].upper()).to_timestamp()
            wanted = (first - pd.Timestamp(0)) / pd.Timedelta(days=1)
        else:
            wanted = days if exact == "day" else moments
        np.testing.assert_allclose(parsed[name], wanted, rtol=0, atol=1e-9, err_msg=name)
    assert schema["year"].kind is Kind.NUMERIC
    assert schema["word"].kind is Kind.CATEGORICAL


def test_a_typed_source_reads_the_same(tmp_path: Path) -> None:
    frame = table()[["order_date", "created_at", "serial", "churn"]]
    typed = frame.assign(order_date=frame["order_date"].astype("int64"))
    roles = ColumnRoles(target="churn", kinds={"serial": "datetime"})
    schema = infer(typed, roles)
    frame.to_csv(tmp_path / "text.csv", index=False)
    text = sources.read(str(tmp_path / "text.csv"))
    pd.testing.assert_frame_equal(parse(typed, schema), parse(text, schema))
    pd.testing.assert_frame_equal(parse(text, infer(text, roles)), parse(text, schema))
    real = frame.assign(created_at=DAYS)
    np.testing.assert_array_equal(
        parse(real, schema)["created_at"], parse(typed, schema)["created_at"]
    )


@pytest.mark.parametrize("word", ["$null$", "0000-00-00", "00/00/0000", "n/a", "99-99-9999"])
def test_words_for_no_date_are_missing(word: str) -> None:
    text = list(DAYS.strftime("%Y-%m-%d"))
    frame = pd.DataFrame({"closed": text, "churn": ["yes", "no"] * 200})
    frame.loc[[5, 9], "closed"] = word
    schema = infer(frame, ColumnRoles(target="churn"))
    assert schema["closed"].kind is Kind.DATETIME
    assert schema["closed"].missing_share == 2 / 400
    assert np.flatnonzero(parse(frame, schema)["closed"].isna()).tolist() == [5, 9]


def test_what_cannot_be_a_date_is_refused_by_name() -> None:
    frame = pd.DataFrame({"closed": DAYS.strftime("%d/%m/%y"), "churn": ["yes", "no"] * 200})
    schema = infer(frame, ColumnRoles(target="churn"))
    for wrong in ("now", "31/02/21", "2021"):
        with pytest.raises(InputError, match=rf"dates like 31/01/24, .*'{wrong}' in row 1"):
            parse(pd.DataFrame({"closed": [wrong]}), schema)
    with pytest.raises(
        InputError, match=r"expected datetime values, got 'now'.*data\.missing\.word"
    ):
        infer(table(), ColumnRoles(target="churn", kinds={"word": "datetime"}))

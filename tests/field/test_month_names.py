"""Dates with the names of months in the languages people write: read, and said in their style."""

# ruff: noqa: RUF001 - the letters of other languages are meant

from __future__ import annotations

import datetime

import pandas as pd
import pytest

from churn_torch.tables.encode import parse
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.options import ColumnRoles
from churn_torch.tables.schema import Kind

DAYS = [datetime.date(2010, 1, 1) + datetime.timedelta(days=37 * i) for i in range(60)]
MONTHS = {
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "de short": "Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez.",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "fr short": "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre "
    "diciembre",
    "es short": "ene feb mar abr may jun jul ago sept oct nov dic",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre "
    "dicembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro "
    "dezembro",
    "nl": "jan feb mrt apr mei jun jul aug sep okt nov dec",
    "pl": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października "
    "listopada grudnia",
    "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "tr": "OCAK ŞUBAT MART NİSAN MAYIS HAZİRAN TEMMUZ AĞUSTOS EYLÜL EKİM KASIM ARALIK",
    "ca": "gener febrer març abril maig juny juliol agost setembre octubre novembre desembre",
}  # fmt: skip
# Language, how a day is written, what the note says, and the part of a day that is written too.
WRITTEN = [
    ("de", "{d}. {m} {y}", "31. Januar 2024", 0),
    ("de short", "{d:02}. {m} {y}", "31. Jan. 2024", 0),
    ("de", "Montag, {d}. {m} {y}, 14:30 Uhr", "31. Januar 2024", 14.5 / 24),
    ("de", "{d}. {u} {y} um 14.30 Uhr", "31. JANUAR 2024", 14.5 / 24),
    ("fr", "{d}{er} {m} {y}", "31 janvier 2024", 0),
    ("fr short", "{d} {m} {y}", "31 janv. 2024", 0),
    ("fr", "{d} {m} {y} à 14h30", "31 janvier 2024", 14.5 / 24),
    ("es", "{d} de {m} de {y}", "31 de enero de 2024", 0),
    ("es short", "{d:02}-{m}-{s}", "31-ene-24", 0),
    ("it", "{d}° {m} {y}", "31 gennaio 2024", 0),
    ("pt", "{d}º de {m} de {y} às 14:30", "31 de janeiro de 2024", 14.5 / 24),
    ("nl", "{d:02}-{m}-{y} 14:30 uur", "31-jan-2024", 14.5 / 24),
    ("pl", "{d} {m} {y} r., godz. 14:30", "31 stycznia 2024", 14.5 / 24),
    ("ru", "{d} {m} {y}г.", "31 января 2024", 0),
    ("ru", "{d} {u} {y} года", "31 ЯНВАРЯ 2024", 0),
    ("tr", "{d} {m} {y} Pazartesi", "31 OCAK 2024", 0),
    ("ca", "{d} {of}{m} de {y}", "31 de gener de 2024", 0),
]


def column_of(cells: list[str]) -> tuple[Kind, str, list[float]]:
    other = ["a", "b"] * 30
    frame = pd.DataFrame({"x": cells, "other": other, "y": ["yes", "no", "no"] * 20}, dtype="str")
    schema = infer(frame, ColumnRoles(target="y"))
    read = parse(frame, schema)["x"].tolist() if schema["x"].kind is Kind.DATETIME else []
    return schema["x"].kind, schema["x"].note, read


@pytest.mark.parametrize(("language", "style", "said", "time"), WRITTEN)
def test_a_date_is_read_and_its_style_is_said(
    language: str, style: str, said: str, time: float
) -> None:
    cells = []
    for day in DAYS:
        month = MONTHS[language].split()[day.month - 1]
        of = "d’" if month[0] in "ao" else "de "
        er = "er" if day.day == 1 else ""
        parts = {"d": day.day, "m": month, "u": month.upper(), "y": day.year, "er": er, "of": of}
        cells.append(style.format(**parts, s=f"{day:%y}"))
    kind, note, read = column_of(cells)
    assert kind is Kind.DATETIME
    assert note.split("; ")[1] == f"like {said}"
    epoch = datetime.date(1970, 1, 1)
    assert read == pytest.approx([(day - epoch).days + time for day in DAYS], abs=1e-9)


@pytest.mark.parametrize(
    ("style", "said"),
    [
        ("{m} de {y}", "enero de 2024"),
        ("{m}/{s}", "enero/24"),
    ],
)
def test_a_month_alone_is_its_first_day(style: str, said: str) -> None:
    names = MONTHS["es"].split()
    cells = [style.format(m=names[d.month - 1], y=d.year, s=f"{d:%y}") for d in DAYS]
    kind, note, read = column_of(cells)
    assert (kind, note.split("; ")[1]) == (Kind.DATETIME, f"like {said}")
    assert read == [float((d.replace(day=1) - datetime.date(1970, 1, 1)).days) for d in DAYS]


@pytest.mark.parametrize(
    ("style", "time"),
    [
        ("{d:%a} {d:%b} {d.day} 10:30:00 {d.year}", 10.5 / 24),  # the C library
        ("{d:%a} {d:%b} {d:%d} 10:30:00 +0200 {d.year}", 8.5 / 24),
        ("{d:%a} {d:%b} {d:%d} 10:30:00 CET {d.year}", 9.5 / 24),  # Java
        ("{d.year}年{d.month}月{d.day}日", 0),
        ("{d.year}年{d.month}月{d.day}日(月)", 0),
        ("{d.year}年{d.month}月{d.day}日 下午2:30", 14.5 / 24),
        ("{d.year}年{d.month}月{d.day}日 14時30分", 14.5 / 24),
        ("{d.year}/{d.month}/{d.day}(水) 14:30", 14.5 / 24),
    ],
)
def test_other_places_of_the_parts(style: str, time: float) -> None:
    kind, _, read = column_of([style.format(d=day) for day in DAYS])
    assert kind is Kind.DATETIME
    days = [(day - datetime.date(1970, 1, 1)).days for day in DAYS]
    assert read == pytest.approx([day + time for day in days], abs=1e-9)


@pytest.mark.parametrize("style", ["{q}. Quartal {y}", "{q}er trimestre {y}", "Quarter {q} {y}"])
def test_quarters_in_words(style: str) -> None:
    kind, note, read = column_of(
        [style.format(q=(d.month + 2) // 3, y=d.year) for d in DAYS],
    )
    assert (kind, note.split("; ")[1]) == (Kind.DATETIME, "like 2024-Q1")
    first = [datetime.date(d.year, (d.month + 2) // 3 * 3 - 2, 1) for d in DAYS]
    assert read == [float((day - datetime.date(1970, 1, 1)).days) for day in first]


def test_words_beside_days_are_no_dates() -> None:
    for style in ("{d} apples {y}", "May {d} Level", "{d} Januar 2024 Basis", "{d}. {y} Monate"):
        kind, _, _ = column_of([style.format(d=day.day, y=day.year) for day in DAYS])
        assert kind is not Kind.DATETIME

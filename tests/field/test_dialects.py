"""Whole files as people in seven countries write them: each column must be read as a person would.

The files are made here. Each column has cells, and what a reader of the file takes them for: a kind
and, for numbers and dates, the values.
"""

# ruff: noqa: RUF001 - the letters of other languages are meant

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churn_torch.tables.encode import parse
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.options import ColumnRoles
from churn_torch.tables.readers import sources
from churn_torch.tables.schema import Kind

ROWS = 300
NAN = float("nan")
LEFT_OUT = (Kind.IGNORED, Kind.ID)


@dataclass
class Expected:
    """A column as it stands in the file, and what it means."""

    cells: list[str]
    kinds: tuple[Kind, ...]
    values: list[float] | None = None


def number(values: Any, write: Callable[[float], str]) -> Expected:
    """A column of numbers in one style; NaN is written as the style wants."""
    return Expected([write(value) for value in values], (Kind.NUMERIC,), list(map(float, values)))


def date(days: Any, write: Callable[[datetime.datetime], str]) -> Expected:
    """A column of dates in one style."""
    start = datetime.datetime(1970, 1, 1)
    cells = [write(start + datetime.timedelta(days=float(day))) for day in days]
    return Expected(cells, (Kind.DATETIME,), list(map(float, days)))


def words(cells: Any, *kinds: Kind) -> Expected:
    """A column of texts."""
    return Expected([str(cell) for cell in cells], kinds or (Kind.CATEGORICAL,))


def grouped(value: float, *, thousands: str, decimal: str, digits: int = 2) -> str:
    """Write a number with signs of a country."""
    text = f"{value:,.{digits}f}"
    return text.replace(",", "\0").replace(".", decimal).replace("\0", thousands)


def every(rng: np.random.Generator, n: int, *choices: str) -> list[str]:
    return [choices[i] for i in rng.integers(len(choices), size=n)]


def rounded(rng: np.random.Generator, low: float, high: float, digits: int = 2) -> np.ndarray:
    return np.round(rng.uniform(low, high, ROWS), digits)


def holes(values: np.ndarray, rng: np.random.Generator, share: float) -> np.ndarray:
    return np.where(rng.random(len(values)) < share, NAN, values)


def german() -> tuple[dict[str, Expected], str, str]:
    """Semicolons, decimal comma, cp1252."""
    rng = np.random.default_rng(1)
    months = ["Jan", "Feb", "Mrz", "Apr", "Mai", "Jun", "Jul", "Aug", "Sep", "Okt", "Nov", "Dez"]
    days = rng.integers(15_000, 18_600, ROWS)
    columns = {
        "Kundennummer": words([f"K-{100_000 + 7 * i}" for i in range(ROWS)], *LEFT_OUT),
        "PLZ": words(every(rng, ROWS, "01067", "10115", "80331", "04109"), Kind.CATEGORICAL),
        "Umsatz": number(
            rounded(rng, -900, 9_000),
            lambda v: grouped(v, thousands=".", decimal=",") + " €",
        ),
        "Rabatt": number(
            rounded(rng, 0, 40, 1),
            lambda v: grouped(v, thousands=".", decimal=",", digits=1) + " %",
        ),
        "Grundgebühr": number(
            holes(rounded(rng, 5, 60), rng, 0.03),
            lambda v: "k.A." if np.isnan(v) else grouped(v, thousands=".", decimal=","),
        ),
        "Vertragsbeginn": date(days, lambda d: f"{d:%d.%m.%Y}"),
        "Letzte Rechnung": date(rng.integers(17_000, 18_600, ROWS), lambda d: f"{d:%d.%m.%y}"),
        "Geboren": date(
            rng.integers(0, 9_000, ROWS), lambda d: f"{d.day:02d}. {months[d.month - 1]} {d.year}"
        ),
        "Datenvolumen": number(rng.integers(1, 60, ROWS), lambda v: f"{v:.0f} GB"),
        "Vertragsart": words(every(rng, ROWS, "monatlich", "jährlich", "zweijährig")),
        "Größe": words(every(rng, ROWS, "klein", "mittel", "groß")),
        "Newsletter": words(every(rng, ROWS, "Ja", "Nein"), Kind.BOOLEAN, Kind.CATEGORICAL),
        "Kündigung": words(every(rng, ROWS, "Ja", "Nein", "Nein"), Kind.TARGET),
    }
    return columns, ";", "cp1252"


def american() -> tuple[dict[str, Expected], str, str]:
    """A report with a title line, dollars, short dates month first."""
    rng = np.random.default_rng(2)
    columns = {
        "Account ID": words([7_000_000 + 13 * i for i in range(ROWS)], *LEFT_OUT),
        "ZIP": words(every(rng, ROWS, "02139", "10001", "94110", "60601"), Kind.CATEGORICAL),
        "Revenue": number(
            rounded(rng, 10, 9_000), lambda v: "$" + grouped(v, thousands=",", decimal=".")
        ),
        "Balance": number(
            rounded(rng, -500, 500),
            lambda v: f"({-v:,.2f})" if v < 0 else f"{v:,.2f}",
        ),
        "Discount": number(rounded(rng, 0, 30, 1), lambda v: f"{v:.1f}%"),
        "Seats": number(rng.integers(100, 9_000, ROWS), lambda v: f"{v:,.0f}"),
        "Fee": number(rounded(rng, 1, 99), lambda v: f"{v:.2f} USD"),
        "Signup": date(rng.integers(16_000, 18_600, ROWS), lambda d: f"{d:%m/%d/%y}"),
        "Last Login": date(
            rng.integers(16_000 * 96, 18_600 * 96, ROWS) / 96,
            lambda d: f"{d:%m/%d/%Y %I:%M %p}",
        ),
        "Renewal": date(rng.integers(16_000, 18_600, ROWS), lambda d: f"{d:%B} {d.day}, {d:%Y}"),
        "Tenure": number(rng.integers(1, 72, ROWS), lambda v: f"{v:.0f} months"),
        "Usage": number(
            holes(rounded(rng, 0, 90, 1), rng, 0.04),
            lambda v: "N/A" if np.isnan(v) else f"{v:.1f} GB",
        ),
        "Score": number(
            holes(rng.integers(300, 850, ROWS).astype(float), rng, 0.02),
            lambda v: "#DIV/0!" if np.isnan(v) else f"{v:.0f}",
        ),
        "Plan": words(every(rng, ROWS, "Basic", "Plus", "Pro")),
        "Autopay": words(every(rng, ROWS, "Y", "N"), Kind.BOOLEAN),
        "Churned": words(every(rng, ROWS, "Yes", "No", "No"), Kind.TARGET),
    }
    return columns, ",", "utf-8"


def french() -> tuple[dict[str, Expected], str, str]:
    """Semicolons, no-break blanks as thousands sign, UTF-8 with a mark."""
    rng = np.random.default_rng(3)
    months = [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ]
    columns = {
        "Identifiant": words([f"CL{900_000 + 11 * i}" for i in range(ROWS)], *LEFT_OUT),
        "Département": words(every(rng, ROWS, "01", "2A", "75", "13"), Kind.CATEGORICAL),
        "Chiffre d'affaires": number(
            rounded(rng, 10, 90_000),
            lambda v: grouped(v, thousands="\u202f", decimal=",") + "\u00a0€",
        ),
        "Solde": number(
            rounded(rng, -2_000, 2_000), lambda v: grouped(v, thousands=" ", decimal=",")
        ),
        "Remise": number(
            rounded(rng, 0, 40, 1),
            lambda v: grouped(v, thousands="", decimal=",", digits=1) + "\u00a0%",
        ),
        "Appels": number(
            holes(rng.integers(0, 300, ROWS).astype(float), rng, 0.03),
            lambda v: "n.d." if np.isnan(v) else f"{v:.0f}",
        ),
        "Durée": number(rng.integers(1, 48, ROWS), lambda v: f"{v:.0f} mois"),
        "Date d'inscription": date(rng.integers(15_000, 18_600, ROWS), lambda d: f"{d:%d/%m/%Y}"),
        "Dernier achat": date(
            rng.integers(17_000, 18_600, ROWS), lambda d: f"{d.day} {months[d.month - 1]} {d.year}"
        ),
        "Trimestre": date(
            rng.choice([17_167, 17_257, 17_348, 17_440], ROWS),
            lambda d: f"{d.year}-T{(d.month + 2) // 3}",
        ),
        "Formule": words(every(rng, ROWS, "Légère", "Complète", "Réduite")),
        "Parrainé": words(every(rng, ROWS, "oui", "non"), Kind.BOOLEAN, Kind.CATEGORICAL),
        "Résilié": words(every(rng, ROWS, "oui", "non", "non"), Kind.TARGET),
    }
    return columns, ";", "utf-8-sig"


def polish() -> tuple[dict[str, Expected], str, str]:
    """A title line, cp1250, złoty."""
    rng = np.random.default_rng(4)
    months = ["sty", "lut", "mar", "kwi", "maj", "cze", "lip", "sie", "wrz", "paź", "lis", "gru"]
    columns = {
        "Numer klienta": words([f"PL{50_000 + 3 * i}" for i in range(ROWS)], *LEFT_OUT),
        "Kod pocztowy": words(every(rng, ROWS, "00-950", "31-001", "80-331"), Kind.CATEGORICAL),
        "Oddział": words(every(rng, ROWS, "101", "102", "205", "310"), Kind.CATEGORICAL),
        "Przychód": number(
            rounded(rng, 10, 90_000), lambda v: grouped(v, thousands=" ", decimal=",") + " zł"
        ),
        "Opłata": number(
            holes(rounded(rng, 5, 200), rng, 0.03),
            lambda v: "brak" if np.isnan(v) else grouped(v, thousands="", decimal=","),
        ),
        "Udział": number(rounded(rng, 0, 100, 1), lambda v: f"{v:.1f}%".replace(".", ",")),
        "Data umowy": date(rng.integers(15_000, 18_600, ROWS), lambda d: f"{d:%Y-%m-%d}"),
        "Ostatni kontakt": date(
            rng.integers(17_000, 18_600, ROWS),
            lambda d: f"{d.day} {months[d.month - 1]} {d.year}",
        ),
        "Miesiąc": date(
            rng.choice([17_167, 17_198, 17_226, 17_257, 17_287], ROWS), lambda d: f"{d:%Y-%m}"
        ),
        "Minuty": number(rng.integers(1_000, 9_000, ROWS), lambda v: f"{v:,.0f}".replace(",", " ")),
        "Taryfa": words(every(rng, ROWS, "żółta", "śląska", "główna")),
        "Zgoda": words(every(rng, ROWS, "tak", "nie"), Kind.BOOLEAN, Kind.CATEGORICAL),
        "Odejście": words(every(rng, ROWS, "tak", "nie", "nie"), Kind.TARGET),
    }
    return columns, ";", "cp1250"


def turkish() -> tuple[dict[str, Expected], str, str]:
    """Semicolons, cp1254, percent before the number, a total below."""
    rng = np.random.default_rng(5)
    months = ["Oca", "Şub", "Mar", "Nis", "May", "Haz", "Tem", "Ağu", "Eyl", "Eki", "Kas", "Ara"]
    columns = {
        "Müşteri No": words([f"TR{50_000 + 3 * i}" for i in range(ROWS)], *LEFT_OUT),
        "İl": words(every(rng, ROWS, "İstanbul", "Iğdır", "Şırnak")),
        "Posta Kodu": words(every(rng, ROWS, "06100", "34000", "35210")),
        "Tutar": number(
            rounded(rng, 10, 90_000), lambda v: grouped(v, thousands=".", decimal=",") + " TL"
        ),
        "İndirim": number(rounded(rng, 0, 40, 1), lambda v: "%" + f"{v:.1f}".replace(".", ",")),
        "Son Ödeme": date(
            rng.integers(17_000, 18_600, ROWS), lambda d: f"{d.day} {months[d.month - 1]} {d.year}"
        ),
        "Süre": number(rng.integers(1, 48, ROWS), lambda v: f"{v:.0f} ay"),
        "E-posta": words(every(rng, ROWS, "Evet", "Hayır"), Kind.BOOLEAN),
        "Durum": words(every(rng, ROWS, "Kayıp", "Aktif", "Aktif"), Kind.TARGET),
    }
    return columns, ";", "cp1254"


def japanese() -> tuple[dict[str, Expected], str, str]:
    """Counters, dates in 年月日, cp932."""
    rng = np.random.default_rng(6)
    columns = {
        "顧客番号": words([f"C{50_000 + 3 * i}" for i in range(ROWS)], *LEFT_OUT),
        "都道府県": words(every(rng, ROWS, "東京都", "大阪府", "北海道")),
        "月額料金": number(rng.integers(1_000, 90_000, ROWS), lambda v: f"{v:,.0f}円"),
        "割引率": number(rounded(rng, 0, 40, 1), lambda v: f"{v:.1f}％"),
        "契約日": date(
            rng.integers(15_000, 18_600, ROWS), lambda d: f"{d.year}年{d.month}月{d.day}日"
        ),
        "請求月": date(
            rng.choice([17_167, 17_198, 17_226], ROWS), lambda d: f"{d.year}年{d.month}月"
        ),
        "回数": number(
            holes(rng.integers(0, 60, ROWS).astype(float), rng, 0.03),
            lambda v: "不明" if np.isnan(v) else f"{v:.0f}回",
        ),
        "年齢": number(rng.integers(18, 80, ROWS), lambda v: f"{v:.0f}歳"),
        "期間": number(rng.integers(13, 60, ROWS), lambda v: f"{v // 12}年{v % 12}ヶ月"),
        "メルマガ": words(every(rng, ROWS, "はい", "いいえ"), Kind.BOOLEAN),
        "状態": words(every(rng, ROWS, "解約", "継続", "継続"), Kind.TARGET),
    }
    return columns, ",", "cp932"


def indian() -> tuple[dict[str, Expected], str, str]:
    """Lakhs, rupees, day first."""

    def lakhs(value: float) -> str:
        whole, fraction = f"{value:.2f}".split(".")
        head, groups = whole[:-3], [whole[-3:]]
        while head:
            head, groups = head[:-2], [head[-2:], *groups]
        return f"{','.join(groups)}.{fraction}"

    rng = np.random.default_rng(7)
    columns = {
        "Mobile Number": words([9_876_500_000 + 13 * i for i in range(ROWS)], *LEFT_OUT),
        "PIN Code": words(every(rng, ROWS, "110001", "400001", "560001")),
        "Balance": number(rounded(rng, 100, 9_000_000), lakhs),
        "Recharge": number(rounded(rng, 100, 900_000), lambda v: f"₹{lakhs(v)}"),
        "EMI": number(rng.integers(1_000, 90_000, ROWS), lambda v: f"Rs. {v:,.0f}/-"),
        "Turnover": number(rounded(rng, 0.1, 9), lambda v: f"₹{v:.2f} Cr"),
        "DOJ": date(rng.integers(15_000, 18_600, ROWS), lambda d: f"{d:%d-%m-%Y}"),
        "Last Recharge": date(rng.integers(15_000, 18_600, ROWS), lambda d: f"{d:%d-%b-%y}"),
        "AON": number(rng.integers(13, 90, ROWS), lambda v: f"{v // 12} yrs {v % 12} mos"),
        "Data": number(rounded(rng, 0.1, 9, 1), lambda v: f"{v:.1f} GB/day"),
        "DND": words(every(rng, ROWS, "Y", "N"), Kind.BOOLEAN),
        "Churn": words(every(rng, ROWS, "Yes", "No", "No"), Kind.TARGET),
    }
    return columns, ",", "utf-8"


TITLES = {american: "Customer churn report, March 2021\n", polish: "Raport klientów: 2021\n"}
TOTALS = {turkish: "Genel Toplam;;;4.312.002,10 TL;;;;;\n"}


def written(make: Any, folder: Path) -> tuple[Path, dict[str, Expected]]:
    columns, delimiter, encoding = make()
    frame = pd.DataFrame({name: column.cells for name, column in columns.items()})
    path = folder / f"{make.__name__}.csv"
    text = TITLES.get(make, "") + frame.to_csv(sep=delimiter, index=False, lineterminator="\n")
    path.write_bytes((text + TOTALS.get(make, "")).encode(encoding))
    return path, columns


def misread(path: Path, columns: dict[str, Expected]) -> dict[str, str]:
    """Return what is wrong, by column."""
    frame = sources.read(path)
    target = next(name for name, column in columns.items() if Kind.TARGET in column.kinds)
    schema = infer(frame, ColumnRoles(target=target))
    parsed = parse(frame, schema)
    wrong = {}
    for name, column in columns.items():
        got = schema[name]
        if got.kind not in column.kinds:
            wrong[name] = f"{got.kind}: {got.note}"
        elif column.values is not None and not np.allclose(
            parsed[name], column.values, rtol=1e-6, atol=1e-6, equal_nan=True
        ):
            wrong[name] = f"other values: {parsed[name].head(3).tolist()}"
    return wrong


@pytest.mark.parametrize("make", [german, american, french, polish, turkish, japanese, indian])
def test_every_column_of_the_file_is_read_as_a_person_would(make: Any, tmp_path: Path) -> None:
    assert misread(*written(make, tmp_path)) == {}

"""What stands around a number: its sign, money signs and codes, percent, units of measure."""

from __future__ import annotations

import functools
import math
import re
import unicodedata
from typing import NamedTuple

# Between bars stands one unit in all its spellings, compared without case and full stops.
_MONEY = """
$ usd us$ dollar dollars | € eur euro euros | £ gbp pound pounds | zł zl pln złoty złote złotych
| kč kc czk korun | r$ brl reais real | ₹ inr rs rupees | jpy yen 円 | cny rmb yuan 元 | ₽ rub руб
рублей р | ₺ try tl lira | kr kr: | sek | nok | dkk | isk | ft huf forint | chf fr sfr fr/chf |
₴ uah грн | lei ron leu | лв bgn | ₩ krw won 원 | ₫ vnd đ | aed | sar | a$ au$ aud | c$ ca$ cad |
hk$ hkd | nz$ nzd | s$ sgd | nt$ twd | mx$ mxn | ₪ ils nis | ₱ php | ฿ thb | ₦ ngn | kes ksh |
idr rp | myr rm | egp | cop | clp | ars | pen s/ | zar | kzt тг | din rsd | km bam | gel | amd |
azn | byn | mad dh | tnd dt | dzd da | xof cfa fcfa | bdt tk | pkr | lkr | npr | qar | kwd | bhd
| omr | cent cents ct | ¥ ￥
"""  # noqa: RUF001
_MEASURES = """
% pct percent prozent procent pourcent | ‰ | year years yr yrs y jahr jahre jahren j an ans
année années annee annees año años anno anni ano anos rok lata lat roku год года лет 年 年間 년
歳 才 岁 歲 세 살 | month months mo mos mth mths monat monate monaten mon mois mes meses mese
mesi miesiąc miesiące miesięcy miesiac miesiace miesiecy mies mc m-c месяц месяца месяцев мес
mês 个月 個月 ヶ月 ケ月 か月 カ月 ヵ月 箇月 ヶ月間 か月間 개월 | week weeks wk wks woche wochen
semaine semaines semana semanas settimana settimane tydzień tygodnie tygodni неделя недель 周 週
週間 주 | day days d tag tage tagen jour jours día días dia dias giorno giorni dzień dni день
дня дней 天 日 日間 일 | hour hours hr hrs h std stunde stunden heure heures hora horas ora ore
godz godzin godziny godzina час часов 時間 小时 小時 시간 | min mins minute minutes minuten
minuto minutos minuti minut minuty minuta мин минут 分 分間 分钟 分鐘 분 | s sec secs second
seconds sek sekunde sekunden seconde secondes sekund sekundy сек 秒 秒間 초 | ms | kb ko | mb |
gb go гб | tb to | kib | mib | gib | tib | byte bytes b | kbps kbit/s | mbps mbit/s mb/s | gbps
gbit/s | kwh | mwh | wh | kw | w | kva | v | km | m | cm | mm | mi mile miles | ft/foot foot
feet | in inch inches | km/h | mph | kg кг | g | mg | lb lbs | oz | t | l liter litre litres |
ml | m² m2 qm sqm | m³ m3 | sqft | ° | °c | °f | k tsd tys | mio mln | mrd bn | lakh lakhs lac
lacs | crore crores | 万 萬 만 | 億 亿 억 | x | kcal | pts pt punkte pkt points point | pcs pc
stk stück szt sztuk pièces pieces piece шт | people persons personen personnes osób 人 名 명 位
| 回 次 회 | 件 건 | 個 个 개 | 台 대 | 点 점
"""  # noqa: RUF001
# Behind a sum of money a letter counts thousands or millions.
_MAGNITUDES = {
    "k": "k",
    "tsd": "k",
    "tys": "k",
    "m": "mio",
    "mm": "mio",
    "mio": "mio",
    "mln": "mio",
}
_MAGNITUDES |= {"b": "mrd", "bn": "mrd", "md": "mrd", "mrd": "mrd"}
_MAGNITUDES |= dict.fromkeys(("l", "lac", "lacs", "lakh", "lakhs"), "lakh")
_MAGNITUDES |= dict.fromkeys(("cr", "crore", "crores"), "crore")
_MAGNITUDES |= {"万": "万", "萬": "万", "만": "万", "億": "億", "亿": "億", "억": "億"}
_RATE = re.compile(r"(?:/|per |pro |par |por |je |p\.|a )\s?[^\W\d_]{1,12}\.?|p\.? ?[mawy]\.?")
_WORD = re.compile(r"[^\W\d_]{2,20}\.?(?:[ /][^\W\d_]{1,20}\.?)?")
# 1st, 2nd and 3rd are places, not sizes; 5 PM is a time.
_NO_UNIT_WORDS = "st nd rd th er ère ème eme te ter am pm uhr bis and or und to"
_NO_UNITS = frozenset(_NO_UNIT_WORDS.split())
_CENTS = (".-", ".--", ",-", ",--", "/-")  # 5.- is five francs, 5/- five rupees
# Currencies whose sign is $ too: MXN $500.
_DOLLARS = frozenset({"a$", "c$", "hk$", "nz$", "s$", "nt$", "mx$", "cop", "clp", "ars"})


# Units that can be converted into each other: each line is one family, the first unit counts 1.
# Those of data and rates count thousands, as vendors and networks do; KiB and the like 1,024.
_SCALES = """
_ 1 k 1e3 万 1e4 lakh 1e5 mio 1e6 crore 1e7 億 1e8 mrd 1e9 | byte 1 kb 1e3 mb 1e6 gb 1e9 tb 1e12
kib 1024 mib 1048576 gib 1073741824 tib 1099511627776 | kbps 1 mbps 1e3 gbps 1e6 | wh 1 kwh 1e3
mwh 1e6 | w 1 kw 1e3 | mm 1 cm 10 m 1e3 km 1e6 | mg 1 g 1e3 kg 1e6 t 1e9 | ml 1 l 1e3 | ms 1 s
1e3 min 6e4 hour 3.6e6 day 8.64e7 week 6.048e8 | month 1 year 12
"""


def _scales() -> dict[str, tuple[str, float]]:
    scales: dict[str, tuple[str, float]] = {}
    for line in _SCALES.split("|"):
        units, factors = (names := line.split())[::2], names[1::2]
        for unit, factor in zip(units, map(float, factors), strict=True):
            scales[unit.strip("_")] = (units[0].strip("_"), factor)
    return scales


_SCALE_OF = _scales()


def _families(lines: str) -> dict[str, str]:
    families = (family.split() for family in lines.split("|"))
    return {word.casefold(): family[0] for family in families for word in family}


MONEY = _families(_MONEY)
_UNITS = {**_families(_MEASURES), **MONEY}


class Affix(NamedTuple):
    """What the text around the digits of a cell says.

    Attributes:
        unit: The unit in its first spelling, ``""`` for none.
        spelled: The unit as it is written.
        known: Whether we know the unit; else it is some word.
        negative: Whether there is a minus, or parentheses.
        fraction: The text before ends with the sign of a decimal: ``$.50``.
    """

    unit: str
    spelled: str
    known: bool
    negative: bool
    fraction: str = ""


@functools.lru_cache(maxsize=4096)
def read_affix(before: str, after: str) -> Affix | None:
    """Read the text before and after the digits of a cell; None where it is no number."""
    before, after, fraction = before.strip(), after.rstrip(), ""
    if before in (".", ",") or (before[-1:] in (".", ",") and not before[-2:-1].isalpha()):
        before, fraction = before[:-1].rstrip(), before[-1]
    if after.strip() in _CENTS or after.startswith(_CENTS):
        after = after.lstrip().lstrip(".,/").lstrip("-")
    elif after[:1] in (".", ","):
        after = after[1:]
    opened, closed = before.count("("), after.count(")")
    if opened != closed or opened > 1 or "(" in after or ")" in before:
        return None
    before, after = before.replace("(", " ").strip(), after.replace(")", " ")
    if re.match(r"-[^\W\d_]", after):  # 12-month
        after = after[1:]
    signs = re.findall(r"[-+]", before + after)
    if len(signs) > 1 or "+" in after or (opened and signs):
        return None
    apart = after[:1].isspace()
    prefix = re.sub(r"[-+~≈]", " ", before).strip()
    suffix = re.sub(r"[-+]", " ", after).strip()
    unit = _unit(prefix, suffix, apart)
    if unit is None:
        return None
    name, known = unit
    spelled = f"{prefix} {suffix}".strip()
    return Affix(name, spelled, known, bool(opened) or "-" in signs, fraction)


def _unit(prefix: str, suffix: str, apart: bool) -> tuple[str, bool] | None:
    """Return the one unit that is meant and whether we know it."""
    if prefix == "%" and not suffix:  # as in Turkish
        return "%", True
    money = "" if not prefix else _known(prefix, MONEY)
    if money is None:
        return None
    if not suffix:
        return money, True
    unit = _known(suffix, _UNITS)
    if unit is not None and not money:  # before rates: Mbit/s
        return unit, True
    rate = _RATE.search(suffix)
    if rate and rate.end() == len(suffix):  # 5 €/month
        head = suffix[: rate.start()].strip()
        inner = _known(head, _UNITS) if head else ""
        if inner is None or (money and inner and money != inner) or not (money or inner):
            return None
        return f"{money or inner} {rate[0].casefold().strip()}", True
    sum_of = _magnitude(money, suffix)
    if sum_of:
        return sum_of, True
    if unit is not None:
        if money == "$" and unit in _DOLLARS:
            return unit, True
        return (unit, True) if unit == money else None
    word = suffix.casefold()
    if money or not apart or not _WORD.fullmatch(word) or word.rstrip(".") in _NO_UNITS:
        return None
    return word, False


def _magnitude(money: str, suffix: str) -> str:
    """Return ``$ k`` for the sum $12K or 12 K$, ``""`` where it is no such sum."""
    magnitude, *rest = suffix.split() if suffix[:1].isalpha() else [""]
    if not money and not rest:  # 12K$
        magnitude, rest = suffix[:1], [suffix[1:]]
    shortened = _MAGNITUDES.get(magnitude.rstrip(".").casefold(), "")
    inner = _known(" ".join(rest), MONEY) if any(rest) else ""
    if not shortened or inner is None or not (money or inner) or (money and inner):
        return ""
    return f"{money or inner} {shortened}"


def _known(text: str, units: dict[str, str]) -> str | None:
    """Return the unit under its first spelling; any currency sign is one."""
    word = text.rstrip(".:").strip()
    if word == "M" and units is not MONEY:
        return "mio"
    # Another large letter is no measure: 4G and 5G are no grams.
    word = word if len(word) == 1 and word not in "KLVW" else word.casefold()
    if word in units:
        return units[word]
    if word == "" and text:
        return None
    for i in range(1, min(len(word), 9)):  # "$ USD", "EUR €", "MXN $"
        one, other = units.get(word[:i].strip(), ""), units.get(word[i:].strip(), "")
        if one == "$":
            one, other = other, one
        if one and (one == other or (other == "$" and one in _DOLLARS)):
            return one
    return word if len(word) == 1 and unicodedata.category(word) == "Sc" else None


def scale_of(unit: str) -> tuple[str, float]:
    """Return the smallest unit that a unit can be converted to, and how many of it it is."""
    money, _, magnitude = unit.rpartition(" ")
    if money in MONEY.values() and magnitude in _MAGNITUDES.values():
        return money, _SCALE_OF[magnitude][1]
    return _SCALE_OF.get(unit, (unit, 1.0))


def conversion(unit: str, to: str) -> float:
    """Return by what a number with a unit is multiplied to have another; NaN where it cannot be."""
    (family, factor), (other, divisor) = scale_of(unit), scale_of(to)
    return factor / divisor if family == other else math.nan


def same_unit(one: str, other: str) -> bool:
    """Tell whether two words that we do not know are forms of one: ``widget`` and ``widgets``."""
    stem = min(len(one), len(other), 4)
    return stem >= 3 and one[:stem] == other[:stem] and abs(len(one) - len(other)) <= 3

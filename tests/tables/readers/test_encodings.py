"""Encodings: short files in the encodings people have are read in the right letters."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_torch.errors import InputError
from churn_torch.tables.readers.encodings import (
    Encoding,
    Utf8Check,
    detect,
    named,
    of_mark,
    transcoded,
)

PLACES = {
    "cp1250": ["Warszawa", "Kraków", "Łódź", "Gdańsk", "umowa miesięczna", "Żółty", "Mężczyzna"],
    "iso8859_2": ["Plzeň", "Ústí nad Labem", "měsíční", "České Budějovice", "žena", "převodem"],
    "cp1251": ["Базовый", "Плюс", "Премиум", "Санкт-Петербург", "ежемесячно", "Женский"],
    "koi8_r": ["Базовый", "Плюс", "Премиум", "Санкт-Петербург", "ежемесячно", "Женский"],
    "cp866": ["Базовый", "Плюс", "Премиум", "Москва", "ежемесячно", "Женский"],
    "mac_cyrillic": ["Базовый", "Плюс", "Премиум", "Москва", "ежемесячно", "Женский"],
    "cp1252": ["São Paulo", "Brasília", "Goiânia", "Crédito", "mensal", "Não"],
    "latin-1": ["München", "Köln", "jährlich", "Überweisung", "männlich", "Straße"],
    "cp1254": [
        "İstanbul",
        "İzmir",
        "Eskişehir",
        "y\u0131ll\u0131k",
        "kredi kart\u0131",
        "Muğla",
        "Çanakkale",
    ],
    "cp1253": ["Αθήνα", "Θεσσαλονίκη", "Πάτρα", "μηνιαίο", "ετήσιο", "Όχι"],
    "cp1255": ["תל אביב", "ירושלים", "חיפה", "חודשי", "שנתי"],
    "cp1256": ["الرياض", "جدة", "شهري", "سنوي", "بطاقة ائتمان"],
    "cp1257": ["Šiauliai", "Klaipėda", "mėnesinis", "Panevėžys", "grynųjų"],
    "cp874": ["กรุงเทพ", "เชียงใหม่", "ภูเก็ต", "รายเดือน", "ยกเลิก"],
    "gbk": ["北京", "上海", "基础套餐", "增值套餐", "月付", "信用卡"],
    "big5": ["台北市", "高雄市", "月租", "年約", "信用卡", "女性"],
    "shift_jis": ["東京", "大阪", "ベーシック", "プレミアム", "はい", "クレジットカード"],
    "euc_jp": ["東京", "大阪", "ベーシック", "プレミアム", "はい", "クレジットカード"],
    "euc_kr": ["서울", "부산", "월간", "신용카드", "아니오", "여자"],
    "cp850": ["München", "Köln", "jährlich", "Überweisung", "männlich"],
    "mac_roman": ["Orléans", "Besançon", "prélèvement", "résilié", "fidèle"],
}


@pytest.mark.parametrize("rows", [14, 200])
@pytest.mark.parametrize("name", PLACES)
def test_short_files_are_read_in_their_letters(name: str, rows: int) -> None:
    for seed in range(3):
        rng = random.Random(seed)
        few = rng.sample(PLACES[name], 4)
        lines = [f"C{i};{rng.choice(few)};{rng.randrange(18, 80)}" for i in range(rows)]
        content = "\n".join(lines).encode(name)
        found = detect(line for line in content.split(b"\n") if not line.isascii())
        assert content.decode(found.name) == "\n".join(lines), found
        assert set(found.words) <= {*few}


@pytest.mark.parametrize(
    ("word", "name"), [("Nový", "cp1250"), ("Hay\u0131r", "cp1254"), ("Não", "cp1252")]
)
def test_what_two_languages_explain_is_not_certain(word: str, name: str) -> None:
    assert not detect([word.encode(name)]).sure


def test_a_few_bad_bytes_leave_a_file_utf8() -> None:
    check = Utf8Check()
    check.update("id,city\n1,São Paulo\n2,Brasília\n3,caf".encode() + b"\xe9\n")
    check.finish()
    assert check.encoding() == Encoding("utf-8", n_bad=1, bad_at=38)
    assert not check.encoding().is_utf8


def test_a_file_with_no_valid_sequence_is_not_utf8() -> None:
    check = Utf8Check()
    check.update(b"id,word\n1,caf\xe9\n2,na\xefve\n")
    check.finish()
    assert check.encoding().name == "cp1252"


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=40), st.integers(1, 7))
def test_utf8_may_be_cut_anywhere(text: str, size: int) -> None:
    content, check = text.encode(), Utf8Check()
    for start in range(0, len(content), size):
        check.update(content[start : start + size])
    check.finish()
    assert check.n_bad == 0
    assert check.n_good == sum(not char.isascii() for char in text)
    assert check.encoding().is_utf8


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\xef\xbb\xbfa,b", "utf-8-sig"),
        ("a,b".encode("utf-16"), "utf-16"),
        ("a,b".encode("utf-32"), "utf-32"),
        ("a,b\n1,2\n".encode("utf-16-le"), "utf-16-le"),
        ("a,b\n1,2\n".encode("utf-16-be"), "utf-16-be"),
        (b"a,b\n1,2\n", None),
        (b"", None),
        (b"\x00", None),
    ],
)
def test_marks(head: bytes, name: str | None) -> None:
    assert of_mark(head) == name


def test_a_named_encoding_must_be_one_of_text() -> None:
    assert named("UTF8", "data.encoding") == "utf-8"
    assert named("windows-1252", "data.encoding") == "cp1252"
    for wrong in ("cp12250", "rot13", "base64", "", "no such thing"):
        with pytest.raises(InputError, match=r"^data.encoding: expected an encoding"):
            named(wrong, "data.encoding")
    with pytest.raises(InputError, match=r"did you mean 'latin_?1'"):
        named("lattin1", "data.encoding")


def test_transcoding_replaces_what_is_not_valid() -> None:
    blocks = [b"caf", b"\xc3", b"\xa9 \xe9", b"\n"]
    assert b"".join(transcoded(blocks, Encoding("utf-8"))).decode() == "café \ufffd\n"
    assert b"".join(transcoded([b"\xe9"], Encoding("cp1252"))).decode() == "é"


SIGNS_ONLY = {
    "money": ["12,50 €", "1.200,00 €", "80 €"],
    "pounds": ["£12.50", "£7.00"],
    "apostrophes": ["O’Brien", "don’t know"],
    "dashes": ["A – B", "2 – 3"],
    "quotes": ["“basic”", "a “plus” plan"],
    "blanks": ["1\u00a0200,50", "21 °C"],
}


@pytest.mark.parametrize("cells", SIGNS_ONLY.values(), ids=SIGNS_ONLY)
def test_money_and_quotes_of_cp1252_are_no_letters_of_older_systems(cells: list[str]) -> None:
    lines = [f"C{i};{cells[i % len(cells)]}".encode("cp1252") for i in range(60)]
    found = detect(lines)
    assert (found.name, found.sure) == ("cp1252", True)
    accented = detect([*lines, "C60;groß".encode("cp1252")])
    assert accented.name == "cp1252"


def test_chinese_that_could_be_half_width_japanese_is_not_taken_for_accents() -> None:
    lines = [f"C{i},{p},{c}" for i in range(40) for p in ("高雄", "臺中", "臺北") for c in "否是否"]
    assert detect([line.encode("big5") for line in lines]).name == "big5"

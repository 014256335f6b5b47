"""The words for yes and no of many languages, and what a pair of labels says with them."""

# ruff: noqa: RUF001 - letters of other alphabets look like Latin ones

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

# Yes before no, true before false. A pair is known in any case, with or without accents.
PAIRS = (
    # English
    *(("yes", "no"), ("true", "false"), ("y", "n"), ("t", "f"), ("1", "0"), ("on", "off")),
    ("true.", "false."),  # as the churn table of many textbooks has it
    # Chinese (both scripts), Japanese, Korean
    *(("是", "否"), ("是", "不是"), ("真", "假"), ("对", "错"), ("對", "錯")),
    *(("はい", "いいえ"), ("真", "偽"), ("예", "아니오"), ("네", "아니오"), ("예", "아니요")),
    *(("네", "아니요"), ("참", "거짓")),
    # Hindi, Bengali, Urdu, Arabic, Persian, Hebrew
    *(("हाँ", "नहीं"), ("हां", "नहीं"), ("हा", "नही"), ("সত্য", "মিথ্যা"), ("হ্যাঁ", "না")),
    *(("सत्य", "असत्य"), ("सही", "गलत"), ("ہاں", "نہیں"), ("نعم", "لا"), ("صحيح", "خطأ")),
    *(("صحيح", "خاطئ"), ("بله", "خیر"), ("بلی", "خیر"), ("כן", "לא"), ("אמת", "שקר")),
    # Spanish, Portuguese, French, Italian, Catalan, Romanian
    *(("sí", "no"), ("verdadero", "falso"), ("cierto", "falso"), ("s", "n"), ("v", "f")),
    *(("sim", "não"), ("verdadeiro", "falso"), ("oui", "non"), ("vrai", "faux"), ("o", "n")),
    *(("sì", "no"), ("vero", "falso"), ("cert", "fals"), ("da", "nu"), ("adevărat", "fals")),
    # German, Dutch, Danish, Norwegian, Swedish, Icelandic
    *(("ja", "nein"), ("wahr", "falsch"), ("j", "n"), ("w", "f"), ("ja", "nee")),
    *(("waar", "onwaar"), ("ja", "nej"), ("ja", "nei"), ("sand", "falsk"), ("sant", "falskt")),
    *(("sann", "falsk"), ("sant", "usant"), ("já", "nei")),
    # Russian, Ukrainian, Bulgarian, Serbian, Croatian, Slovene
    *(("да", "нет"), ("д", "н"), ("истина", "ложь"), ("так", "ні"), ("істина", "хибність")),
    *(("да", "не"), ("вярно", "невярно"), ("da", "ne"), ("d", "n"), ("točno", "netočno")),
    # Polish, Czech, Slovak, Hungarian
    *(("tak", "nie"), ("prawda", "fałsz"), ("ano", "ne"), ("pravda", "nepravda")),
    *(("a", "n"), ("áno", "nie"), ("igen", "nem"), ("i", "n"), ("igaz", "hamis")),
    # Lithuanian, Latvian, Estonian, Finnish, Greek, Turkish
    *(("taip", "ne"), ("jā", "nē"), ("jah", "ei"), ("kyllä", "ei"), ("tosi", "epätosi")),
    *(("ναι", "όχι"), ("αληθές", "ψευδές"), ("evet", "hayır"), ("e", "h")),
    *(("doğru", "yanlış"),),
    # Indonesian, Malay, Vietnamese, Thai, Tagalog, Swahili
    *(("ya", "tidak"), ("ya", "tak"), ("benar", "salah"), ("có", "không"), ("đúng", "sai")),
    *(("ใช่", "ไม่ใช่"), ("จริง", "เท็จ"), ("oo", "hindi"), ("ndiyo", "hapana")),
)
# Single letters of other languages than English, and words that mean yes in one language and no
# in another, say something only as one of a pair.
_ENGLISH_LETTERS = ("y", "n", "t", "f")
# Letters that no decomposition takes apart.
_PLAIN_LETTERS = str.maketrans("łøđıı", "lodii")


def folded(text: str) -> str:
    """Return a word as words are compared: without case, accents and blanks around it."""
    # Compatibility forms: full-width letters are letters. Case first, for the Turkish dotted I.
    compatible = unicodedata.normalize("NFKC", text).strip().casefold()
    if compatible.isascii():
        return compatible
    letters = unicodedata.normalize("NFD", compatible)
    if not any("a" <= letter <= "z" for letter in letters):
        return unicodedata.normalize("NFC", compatible)  # marks belong to the word in other scripts
    plain = (letter for letter in letters if not unicodedata.combining(letter))
    return "".join(plain).translate(_PLAIN_LETTERS)


TRUTH_PAIRS = frozenset((folded(yes), folded(no)) for yes, no in PAIRS)


def _is_word(word: str) -> bool:
    """A letter with a capital belongs to an alphabet; other signs are words of their own."""
    return len(word) > 1 or word.upper() == word or word in _ENGLISH_LETTERS


def _truth() -> dict[str, float]:
    yes, no = ({pair[position] for pair in TRUTH_PAIRS} for position in (0, 1))
    words = {**dict.fromkeys(yes - no, 1.0), **dict.fromkeys(no - yes, 0.0)}
    return {word: truth for word, truth in words.items() if _is_word(word)}


# What a word says alone, whatever the other word of its column is.
TRUTH = _truth()


def is_pair(words: Iterable[str]) -> bool:
    """Whether folded words are the yes and the no of one language, and surely nothing else.

    Single letters of other languages than English may stand for anything else in a feature, such
    as north and south.
    """
    pair = sorted(set(words))
    if len(pair) != 2 or not {tuple(pair), tuple(pair[::-1])} & TRUTH_PAIRS:
        return False
    return all(map(_is_word, pair))


def words_by_truth(words: Iterable[str]) -> dict[float, str]:
    """Return the word that means true under 1.0, the one that means false under 0.0."""
    words = list(words)
    truths = zip(words, truths_of(words), strict=True)
    return {truth: word for word, truth in truths if truth is not None}


def truth_of(text: str) -> float | None:
    """Return 1.0 for a word that means yes, 0.0 for one that means no, else None."""
    return TRUTH.get(folded(text))


def truths_of(labels: Iterable[str]) -> list[float | None]:
    """Return the truth of each of a column's labels.

    Two labels are looked up as a pair first: the J of J and N means yes, though J alone does not.
    """
    labels = list(labels)
    words = [folded(label) for label in labels]
    if len(words) == 2:
        if (words[0], words[1]) in TRUTH_PAIRS:
            return [1.0, 0.0]
        if (words[1], words[0]) in TRUTH_PAIRS:
            return [0.0, 1.0]
    return [TRUTH.get(word) for word in words]

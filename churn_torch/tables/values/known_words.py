"""Which word of a vocabulary a text means: the same word may be spelled in several ways.

Text is compared exactly, but for these, whichever way a row comes:

- accents: text is in Unicode's form NFC, so that ``é`` is one letter however it was typed;
- yes/no columns: words of the same truth (``True``, ``1``, `` YES`` for ``Yes``), and its own words
  in any case, with or without accents (``nao`` for ``Não``);
- whole numbers: ``1.0`` and ``1``, because a source with types has no other way to write a 1; where
  a column has both words, a float is ``1.0``;
- float32: a source with types writes 0.1 where JSON has 0.10000000149011612.

The exported file compares text exactly; the usual ones of these spellings are keys of its encoders
too (`churn_torch.tables.values.text_codes`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandas.api import types

from churn_torch.tables.schema import Column, Kind, Storage
from churn_torch.tables.values import cells
from churn_torch.tables.values.text_codes import FIRST_CATEGORY, text_codes
from churn_torch.tables.values.truth_words import folded, words_by_truth

_NUMBER = re.compile(r"[+-]?(?:0|[1-9]\d*)(?:\.\d*)?(?:[eE][+-]?\d+)?", re.ASCII)
_MAY_BE_OTHERWISE = r"[0-9]|(?i:^(?:true|false)$)"


def word_reader(column: Column) -> Callable[[str], str]:
    """Return what reads one text of a column: the word it means, ``""`` for missing."""
    words = _words_of(column)
    missing = frozenset(column.missing_words)

    def read(text: str) -> str:
        if text in words.known:
            return text
        if cells.is_missing_text(text) or text.strip() in missing:
            return ""
        return words.meant(text if text.isascii() else unicodedata.normalize("NFC", text))

    return read


def float_text(number: object, column: Column) -> str:
    """Spell a number for `word_reader`: a float 1.0 as ``1.0`` where the column has such a word."""
    text = cells.scalar_text(number)
    pointed = f"{text}.0" if isinstance(number, float | np.floating) else text
    return pointed if pointed in (column.vocabulary or ()) else text


def with_points(text: pd.Series, cells_: pd.Series, column: Column) -> pd.Series:
    """Do the work of `float_text` for spelled cells of a column that may hold floats."""
    words = {word for word in column.vocabulary or () if word.endswith(".0")}
    if not words or not (types.is_float_dtype(cells_.dtype) or types.is_object_dtype(cells_.dtype)):
        return text
    floats = cells_.map(lambda cell: isinstance(cell, float | np.floating)).to_numpy(dtype=bool)
    return text.mask(floats & (text + ".0").isin(words).to_numpy(), text + ".0")


def read_words(text: pd.Series, column: Column) -> pd.Series:
    """Do the work of `word_reader` for a column in which missing cells are ``""`` already."""
    text = _composed(text)
    if column.vocabulary is None and column.storage is not Storage.NUMBER:
        return text
    words = _words_of(column)
    array = cells.arrow_text(text)
    others = pc.invert(pc.is_in(array, words.array))
    if column.kind is not Kind.BOOLEAN:
        others = pc.and_(others, pc.match_substring_regex(array, _MAY_BE_OTHERWISE))
    unknown = others.to_numpy(zero_copy_only=False)
    if not unknown.any():
        return text
    codes, levels = pd.factorize(text[unknown])
    meant = np.array([words.meant(str(level)) for level in levels], dtype=object)
    read = text.astype(object)
    read[unknown] = meant[codes]
    return read.astype("str")


def _composed(text: pd.Series) -> pd.Series:
    array = cells.arrow_text(text)
    if pc.all(pc.string_is_ascii(array), min_count=0).as_py():
        return text
    composed = pc.utf8_normalize(array, form="NFC")
    return pd.Series(composed.to_pandas().to_numpy(), text.index, dtype="str", name=text.name)


class _Words:
    """The vocabulary of a column, and what other texts mean."""

    def __init__(self, column: Column) -> None:
        vocabulary = column.vocabulary or ()
        codes = {} if column.vocabulary is None else text_codes(column)
        self._spelled = {
            text: vocabulary[code - FIRST_CATEGORY]
            for text, code in codes.items()
            if code >= FIRST_CATEGORY
        }
        self.known = frozenset(self._spelled.values())
        self.array = pa.array(sorted(self.known), pa.large_string())
        is_boolean = column.kind is Kind.BOOLEAN
        self._by_truth = words_by_truth(self.known) if is_boolean else {}
        self._folded = {folded(word): word for word in self._by_truth.values()}
        self._were_numbers = column.storage is Storage.NUMBER

    def meant(self, text: str) -> str:
        """Return the word that a text means, the text itself if it means none of them."""
        if text in self._spelled:
            return self._spelled[text]
        if self._by_truth:
            truth = cells.TRUTH.get(_whole(text.strip()).casefold())
            if truth in self._by_truth:
                return self._by_truth[truth]
            if (word := self._folded.get(folded(text))) is not None:
                return word
        for other in _same_number(text.strip(), self._were_numbers):
            if other in self._spelled:
                return self._spelled[other]
        return cells.number_as_text(text) if self._were_numbers else text


@lru_cache(maxsize=1024)
def _words_of(column: Column) -> _Words:
    return _Words(column)


def _whole(text: str) -> str:
    """Return a whole number without its point and zeros, other text as it is."""
    whole = re.fullmatch(r"\+?(-?(?:0|[1-9]\d{0,14}))\.0*", text, re.ASCII) if "." in text else None
    return text if whole is None else "0" if whole.group(1) == "-0" else whole.group(1)


def _same_number(text: str, was_number: bool) -> tuple[str, ...]:
    """Return other ways in which a source with types may write a number.

    Text that is no whole number only has another way if a float is written so: ``1.10`` may be the
    name of a version.
    """
    if not _NUMBER.fullmatch(text):
        return ()
    whole, number = _whole(text), float(text)
    if not (was_number or text.isdigit() or whole != text or text == repr(number)):
        return ()
    narrow = np.float32(number) if abs(number) <= cells.LARGEST else np.float32(0)
    as_float32 = str(narrow) if float(narrow) == number else repr(float(narrow))
    others = (whole, f"{whole}.0", as_float32)
    return (*others, cells.number_as_text(text)) if was_number else others

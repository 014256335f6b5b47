"""The codes of text: 0 for missing, 1 for unseen or rare, 2 and up for the vocabulary."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.tables.schema import Column, Kind
from churn_torch.tables.values import cells
from churn_torch.tables.values.truth_words import words_by_truth

MISSING_CODE = 0
UNSEEN_CODE = 1
FIRST_CATEGORY = 2

_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,14})")


def text_codes(column: Column) -> dict[str, int]:
    """Return the code of every text that a column's encoder knows; others are unseen.

    Raises:
        ValueError: The column has no vocabulary yet (statistics were not fitted).
    """
    if column.vocabulary is None:
        raise ValueError(f"column {column.name!r} has no vocabulary: fit the statistics first")
    # The words for missing are for rows that reach the exported file without `parse`.
    known = cells.MISSING_TEXT.union(column.missing_words)
    missing = dict.fromkeys(sorted(known), MISSING_CODE)
    words = {word: code for code, word in enumerate(column.vocabulary, start=FIRST_CATEGORY)}
    return _spelled_otherwise(words, column) | missing | words | _without_zeros(words) | missing


def _spelled_otherwise(words: dict[str, int], column: Column) -> dict[str, int]:
    """Return the codes of words under other spellings, as rows may have them that pass no `parse`.

    These are the usual spellings; `churn_torch.tables.values.known_words` knows them all.
    """
    codes: dict[str, int] = {}
    if column.kind is Kind.BOOLEAN:
        by_truth = words_by_truth(words)
        codes = {
            spelling: words[word]
            for word in by_truth.values()
            for spelling in (word.casefold(), word.capitalize(), word.upper())
        }
        for word, truth in cells.TRUTH.items():
            if truth in by_truth:
                spellings = (word, word.capitalize(), word.upper())
                codes |= dict.fromkeys(spellings, words[by_truth[truth]])
                codes |= {f"{word}.0": words[by_truth[truth]]} if word.isdigit() else {}
    for word, code in words.items():
        if word.casefold() in ("true", "false"):
            spellings = (word.casefold(), word.capitalize(), word.upper())
            codes |= {spelling: codes.get(spelling, code) for spelling in spellings}
        elif _WHOLE.fullmatch(word):
            codes[f"{word}.0"] = code
        elif word.endswith(".0") and _WHOLE.fullmatch(word[:-2]):
            codes[word[:-2]] = code
        decomposed = unicodedata.normalize("NFD", word)
        if decomposed != word:
            codes[decomposed] = code
    return codes


def _without_zeros(words: dict[str, int]) -> dict[str, int]:
    """Return the codes of words such as ``001`` under what is left of them as a number: ``1``.

    A spreadsheet or ``pandas.read_csv`` takes such words for numbers. A number that could be two
    of the words stays unknown.
    """
    codes: dict[str, set[int]] = {}
    for word, code in words.items():
        if word.isascii() and word.isdigit():
            codes.setdefault(str(int(word)), set()).add(code)
    if not any(word[:1] == "0" and word not in codes for word in words):
        return {}
    return {
        number: next(iter(found))
        for number, found in codes.items()
        if len(found) == 1 and number not in words
    }


def codes_of(text: pd.Series, column: Column) -> npt.NDArray[np.int64]:
    """Return the code of each text of a column, as `parse` returns it."""
    code_of = text_codes(column)
    positions, levels = pd.factorize(text)
    codes = np.array([code_of.get(level, UNSEEN_CODE) for level in levels], dtype=np.int64)
    return codes[positions]

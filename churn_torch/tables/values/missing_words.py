"""Words for "no value": those of every table, and those of a table or column that the user names.

Where words for missing stand:

- ``cells.MISSING_TEXT`` counts in every column, text included; the exported file knows it too.
- `is_placeholder`: in columns of numbers and dates also ``-``, ``?``, ``unknown`` and the like. In
  a column of text these may be answers, so there they are categories like others.
- ``Column.missing_words``: what ``data.missing`` names, and what inference found between numbers or
  dates. The schema stores it, so that rows are read alike wherever they come from.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from churn_torch.errors import InputError
from churn_torch.tables.schema import Column, Kind
from churn_torch.tables.values import cells, dates, number_formats

# Compared without case, after trimming.
_PLACEHOLDERS = frozenset(
    word.casefold()
    for word in (
        *cells.MISSING_TEXT,
        *("-", "--", "---", "—", "–", "?", "??", "???", ".", "..", "...", "*", "/", "#"),
        *(
            "n.a.",
            "n.a",
            "n/a.",
            "n.d.",
            "n.d",
            "nd",
            "k.a.",
            "k. a.",
            "b.d.",
            "s/d",
            "n/d",
            "s.o.",
            "n.c.",
            "n.c",
            "nc",
            "n/c",
            "н/д",
        ),
        *("non communiqué", "non communique", "nicht angegeben", "no especificado"),
        *("no disponible", "não informado", "nao informado", "bez danych", "nie dotyczy"),
        *(
            "not provided",
            "not specified",
            "not reported",
            "unspecified",
            "暂无",
            "不适用",
            "なし",
            "없음",
        ),
        *("nil", "undefined", "unknown", "unk", "missing", "blank", "empty", "not available"),
        *("not applicable", "not known", "no data", "tbd", "tbc", "error", "(null)", "<null>"),
        *("(blank)", "(empty)", "(missing)", "(unknown)", "[null]", "{null}", "nat", "#na"),
        *("unbekannt", "keine angabe", "leer", "fehlt", "inconnu", "inconnue", "non renseigné"),
        *("vide", "manquant", "desconocido", "sin datos", "desconhecido", "sem dados"),
        *("sconosciuto", "brak", "brak danych", "nieznany", "nieznana", "nieznane", "неизвестно"),
        *("нет данных", "未知", "不明", "不详", "无"),
        *("00/00/0000", "00.00.0000", "0000-00-00", "0000-00-00 00:00:00", "0000-00-00t00:00:00"),
        "0000/00/00",
    )
)
_PLACEHOLDER_ARRAY = pa.array(sorted(_PLACEHOLDERS), pa.large_string())
_CROSSES = "^x{3,}$"


@dataclass(frozen=True)
class MissingWords:
    """What ``data.missing`` names.

    Attributes:
        everywhere: Words that count in every column.
        of_column: Words by column.
    """

    everywhere: tuple[str, ...] = ()
    of_column: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, column: str) -> tuple[str, ...]:
        """Return the words that count in a column."""
        return tuple(dict.fromkeys((*self.everywhere, *self.of_column.get(column, ()))))

    def of_target(self, column: str) -> tuple[str, ...]:
        """Return the words that count in the target: only those that are named for it."""
        return self.of_column.get(column, ())

    @classmethod
    def from_config(cls, value: Any, where: str = "data.missing") -> MissingWords:
        """Read a word, a list of words, or a mapping from columns to words.

        A list may also hold lists, ``[COLUMN, word, ...]``, which is how the command line writes
        the words of a column.

        Raises:
            InputError: It is something else.
        """
        everywhere: list[str] = []
        of_column: dict[str, tuple[str, ...]] = {}
        for entry in value if isinstance(value, list | tuple) else [value]:
            if isinstance(entry, Mapping):
                for name, words in entry.items():
                    of_column[str(name)] = _words(words, f"{where}.{name}")
            elif isinstance(entry, list | tuple) and len(entry) > 1:
                of_column[str(entry[0])] = _words(entry[1:], f"{where}.{entry[0]}")
            elif entry is not None or isinstance(value, list | tuple):
                everywhere += _words(entry, where)
        return cls(tuple(everywhere), of_column)


def _words(value: Any, where: str) -> tuple[str, ...]:
    words = value if isinstance(value, list | tuple) else [value]
    if any(isinstance(word, Mapping | list | tuple) for word in words):
        raise InputError(
            where, expected="words such as ['#',999]", got=repr(value), fix="write a plain list"
        )
    return tuple("null" if word is None else cells.scalar_text(word).strip() for word in words)


def are_placeholders(text: pd.Series) -> npt.NDArray[np.bool_]:
    """Tell which cells are one of the usual words for missing between numbers and dates."""
    plain = pc.utf8_lower(pc.utf8_trim_whitespace(cells.arrow_text(text)))
    words = pc.or_(pc.is_in(plain, _PLACEHOLDER_ARRAY), pc.match_substring_regex(plain, _CROSSES))
    return np.asarray(pc.fill_null(words, False).to_numpy(zero_copy_only=False), dtype=bool)


def is_placeholder(text: str) -> bool:
    """Do the work of `are_placeholders` for a cell."""
    plain = text.strip().casefold()
    return plain in _PLACEHOLDERS or re.fullmatch(_CROSSES, plain) is not None or not plain


def are_signs(text: pd.Series) -> npt.NDArray[np.bool_]:
    """Tell which cells hold neither a letter nor a digit: ``#``, ``&&&&``."""
    words = pc.match_substring_regex(cells.arrow_text(text), r"[\p{L}\p{N}]")
    return ~np.asarray(pc.fill_null(words, True).to_numpy(zero_copy_only=False), dtype=bool)


def not_missing(text: pd.Series, unreadable: pd.Series, column: Column) -> pd.Series:
    """Reduce a mask of cells that are no number or date to those that are no word for missing."""
    if not unreadable.any():
        return unreadable
    words = text[unreadable].astype("str")
    own = words.map(lambda word: is_own_word(str(word), column)).to_numpy(bool)
    known = are_placeholders(words) | own
    unreadable = unreadable.copy()
    unreadable[unreadable] = ~known
    return unreadable


def is_own_word(text: str, column: Column) -> bool:
    """Tell whether a cell is one of ``Column.missing_words``, which may be hashed."""
    word = text.strip()
    return word in column.missing_words or _hashed(word) in column.missing_words


def without_texts(words: Sequence[str]) -> tuple[str, ...]:
    """Return words for missing between numbers or dates with those that have letters hashed.

    Inference takes odd cells for missing, and what stands in them may be about one customer.
    """
    return tuple(_hashed(w) if any(map(str.isalpha, w)) else w for w in words)


def _hashed(word: str) -> str:
    return f"sha256:{hashlib.sha256(word.encode()).hexdigest()}"


def read_column(text: pd.Series, column: Column) -> tuple[pd.Series, pd.Series]:
    """Read text as the numbers of a column: by its format and its words for missing.

    Returns:
        The numbers (NaN where missing or unreadable) and the mask of unreadable cells.
    """
    numbers, unreadable = number_formats.read_numbers(text, column.number_format)
    return without_sentinels(numbers, column), not_missing(text, unreadable, column)


def without_sentinels(values: pd.Series, column: Column) -> pd.Series:
    """Set the numbers, or days of dates, that ``data.missing`` names to NaN."""
    sentinels = sentinel_values(column) if column.missing_words else ()
    if not sentinels:
        return values
    return values.mask(np.isin(values.to_numpy(), np.array(sentinels, values.to_numpy().dtype)))


def drop_sentinels(values: npt.NDArray[np.floating[Any]], column: Column) -> None:
    """Do the work of `without_sentinels` in place, on rows that reach the model without `parse`."""
    if sentinels := sentinel_values(column) if column.missing_words else ():
        values[np.isin(values, np.array(sentinels, values.dtype))] = np.nan


def sentinel_values(column: Column) -> tuple[float, ...]:
    """Return the words for missing of a column that are numbers, or dates as days."""
    kind = Kind.DATETIME if column.kind is Kind.DATETIME or column.datetime_format else column.kind
    return _sentinel_values(
        column.missing_words, kind, column.number_format, column.datetime_format
    )


@functools.lru_cache(maxsize=1024)
def _sentinel_values(
    words: Sequence[str],
    kind: Kind,
    form: number_formats.NumberFormat | None,
    datetime_format: str | None,
) -> tuple[float, ...]:
    text = pd.Series(list(words), dtype="str")
    if kind is Kind.DATETIME:
        read = [dates.read_dates(text, one)[0] for one in (datetime_format, dates.ISO) if one]
        values = pd.concat([dates.day_numbers(one) for one in read])
    else:
        read_numbers = number_formats.read_numbers
        values = pd.concat([read_numbers(text, None)[0], read_numbers(text, form)[0]])
    return tuple(sorted(set(values.dropna().tolist())))

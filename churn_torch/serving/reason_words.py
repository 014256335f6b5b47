"""Cells, reasons and input quality in words, for people who talk to customers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.report.formats import factor_in_words
from churn_torch.tables.schema import Column, Kind, Schema
from churn_torch.tables.sequences import lengths_of, lists_of
from churn_torch.tables.values.cells import Storage, canonical_text, plain

N_REASONS = 3
# A smaller factor on the odds would be written as 1.0.
SMALLEST_ODDS = 1.05
_LONGEST_CELL = 40
MISSING = "missing"
_YES_NO = {"0": "no", "1": "yes"}


class CellWords:
    """The cells of rows as people write them; only those that are asked for become text.

    Args:
        frame: N raw rows.
        schema: What the columns mean.
        names: ``[F]`` the inputs of the model.
    """

    def __init__(self, frame: pd.DataFrame, schema: Schema, names: Sequence[str]) -> None:
        self.names = list(names)
        self._columns = [frame[name] for name in names]
        self._kinds = [schema[name].kind for name in names]

    def of(self, number: int, rows: npt.NDArray[np.int64]) -> list[str]:
        """Return the cells of some rows in the input of that number."""
        return list(_words(self._columns[number].iloc[rows], self._kinds[number]))


def top_reasons(reasons: npt.NDArray[np.float32], words: CellWords) -> list[Any]:
    """Return the strongest reasons for which each customer may leave, as text.

    Args:
        reasons: ``[N, F]`` what each input adds to the log-odds.
        words: The cells.

    Returns:
        `N_REASONS` object arrays ``[N]`` such as ``contract: Month-to-month, odds x 1.5``, the
        strongest first, ``""`` where fewer inputs raise the odds.
    """
    n, n_inputs = reasons.shape
    order = np.argsort(-reasons, axis=1, kind="stable")[:, :N_REASONS]
    told = []
    for place in range(N_REASONS):
        text = np.full(n, "", object)
        of_input = order[:, place] if place < n_inputs else np.full(n, -1)
        for number in np.unique(of_input[of_input >= 0]).tolist():
            rows = np.flatnonzero(of_input == number)
            odds = np.exp(reasons[rows, number].astype(np.float64))
            raising = odds >= SMALLEST_ODDS
            rows, odds = rows[raising], odds[raising]
            name = words.names[number]
            text[rows] = [
                f"{name}: {cell}, odds {factor_in_words(factor)}"
                for cell, factor in zip(words.of(number, rows), odds.tolist(), strict=True)
            ]
        told.append(text)
    return told


def untrusted(quality: npt.NDArray[np.int64], words: CellWords, meaning: Mapping[int, str]) -> Any:
    """Return what cannot be trusted about each row, as text; ``""`` for nothing.

    Args:
        quality: ``[N, F]`` flags of the cells, 0 where there is no problem.
        words: The cells.
        meaning: What each flag means.

    Returns:
        An object array ``[N]``.
    """
    return np.array(["; ".join(told) for told in doubts(quality, words, meaning)], object)


def doubts(
    quality: npt.NDArray[np.int64], words: CellWords, meaning: Mapping[int, str]
) -> list[list[str]]:
    """Return what cannot be trusted about each of N rows, one text for each such cell.

    Args:
        quality: As for `untrusted`.
        words: As for `untrusted`.
        meaning: As for `untrusted`.
    """
    told: list[list[str]] = [[] for _ in quality]
    for number, name in enumerate(words.names):
        for flag in np.unique(quality[:, number]).tolist():
            if not flag:
                continue
            rows = np.flatnonzero(quality[:, number] == flag)
            for row, cell in zip(rows.tolist(), words.of(number, rows), strict=True):
                shown = "" if cell == MISSING else f" ({cell})"
                told[row].append(f"{name}: {meaning[flag]}{shown}")
    return told


def cell_in_words(cell: str | float, column: Column) -> str:
    """Return a parsed cell as people write it; a date as ISO text."""
    if isinstance(cell, str):
        return _text(cell, dated=False)
    if column.kind is Kind.DATETIME and math.isfinite(cell):
        moment = np.datetime64(0, "s") + np.timedelta64(round(cell * 86_400), "s")
        return _text(str(moment), dated=True)
    return _number(cell, column.kind)


def _words(series: pd.Series, kind: Kind) -> Any:
    """Return cells as people write them."""
    if kind is Kind.SEQUENCE:
        lengths = lengths_of(lists_of(series, str(series.name)))
        return np.array([f"{n} event{'' if n == 1 else 's'}" for n in lengths.tolist()], object)
    storage, values = plain(series)
    if storage is Storage.NUMBER:
        codes, levels = pd.factorize(values, use_na_sentinel=False)
        told = [_number(float(level), kind) for level in levels]
    else:
        codes, levels = pd.factorize(canonical_text(series))
        dated = storage is Storage.DATETIME
        told = [_text(str(level), dated=dated) for level in levels]
        if kind is Kind.BOOLEAN:  # a CSV gives numbers as text
            told = [_YES_NO.get(text, text) for text in told]
    return np.array([*told, MISSING], object)[codes]


def _number(number: float, kind: Kind) -> str:
    if math.isnan(number):
        return MISSING
    if kind is Kind.BOOLEAN and number in (0.0, 1.0):
        return "yes" if number else "no"
    return f"{number:.6g}" if abs(number) < 1e6 else f"{number:.0f}"


def _text(text: str, *, dated: bool) -> str:
    text = text.strip()
    if dated:
        text = text.removesuffix("T00:00:00")
    if not text:
        return MISSING
    return text if len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]}…"

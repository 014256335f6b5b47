"""Every change of a customer that may be proposed, one by one and cell by cell."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def exists(rows: Sequence[Row], row: Row, change: Row) -> bool:
    """Tell whether a change may be proposed to a customer."""
    words = {name: cell for name, cell in change.items() if isinstance(cell, str)}
    alike = [r for r in rows if all(r[name] == word for name, word in words.items())]
    if not alike:
        return False
    for name, cell in change.items():
        if not isinstance(cell, str) and not _within(cell, [r[name] for r in alike]):
            return False
        for kept in row.keys() - change.keys():
            if not _pair(rows, name, cell, kept, row[kept]):
                return False
    return True


def sufficient(
    rows: Sequence[Row],
    row: Row,
    options: Mapping[str, Sequence[Any]],
    is_below: Any,
) -> Iterator[dict[str, Any]]:
    """Yield all changes to some cells that exist and bring the customer below."""
    for size in range(1, len(options) + 1):
        for names in itertools.combinations(options, size):
            for cells in itertools.product(*(options[name] for name in names)):
                change = dict(zip(names, cells, strict=True))
                if is_below({**row, **change}) and exists(rows, row, change):
                    yield change


def _within(cell: float, numbers: Sequence[float]) -> bool:
    there = [number for number in numbers if not math.isnan(number)]
    return bool(there) and min(there) <= cell <= max(there)


def _pair(rows: Sequence[Row], name: str, cell: Any, kept: str, other: Any) -> bool:
    """Tell whether two cells may stand together: not where chance alone would give 5 rows."""
    if isinstance(other, str) and not other:
        return True
    if isinstance(cell, str) and isinstance(other, str):
        n_cell = sum(r[name] == cell for r in rows)
        n_other = sum(r[kept] == other for r in rows)
        both = sum(r[name] == cell and r[kept] == other for r in rows)
        return both > 0 or n_cell * n_other / len(rows) < 5
    if isinstance(cell, str):
        return math.isnan(other) or _reached(rows, kept, other, name, cell)
    return not isinstance(other, str) or _reached(rows, name, cell, kept, other)


def _reached(rows: Sequence[Row], number: str, value: float, column: str, word: str) -> bool:
    known = [r[number] for r in rows if not math.isnan(r[number])]
    group = [r[number] for r in rows if r[column] == word and not math.isnan(r[number])]
    if not group:
        return True
    if value > max(group):
        return len(group) * sum(k > max(group) for k in known) / len(known) < 5
    if value < min(group):
        return len(group) * sum(k < min(group) for k in known) / len(known) < 5
    return True

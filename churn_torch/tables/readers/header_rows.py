"""Header and body of a table as people export it: titles above, notes and totals below."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

# A row: the texts of its cells, "" where a cell is empty.
Row = Sequence[str]

# Rows above a header, and below the last row of a table, at most.
MOST_ABOVE = 30
MOST_BELOW = 20

_NUMBER = re.compile(r"\s*[-+(]?[\s$€£¥%]*\d[\d\s.,'’%eE+-]*[)%€$£]?\s*", re.ASCII)
_TOTAL = re.compile(
    r"\W*(?:(?:grand|overall|genel|общий) )?(?:total|totals|sum|summe|endsumme|gesamt|gesamtsumme"
    r"|gesamtergebnis|somme|totale|totaal|eindtotaal|suma|razem|soma|toplam|totalt|итого|всего|итог"
    r"|合计|总计|小计|合計|總計|総計|합계|총계)"
    r"(?: (?:général|general|geral|generale|complessivo|końcowa|ogółem))?\W*",
    re.IGNORECASE,
)
# What pandas calls a column without a name.
NAMELESS = "Unnamed: {}"


@dataclass(frozen=True)
class Header:
    """Where the header of a table stands, and what its columns are called.

    Attributes:
        row: The position of the header among the rows.
        names: One for each column, without blanks around it.
        left_out: Positions of columns that repeat another one.
        remarks: What was found and done, as the second half of a sentence.
    """

    row: int
    names: tuple[str, ...]
    left_out: frozenset[int] = frozenset()
    remarks: tuple[str, ...] = ()


class Clean(NamedTuple):
    """Names as a table has them, and what was done to them."""

    names: tuple[str, ...]
    remarks: tuple[str, ...]


def usual_width(rows: Sequence[Row]) -> tuple[int, float]:
    """Return how many cells most rows have, and the share of the rows that have so many."""
    widths = Counter(len(row) for row in rows)
    width, n = max(widths.items(), key=lambda item: (item[1], item[0]))
    return width, n / len(rows)


def find_header(rows: Sequence[Row], *, automatic: bool = True) -> Header:
    """Find the header among the first rows of a table.

    Rows above it are titles or comments: they have one cell, or few cells that are not empty,
    while the header is complete, its names differ, and none is a number.

    Args:
        rows: The first rows, at least one of them with a cell that is not empty.
        automatic: Look for rows above the header; otherwise the first row is the header.
    """
    first = next(i for i, row in enumerate(rows) if _n_filled(row))
    width, _ = usual_width([row for row in rows if _n_filled(row)])
    at = _row_of_header(rows, first, width) if automatic else first
    remarks = []
    if above := [row for row in rows[:at] if _n_filled(row)]:
        title = " ".join(cell.strip() for cell in above[0] if cell.strip())
        count = "1 line" if len(above) == 1 else f"{len(above)} lines"
        remarks.append(f"{count} above the header left out ({title[:60]!r})")
    body = [row for row in rows[at + 1 :] if _n_filled(row)]
    names = list(rows[at])
    if body and {len(row) for row in body} == {len(names) + 1}:
        # R leaves the name of its row names out, and some programs end every row by a delimiter.
        if not any(row[-1].strip() for row in body):
            names = [*names, ""]
        elif len({row[0] for row in body}) == len(body) > 1:
            names = ["", *names]
    cleaned = clean_names(names)
    left_out = _repeated(cleaned.names, body)
    remarks += cleaned.remarks
    if left_out:
        shown = ", ".join(repr(cleaned.names[i]) for i in sorted(left_out))
        remarks.append(f"{shown} repeated with the same cells: the first one is read")
    return Header(at, cleaned.names, left_out, tuple(remarks))


def _n_filled(row: Row) -> int:
    return sum(bool(cell.strip()) for cell in row)


def _row_of_header(rows: Sequence[Row], first: int, width: int) -> int:
    """Return the position of the header: the first row unless what stands above says otherwise."""
    start = first
    while start < len(rows) - 1 and _is_comment(rows, start, width):
        start += 1
    at = start
    for i in range(start, min(len(rows) - 1, start + MOST_ABOVE)):
        row = rows[i]
        if not _n_filled(row):
            continue
        if i > start and len(row) == width and _is_header(row):
            at = i
            break
        if not _is_title(row, width):
            break
    # Rows that a title would explain, but no header follows: the first row is the header.
    return _skip_blank(rows, at)


def _skip_blank(rows: Sequence[Row], at: int) -> int:
    return next((i for i in range(at, len(rows)) if _n_filled(rows[i])), at)


def _is_comment(rows: Sequence[Row], at: int, width: int) -> bool:
    row = rows[at]
    if not _n_filled(row):
        return True
    if not row[0].lstrip().startswith("#"):
        return False
    # "#id,age,churn" above rows with numbers is a header that starts with its sign.
    following = next((row for row in rows[at + 1 :] if _n_filled(row)), None)
    is_last = following is not None and not following[0].lstrip().startswith("#")
    complete = len(row) == width > 1 and _n_filled(row) == width
    return not (is_last and complete and following is not None and not _is_header(following))


def _is_title(row: Row, width: int) -> bool:
    n = _n_filled(row)
    if width < 2 or n == 0 or n > max(1, width // 2):
        return False
    if len(row) < width and n == 1:
        return True
    if n == 1 and row[0].strip():
        return True
    return width >= 4 and (len(row) == width or n == len(row) <= 2)


def _is_header(row: Row) -> bool:
    names = [cell.strip() for cell in row]
    named = [name for name in names if name]
    # One column may lack a name: the index that pandas writes, or one after a last delimiter.
    complete = len(named) >= max(1, len(names) - 1) and all(names[1:-1])
    return complete and len(set(named)) == len(named) and not any(map(is_number, named))


def is_number(name: str) -> bool:
    """Tell whether a name is a number, as the first row of a table without a header may hold."""
    return _NUMBER.fullmatch(name) is not None


def clean_names(names: Sequence[str]) -> Clean:
    """Strip blanks around names, and name the nameless as pandas does: ``Unnamed: 0``."""
    stripped = [name.strip().strip("\ufeff").strip() for name in names]
    remarks = []
    if changed := [name for name, s in zip(names, stripped, strict=True) if name != s and s]:
        count = "1 name" if len(changed) == 1 else f"{len(changed)} names"
        remarks.append(f"blanks around {count} left out ({changed[0]!r})")
    nameless = [i for i, name in enumerate(stripped) if not name]
    if nameless:
        for i in nameless:
            stripped[i] = NAMELESS.format(i)
        called = f"called {stripped[nameless[0]]!r}"
        if len(nameless) == 1:
            remarks.append(f"1 column has no name and is {called}")
        else:
            remarks.append(f"{len(nameless)} columns have no name; the first is {called}")
    return Clean(tuple(stripped), tuple(remarks))


def _repeated(names: Sequence[str], body: Sequence[Row]) -> frozenset[int]:
    """Return the columns that repeat the name and the cells of an earlier one."""
    first: dict[str, int] = {}
    repeated = set()
    for i, name in enumerate(names):
        at = first.setdefault(name, i)
        full = [row for row in body if len(row) == len(names)]
        if at != i and full and all(row[i] == row[at] for row in full):
            repeated.add(i)
    return frozenset(repeated)


def n_below(rows: Sequence[Row], width: int, *, single: bool = False) -> int:
    """Return how many of the last rows are no rows of the table but notes or totals below it.

    Args:
        rows: The last rows; the first of them belongs to the table.
        width: Cells of a row of the table.
        single: The table has one column.
    """
    n = 0
    for i in range(len(rows) - 1, 0, -1):
        row = rows[i]
        if _n_filled(row) and not _is_below(row, rows[:i], width):
            break
        n = len(rows) - i
        if n > MOST_BELOW:
            return 0  # so many are no notes: the error that names their line is better
    # Blank rows alone are nothing to speak of.
    return n if any(_n_filled(row) for row in rows[len(rows) - n :]) else 0


def _is_below(row: Row, before: Sequence[Row], width: int) -> bool:
    start = row[0].strip()
    if start.startswith("#"):
        return not any(other[0].strip().startswith("#") for other in before)
    if width < 2:
        return False
    if len(row) < width:
        return True
    whole = [other for other in before if len(other) == width and _n_filled(other)]
    filled = [cell.strip() for cell in row if cell.strip()]
    if _TOTAL.fullmatch(filled[0]):  # the rows above may end with a cell of several lines
        return not any(_TOTAL.fullmatch(other[0].strip()) for other in whole)
    if len(row) > width or not whole:
        return False
    # A note in the first cell of a row that is empty otherwise.
    return (
        width >= 3
        and len(filled) == 1
        and bool(start)
        and " " in start
        and not any(_n_filled(other) == 1 for other in whole)
    )

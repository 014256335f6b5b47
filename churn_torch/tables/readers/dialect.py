"""The dialect of a CSV file: its delimiter, its header, and the lines that are not its rows."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from churn_torch.errors import InputError
from churn_torch.tables.readers import header_rows

# Rows that decide about a file, at most.
_ROWS = 1000
# Lines that a header may have, in quotes.
_HEADER_LINES = 100
_USUAL = ",;\t|"
# Taken only where they cut the rows alike, but for some above and below them, and better than the
# usual ones do.
_RARE = "^:~\x01\x1f"
_ODD_ROWS = 5
_SEP = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is to be read.

    Attributes:
        delimiter: One character.
        names: The names of the columns, in order.
        lines_above: Lines of the file above the header.
        header_lines: Lines of the header: a name in quotes may hold line ends.
        left_out: Positions of columns that are not read.
        remarks: What was found and done, each the second half of a sentence.
    """

    delimiter: str
    names: tuple[str, ...]
    lines_above: int = 0
    header_lines: int = 1
    left_out: frozenset[int] = frozenset()
    remarks: tuple[str, ...] = ()


def find_dialect(head: str, *, whole: bool, skip: int | None, where: str, key: str) -> Dialect:
    """Find the dialect by the start of a file.

    Args:
        head: The start of the text.
        whole: Whether that is all of it.
        skip: Lines above the header, where the user says so; None to look for them.
        where: The file, for messages.
        key: The key that says how many lines to skip, for messages.

    Raises:
        InputError: No line is left.
        csv.Error: A quote never closes.
    """
    lines = cut_lines(head)
    if not whole and len(lines) > 1:
        lines = lines[:-1]  # it may be cut off
    above = min(skip or 0, len(lines))
    if skip is not None and not any(line.strip() for line in lines[above:]):
        raise InputError(
            key,
            expected=f"fewer lines than {where} has before its table",
            got=str(skip),
            fix="name the number of lines above the header",
        )
    remarks, given = [], None
    if skip is None:
        blank = next((i for i, line in enumerate(lines) if line.strip()), 0)
        if sep := _SEP.fullmatch(lines[blank].lstrip("\ufeff")):
            above, given = blank + 1, sep[1]
            remarks.append(f"its first line ({sep[0].strip()}) left out")
    text = "".join(lines[above:])
    delimiter = given if given and _score(text, given)[1] > 1 else find_delimiter(text)
    rows, ends = _rows(text, delimiter)
    if not any(cell.strip() for row in rows for cell in row):
        raise InputError(where, expected="a table", got="no text", fix="check the source")
    header = header_rows.find_header(rows, automatic=skip is None)
    start = ends[header.row - 1] if header.row else 0
    if ends[header.row] - start > _HEADER_LINES:
        raise csv.Error("a quote in the header never closes")
    return Dialect(
        delimiter,
        header.names,
        above + start,
        ends[header.row] - start,
        header.left_out,
        (*remarks, *header.remarks),
    )


def cut_lines(text: str) -> list[str]:
    """Cut text where a CSV file has line ends; `str.splitlines` knows others too."""
    return io.StringIO(text, newline="").readlines()


def _rows(text: str, delimiter: str) -> tuple[list[list[str]], list[int]]:
    """Cut text into rows, at most ``_ROWS``; also return how many lines each ends after."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows, ends = [], []
    for row in reader:
        rows.append(row)
        ends.append(reader.line_num)
        if len(rows) >= _ROWS:
            break
    return rows, ends


def find_delimiter(head: str) -> str:
    """Choose the delimiter that cuts most rows into equally many cells, and into the most."""
    best, best_score = ",", (0.0, 1)
    for delimiter in _USUAL:
        score = _score(head, delimiter)
        if score > best_score:
            best, best_score = delimiter, score
    n_rows = len(_rows(head, best)[0]) if best_score[0] < 1 else 0
    for delimiter in _RARE if n_rows else "":
        score = _score(head, delimiter)
        if score > best_score and (1 - score[0]) * n_rows <= min(_ODD_ROWS, n_rows / 3):
            return delimiter
    return best


def _score(head: str, delimiter: str) -> tuple[float, int]:
    """Return the share of rows with the usual number of cells, and that number; 0 where it is 1."""
    if delimiter not in head:
        return 0.0, 1
    rows = [row for row in _rows(head, delimiter)[0] if any(cell.strip() for cell in row)]
    if not rows:
        return 0.0, 1
    width, share = header_rows.usual_width(rows)
    return (share, width) if width > 1 else (0.0, 1)


def find_footer(tail: str, dialect: Dialect, *, from_start: bool) -> str:
    """Return the lines at the end of a file that are not its rows, as they stand there.

    Args:
        tail: The end of the text.
        dialect: Its delimiter and columns.
        from_start: Whether the tail is the whole text; otherwise its first line may be cut off.
    """
    lines = cut_lines(tail)
    lines = lines[dialect.lines_above + dialect.header_lines :] if from_start else lines[1:]
    end = len(lines)
    start = max(0, end - 4 * header_rows.MOST_BELOW)
    # A line with a quote may belong to a cell of several lines.
    start = next((i + 1 for i in range(end - 1, start - 1, -1) if '"' in lines[i]), start)
    if start > 0 and start < end:
        start -= 1  # the row above, whole or in part
    try:
        rows: list[Sequence[str]] = [
            next(csv.reader([line], delimiter=dialect.delimiter), []) or [""]
            for line in lines[start:end]
        ]
    except csv.Error:
        return ""
    if len(rows) < 2:
        return ""
    n = header_rows.n_below(rows, len(dialect.names))
    return "".join(lines[end - n :]) if n else ""

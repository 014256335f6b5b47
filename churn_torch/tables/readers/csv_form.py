"""The form of a CSV file: encoding, dialect and footer, found by one look at all of it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from churn_torch.errors import InputError
from churn_torch.tables.column_names import MOST_COLUMNS, check_names, check_number
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers.dialect import Dialect, cut_lines, find_dialect, find_footer
from churn_torch.tables.readers.encodings import Encoding
from churn_torch.tables.readers.header_rows import is_number
from churn_torch.tables.readers.line_counter import LineCounter
from churn_torch.tables.readers.packing import Stored
from churn_torch.tables.readers.text_files import (
    BLOCK,
    HEAD,
    Text,
    look_at,
    no_csv,
    open_utf8,
    texts,
)

# What Arrow keeps for a cell of text beside its bytes.
_CELL_BYTES = 8
_HEAD_LINES = 3
_FORMULA = re.compile(r'(?:^|[,;\t|])"?=""?[^"\n]+"', re.MULTILINE)
_DELIMITERS = (b",", b";", b"\t", b"|")
# A first line of prose may hold more of them than there are columns, but not so many times.
_MANY = 10


@dataclass(frozen=True)
class Form:
    """The form of one CSV file.

    Attributes:
        stored: The file.
        encoding: How bytes become letters.
        dialect: How letters become rows.
        footer: The UTF-8 bytes at the end that are no rows.
        repeated: The cells of the header, where it stands between the rows as well; else none.
        is_empty: No row stands below the header.
        n_bytes: What it unpacks to.
        memory: About what its cells need in memory.
        remarks: Sentences for the user about what was found and done.
        has_formulas: Cells such as ``="0123"``, which keep a spreadsheet from making numbers of
            codes, stand in the first rows; the text in them is meant.
    """

    stored: Stored
    encoding: Encoding
    dialect: Dialect
    footer: bytes
    repeated: tuple[str, ...]
    is_empty: bool
    n_bytes: int
    memory: int
    remarks: tuple[str, ...]
    has_formulas: bool

    @property
    def names(self) -> list[str]:
        """The columns that are read."""
        out = self.dialect.left_out
        return [name for i, name in enumerate(self.dialect.names) if i not in out]


def form_of(stored: Stored, reading: ReadOptions) -> Form:
    """Return the form of a file; all of it is looked at, once as long as it does not change.

    Raises:
        InputError: As for `read_csv`.
    """
    stamp = stored.path.stat()
    return _form(stored, reading, reading.prefix, stamp.st_mtime_ns, stamp.st_size)


@lru_cache(maxsize=256)
def _form(stored: Stored, reading: ReadOptions, prefix: str, mtime: int, size: int) -> Form:
    text = look_at(stored, reading)
    encoding = text.encoding
    with stored.open() as file:
        head, whole = _head(texts(file, encoding, HEAD))
    if not head.strip():
        raise InputError(str(stored), expected="a table", got="no text", fix="check the source")
    # To find out what parts so many cells would take minutes.
    n_delimiters = max(map(text.first_line.count, _DELIMITERS))
    if n_delimiters > _MANY * MOST_COLUMNS:
        check_number(n_delimiters + 1)
    try:
        dialect = find_dialect(
            head,
            whole=whole,
            skip=reading.skip,
            where=repr(stored.name),
            key=f"{reading.prefix}skip",
        )
    except csv.Error as error:  # a quote that never closes
        raise no_csv(stored, error) from None
    if not dialect.delimiter.isascii():
        raise no_csv(stored, f"its delimiter {dialect.delimiter!r} is no ASCII character")
    footer = ""
    if reading.skip is None:
        tail = head if whole else text.tail.decode(encoding.name, errors="replace")
        footer = find_footer(tail, dialect, from_start=whole)
    header = "".join(cut_lines(head)[dialect.lines_above :][: dialect.header_lines])
    n_repeated = _n_repeated(text, header, dialect)
    remarks = (*text.remarks, *_remarks(stored, dialect, footer, n_repeated))
    has_formulas = _FORMULA.search(head) is not None
    if has_formulas:
        remarks = (*remarks, f'{stored.name}: of cells such as ="0123" the text is read.')
    check_names([n for i, n in enumerate(dialect.names) if i not in dialect.left_out])
    body = cut_lines(head)[dialect.lines_above + dialect.header_lines :]
    if whole:
        body = body[: len(body) - len(cut_lines(footer))]
    n_cells = len(dialect.names) * len(cut_lines(head)) / len(head.encode())
    return Form(
        stored,
        encoding,
        dialect,
        footer.encode(errors="replace"),
        tuple(next(csv.reader([header], delimiter=dialect.delimiter))) if n_repeated else (),
        whole and not any(line.strip() for line in body),
        text.n_bytes,
        round(text.n_bytes * (1 + _CELL_BYTES * n_cells)),
        remarks,
        has_formulas,
    )


def _n_repeated(text: Text, header: str, dialect: Dialect) -> int:
    """Count the lines that repeat the header: several exports were put end to end."""
    names = [name for name in dialect.names if not is_number(name)]
    if dialect.header_lines > 1 or not 2 <= len(dialect.names) == len(names):
        return 0
    if len(next(csv.reader([header], delimiter=dialect.delimiter))) != len(dialect.names):
        return 0  # a row like it has too few cells, which is told as such
    line = header.strip("\ufeff\r\n")
    first = text.first_line
    if b"\0" not in first and first.decode(text.encoding.name, errors="replace") == line:
        return max(0, text.n_first_line - 1)
    # Titles stand above the header, or its letters are wider than a byte: look once more.
    same = LineCounter(line.encode())
    with open_utf8(text.stored, text.encoding) as file:
        while block := file.read(BLOCK):
            same.update(block)
    same.finish()
    return max(0, same.n - 1)  # a very short line is not counted


def _remarks(stored: Stored, dialect: Dialect, footer: str, n_repeated: int) -> list[str]:
    found = list(dialect.remarks)
    if n_repeated:
        count = "1 line that repeats" if n_repeated == 1 else f"{n_repeated:,} lines that repeat"
        found.append(f"{count} the header left out")
    if footer:
        lines = [line for line in cut_lines(footer) if line.strip()]
        count = "the last line" if len(lines) == 1 else f"the last {len(lines)} lines"
        found.append(f"{count} left out ({lines[0].strip()[:60]!r})")
    return [f"{stored.name}: {'; '.join(found)}."] if found else []


def _head(blocks: Iterator[str]) -> tuple[str, bool]:
    """Return the start of a text, with some lines at least, and whether that is all of it."""
    head = ""
    for block in blocks:
        head += block
        if len(head) >= HEAD // 4 and (len(cut_lines(head)) > _HEAD_LINES or len(head) > BLOCK):
            return head, not any(blocks)
    return head, True

"""Text files: their encoding, found by one look at all of their bytes, and their text as UTF-8."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import IO, Any, NamedTuple, cast

from churn_torch.errors import InputError
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers import encodings
from churn_torch.tables.readers.encodings import Encoding
from churn_torch.tables.readers.line_counter import LineCounter
from churn_torch.tables.readers.packing import DAMAGED, Stored, unreadable

HEAD = 1 << 16
_TAIL = 1 << 14
# Bytes that are read at a time. A line must fit.
BLOCK = 1 << 23
# Bytes that no text has: control characters other than tab, line ends and the like, and the two
# that some programs take as delimiters.
_WIDE = ("utf-16", "utf-32")
_CONTROL = bytes((0, *range(2, 9), *range(14, 27), 28, 29, 30))


class Text(NamedTuple):
    """A text file as one look at all of its bytes shows it.

    Attributes:
        stored: The file.
        encoding: Its encoding.
        n_bytes: What it unpacks to.
        tail: Its last bytes.
        first_line: The bytes of its first line, without a mark.
        n_first_line: How many lines are the same as the first one, itself among them.
        remarks: Sentences for the user.
    """

    stored: Stored
    encoding: Encoding
    n_bytes: int
    tail: bytes
    first_line: bytes
    n_first_line: int
    remarks: tuple[str, ...]


def look_at(stored: Stored, reading: ReadOptions, *, in_lines: bool = True) -> Text:
    """Find the encoding of a file. It is UTF-8 only if all of it is, and an odd byte may come last.

    Args:
        stored: The file.
        reading: Whether the user has named the encoding.
        in_lines: Refuse a line that is too long to be read.

    Raises:
        InputError: The file is damaged, holds no text, or has a line that is too long.
    """
    check, n_bytes, tail = encodings.Utf8Check(), 0, b""
    name = None
    if reading.encoding is not None:
        name = encodings.named(reading.encoding, f"{reading.prefix}encoding")
    try:
        with stored.open() as file:
            block = file.read(HEAD)
            marked = encodings.of_mark(block)
            if name is None and not (marked or "").startswith(_WIDE):
                _refuse_binary(stored, block)
            same = LineCounter(re.split(rb"[\r\n]", block, maxsplit=1)[0])
            while block:
                check.update(block)
                same.update(block)
                n_bytes += len(block)
                tail = block[-_TAIL:] if len(block) >= _TAIL else (tail + block)[-_TAIL:]
                block = file.read(BLOCK)
                if in_lines and len(block) == BLOCK and b"\n" not in block and b"\r" not in block:
                    raise no_csv(stored, f"a line is longer than {BLOCK >> 20} MB")
            check.finish()
            same.finish()
    except DAMAGED as error:
        raise no_csv(stored, error) from None
    if name == encodings.UTF8 or (name is None and marked == "utf-8-sig"):
        encoding = Encoding("utf-8-sig", n_bad=check.n_bad)
    elif name is not None or marked is not None:
        encoding = Encoding(name or str(marked))
    else:
        encoding = check.encoding()
    if encoding.is_utf8:
        return Text(stored, encoding, n_bytes, tail, same.line, same.n, ())
    if encoding.name.startswith(_WIDE):  # the tail starts with a whole letter, after the mark
        tail = tail[-(n_bytes - len(tail)) % 4 :]
        if encoding.name in _WIDE:
            tail = _mark_of(stored) + tail
    encoding, bad_line = _with_bad_places(stored, encoding)
    remarks = tuple(_remarks(stored, encoding, bad_line, reading))
    return Text(stored, encoding, n_bytes, tail, same.line, same.n, remarks)


def _mark_of(stored: Stored) -> bytes:
    """Return the mark that a file of UTF-16 or UTF-32 starts with."""
    with stored.open() as file:
        start = file.read(4)
    wide = start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE))
    return start if wide else start[:2]


def _with_bad_places(stored: Stored, encoding: Encoding) -> tuple[Encoding, int]:
    """Count what is not valid in an encoding; return the line of the first such place too."""
    n_bad, line, bad_line = 0, 1, 0
    with stored.open() as file:
        for text in texts(file, encoding):
            here = text.count("\ufffd")
            if here and not n_bad:
                bad_line = line + text[: text.index("\ufffd")].count("\n")
            n_bad += here
            line += text.count("\n")
    if encoding.name.startswith(_WIDE) and n_bad:
        wide = encoding.name[:6].upper()
        raise no_csv(stored, f"it starts like {wide} text but is not")
    return replace(encoding, n_bad=n_bad), bad_line


def _remarks(stored: Stored, encoding: Encoding, bad_line: int, reading: ReadOptions) -> list[str]:
    remarks, key = [], f"{reading.prefix}encoding"
    if encoding.name not in (encodings.UTF8, "utf-8-sig") and reading.encoding is None:
        words = f" ({', '.join(map(repr, encoding.words))})" if encoding.words else ""
        unsure = "" if encoding.sure else ", which is not certain"
        ask = f"; if letters look wrong, set {key}=NAME" if encoding.words else ""
        remarks.append(f"{stored.name} is not UTF-8: read as {encoding.name}{words}{unsure}{ask}.")
    if encoding.n_bad:
        count = "1 place is" if encoding.n_bad == 1 else f"{encoding.n_bad:,} places are"
        first = "" if encoding.n_bad == 1 else "the first "
        remarks.append(
            f"{stored.name}: {count} not valid in {encoding.name.removesuffix('-sig')}, {first}in "
            f"line {bad_line:,}; read as \ufffd there, so correct the file or set {key}=NAME."
        )
    return remarks


def _refuse_binary(stored: Stored, head: bytes) -> None:
    head = head.rstrip(b"\x1a")  # DOS ends a text so
    if len(head.translate(None, delete=_CONTROL)) < len(head):
        raise InputError(
            str(stored),
            expected="a table",
            got="binary content of a format that is not known",
            fix="name a CSV, Parquet, Excel, JSON, Arrow, ORC, SAS, Stata, SPSS, SQLite or DuckDB "
            "file",
        )


def texts(file: IO[bytes], encoding: Encoding, size: int = BLOCK) -> Iterator[str]:
    """Yield the text of a file, as many bytes at a time; what is not valid becomes U+FFFD."""
    decoder = codecs.getincrementaldecoder(encoding.name)(errors="replace")
    while block := file.read(size):
        yield decoder.decode(block)
    yield decoder.decode(b"", final=True)


def open_utf8(stored: Stored, encoding: Encoding, footer: bytes = b"") -> IO[bytes]:
    """Open a text as UTF-8 without its footer; a file that is that already is read as it is."""
    file = stored.open()
    if encoding.is_utf8 and not footer:
        return file
    blocks: Iterator[bytes] = iter(lambda: file.read(BLOCK), b"")
    if not encoding.is_utf8:
        blocks = encodings.transcoded(blocks, encoding)
    if footer:
        blocks = _without_end(blocks, footer)
    return cast(IO[bytes], _Stream(blocks, file))


def _without_end(blocks: Iterable[bytes], end: bytes) -> Iterator[bytes]:
    """Pass bytes on but for the last ones, if they are what is expected there."""
    held = b""
    for block in blocks:
        held += block
        if len(held) > len(end):
            yield held[: -len(end)]
            held = held[-len(end) :]
    if held != end:
        yield held


class _Stream(io.RawIOBase):
    """Blocks of bytes as a file, for Arrow."""

    def __init__(self, blocks: Iterator[bytes], file: IO[bytes]) -> None:
        self._blocks = blocks
        self._file = file
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        parts, n = [self._rest], len(self._rest)
        while size < 0 or n < size:
            block = next(self._blocks, None)
            if block is None:
                break
            parts.append(block)
            n += len(block)
        whole = b"".join(parts)
        if size < 0:
            size = len(whole)
        self._rest = whole[size:]
        return whole[:size]

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def lines_of(file: IO[bytes], encoding: Encoding) -> Iterator[str]:
    """Yield the lines of a file; no line may be as long as memory.

    Raises:
        ValueError: A line is too long.
    """
    with io.TextIOWrapper(file, encoding=encoding.name, errors="replace", newline="") as text:
        while line := text.readline(BLOCK):
            if len(line) == BLOCK:
                raise ValueError(f"a line is longer than {BLOCK >> 20} MB")
            yield line


def no_csv(stored: Stored, problem: BaseException | str) -> InputError:
    """Return the sentence for a file that is no CSV file."""
    if "field larger than field limit" in str(problem):
        problem = "a cell has more than 131,072 characters, as where a quote never closes"
    return unreadable(stored, problem, expected="a CSV file")

"""CSV: the encoding, delimiter and header are detected; every cell stays text."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, cast

import pyarrow as pa
import pyarrow.csv as pa_csv

from churn_torch.errors import InputError
from churn_torch.tables.readers.arrow import Batches, first_line
from churn_torch.tables.schema import check_names

_HEAD = 1 << 16
# A quoted cell may span lines, but a row must fit into one block of the reader.
_BLOCK = 1 << 23
_DELIMITERS = ",;\t|"
# Bytes that no text has: control characters other than tab, line ends and the like.
_CONTROL = bytes(range(9)) + bytes(range(14, 27)) + bytes(range(28, 32))
_UNDEFINED_IN_CP1252 = bytes((0x81, 0x8D, 0x8F, 0x90, 0x9D))


def read_csv(paths: Sequence[Path]) -> Batches:
    """Open CSV files of the same columns as one table of text; an empty cell is missing.

    Raises:
        InputError: A file is empty or binary, names repeat, a row has too many or too few cells,
            or the files have different columns.
    """
    files = [_CsvFile(path) for path in paths]
    names = files[0].names
    for file in files:
        if file.names != names:
            odd = next(iter(sorted(set(file.names) ^ set(names))), None)
            what = f"column {odd!r} is not in both" if odd is not None else "their order differs"
            raise InputError(
                str(file.path),
                expected=f"the columns of {paths[0].name!r}",
                got=f"others ({what})",
                fix="read them with SELECT ... FROM read_csv(..., union_by_name=true)",
            )
    schema = pa.schema([(name, pa.string()) for name in names])
    return schema, (batch for file in files for batch in file.batches(schema))


class _CsvFile:
    """One file and its form: compression, encoding, delimiter and header."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            self.gzipped = file.read(2) == b"\x1f\x8b"
        self.encoding = self._find_encoding()
        with self.open_text() as file:
            head = file.read(_HEAD)
        if not head.strip():
            raise InputError(str(path), expected="a table", got="no text", fix="check the source")
        try:
            self.delimiter = _find_delimiter(head)
            with self.open_text() as file:
                self.names = next(row for row in csv.reader(file, delimiter=self.delimiter) if row)
        except csv.Error as error:  # a quote that never closes
            raise self._unreadable(first_line(error)) from None
        check_names(self.names)

    def open_bytes(self) -> IO[bytes]:
        if self.gzipped:
            return cast(IO[bytes], gzip.open(self.path))
        return self.path.open("rb")

    def open_text(self) -> io.TextIOWrapper:
        return io.TextIOWrapper(self.open_bytes(), encoding=self.encoding, newline="")

    def _find_encoding(self) -> str:
        """Return utf-8 only when the whole file is: one odd byte may stand in its last row."""
        try:
            with self.open_bytes() as file:
                block = file.read(_HEAD)
                wide = block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
                if not wide:
                    self._refuse_binary(block)
                encoding = "utf-16" if wide else "utf-8-sig"  # with or without the mark
                decoder = codecs.getincrementaldecoder(encoding)()
                while block:
                    decoder.decode(block)
                    block = file.read(_BLOCK)
                decoder.decode(b"", final=True)
                return encoding
        except UnicodeDecodeError:
            if wide:
                raise self._unreadable("it starts like UTF-16 text but is not") from None
        except (OSError, EOFError, zlib.error) as error:  # a damaged gzip stream
            raise self._unreadable(first_line(error)) from None
        with self.open_bytes() as file:
            while block := file.read(_BLOCK):
                if len(block.translate(None, delete=_UNDEFINED_IN_CP1252)) < len(block):
                    return "latin-1"
        return "cp1252"

    def _refuse_binary(self, head: bytes) -> None:
        if head.startswith(b"PK\x03\x04"):
            got, fix = "a zip or Excel file", "save the sheet as CSV"
        elif len(head.translate(None, delete=_CONTROL)) < len(head):
            got, fix = "binary content", "name a CSV or Parquet file"
        else:
            return
        raise InputError(str(self.path), expected="a CSV or Parquet file", got=got, fix=fix)

    def batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        encoding = "utf-8" if self.encoding == "utf-8-sig" else self.encoding
        read = pa_csv.ReadOptions(column_names=schema.names, block_size=_BLOCK, encoding=encoding)
        parse = pa_csv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True)
        convert = pa_csv.ConvertOptions(
            column_types=schema, strings_can_be_null=True, null_values=[""]
        )
        in_header = True  # names are given, so the header comes as a row
        last = None
        try:
            with (
                self.open_bytes() as file,
                pa_csv.open_csv(
                    file, read_options=read, parse_options=parse, convert_options=convert
                ) as reader,
            ):
                for batch in reader:
                    yield batch.slice(1) if in_header else batch
                    if batch.num_rows:
                        in_header = False
                        last = batch.column(batch.num_columns - 1)[-1].as_py()
        except (pa.ArrowException, UnicodeError, OSError, EOFError) as error:
            raise self._bad_line(error) from None
        if last is not None and "\n" in last:
            self._check_last_quote(last)

    def _check_last_quote(self, cell: str) -> None:
        """Refuse a file whose last cell opened a quote that swallowed the rows after it."""
        end = b""
        with self.open_bytes() as file:
            while block := file.read(_BLOCK):
                end = (end + block)[-16:]
        if not end.decode(self.encoding, errors="ignore").rstrip().endswith('"'):
            start = cell.splitlines()[0][:40]
            raise self._unreadable(f"the quote that opens before {start!r} never closes")

    def _bad_line(self, error: BaseException) -> InputError:
        """Find the line of a row with too many or too few cells: the reader does not name it."""
        problem = first_line(error)
        try:
            with self.open_text() as file:
                reader = csv.reader(file, delimiter=self.delimiter)
                for row in reader:
                    if row and len(row) != len(self.names):
                        return InputError(
                            str(self.path),
                            expected=f"{len(self.names)} cells in every row, as in the header",
                            got=f"{len(row)} in line {reader.line_num:,}",
                            fix="correct that line",
                        )
        except csv.Error as csv_error:
            problem = first_line(csv_error)
        return self._unreadable(problem)

    def _unreadable(self, problem: str) -> InputError:
        return InputError(
            str(self.path),
            expected="a CSV file",
            got=f"one that cannot be read ({problem})",
            fix="correct the file or write it again",
        )


def _find_delimiter(head: str) -> str:
    """Choose the delimiter that cuts most rows as it cuts the header, into the most cells."""
    if len(head) == _HEAD:
        head = head[: head.rfind("\n") + 1] or head  # the last row is cut off
    best, best_score = ",", (0.0, 1)
    for delimiter in _DELIMITERS:
        lines = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)
        rows = [row for row in lines if row]
        width = len(rows[0])
        score = (sum(len(row) == width for row in rows) / len(rows), width)
        if width > 1 and score > best_score:
            best, best_score = delimiter, score
    return best

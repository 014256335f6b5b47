"""CSV: rows of text, whatever the encoding, delimiter, header and footer of the file."""

from __future__ import annotations

import csv
import functools
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from churn_torch.errors import InputError, first_line
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers.arrow import DELIMITER, Announce, Batches
from churn_torch.tables.readers.csv_form import Form, form_of
from churn_torch.tables.readers.packing import DAMAGED, Stored
from churn_torch.tables.readers.text_files import BLOCK, lines_of, no_csv, open_utf8

# Files of a table whose remarks are shown.
_SHOWN_FILES = 3


def read_csv(files: Sequence[Stored], reading: ReadOptions, announce: Announce) -> Batches:
    """Open CSV files of the same columns as one table of text; an empty cell is missing.

    Raises:
        InputError: A file is empty or binary, names repeat, a row has too many or too few cells,
            or the files have different columns.
    """
    forms = [form_of(file, reading) for file in files]
    names = forms[0].names
    for form in forms:
        if form.names != names:
            odd = next(iter(sorted(set(form.names) ^ set(names))), None)
            what = f"column {odd!r} is not in both" if odd is not None else "their order differs"
            raise InputError(
                str(form.stored),
                expected=f"the columns of {files[0].name!r}",
                got=f"others ({what})",
                fix="read them with SELECT ... FROM read_csv(..., union_by_name=true)",
            )
    speaking = [form for form in forms if form.remarks]
    for form in speaking[:_SHOWN_FILES]:
        for remark in form.remarks:
            announce(remark)
    if len(speaking) > _SHOWN_FILES:
        announce(f"The same holds for {len(speaking) - _SHOWN_FILES:,} more files.")
    schema = pa.schema(
        [(name, pa.string()) for name in names], {DELIMITER: forms[0].dialect.delimiter}
    )
    return schema, (batch for form in forms for batch in _batches(form, reading))


def _batches(form: Form, reading: ReadOptions) -> Iterator[pa.RecordBatch]:
    if form.is_empty:
        return
    dialect = form.dialect
    # Columns that are left out need other names for Arrow.
    names = [f"\0{i}" if i in dialect.left_out else n for i, n in enumerate(dialect.names)]
    read = pa_csv.ReadOptions(
        column_names=names,
        block_size=BLOCK,
        skip_rows=dialect.lines_above + dialect.header_lines,
    )
    parse = pa_csv.ParseOptions(
        delimiter=dialect.delimiter,
        newlines_in_values=True,
        # A line of blanks alone is as empty as one without any.
        invalid_row_handler=lambda row: "error" if row.text.strip() else "skip",
    )
    convert = pa_csv.ConvertOptions(
        column_types=pa.schema([(name, pa.string()) for name in names]),
        strings_can_be_null=True,
        null_values=[""],
    )
    last = None
    try:
        with (
            open_utf8(form.stored, form.encoding, form.footer) as file,
            pa_csv.open_csv(
                file, read_options=read, parse_options=parse, convert_options=convert
            ) as reader,
        ):
            for batch in reader:
                if batch.num_rows:
                    last = batch.column(batch.num_columns - 1)[-1].as_py()
                if form.repeated:
                    batch = _without_headers(batch, form.repeated)
                if form.has_formulas:
                    batch = _without_formulas(batch)
                yield batch.select(form.names) if dialect.left_out else batch
    except MemoryError:
        raise
    except (pa.ArrowException, UnicodeError, *DAMAGED) as error:
        raise _bad_line(form, reading, error) from None
    if last is not None and "\n" in last:
        _check_last_quote(form, last)


def _without_headers(batch: pa.RecordBatch, header: Sequence[str]) -> pa.RecordBatch:
    """Leave out the rows that hold the header once more."""
    # Behind the mark of an encoding, which each export may start with, quotes are part of a cell.
    first = pc.utf8_trim(batch.column(0), '\ufeff"')
    columns = [first, *batch.columns[1:]]
    repeats = [
        pc.fill_null(pc.equal(column, cell), False) if cell else pc.is_null(column)
        for column, cell in zip(columns, header, strict=True)
    ]
    return batch.filter(pc.invert(functools.reduce(pc.and_, repeats)))


def _without_formulas(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Take the text out of cells such as ``="0123"``."""
    columns = [pc.replace_substring_regex(c, r'(?s)^="(.*)"$', r"\1") for c in batch.columns]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _check_last_quote(form: Form, cell: str) -> None:
    """Refuse a file whose last cell opened a quote that swallowed the rows after it."""
    end = b""
    with open_utf8(form.stored, form.encoding, form.footer) as file:
        while block := file.read(BLOCK):
            end = (end + block)[-16:]
    if not end.decode(errors="ignore").rstrip().endswith('"'):
        start = cell.splitlines()[0][:40]
        raise no_csv(form.stored, f"the quote that opens before {start!r} never closes")


def _bad_line(form: Form, reading: ReadOptions, error: BaseException) -> InputError:
    """Find the line of a row with too many or too few cells: the reader does not name it."""
    problem, dialect = first_line(error), form.dialect
    width = len(dialect.names)
    try:
        with form.stored.open() as file:
            lines = lines_of(file, form.encoding)
            above = dialect.lines_above + dialect.header_lines
            for _ in range(above):
                next(lines, None)
            reader = csv.reader(lines, delimiter=dialect.delimiter)
            for row in reader:
                line = above + reader.line_num
                if row and len(row) != width and any(cell.strip() for cell in row):
                    fix = "correct that line"
                    if reading.skip is None and reader.line_num <= 3:
                        fix += (
                            f", or say with {reading.prefix}skip=N how many lines stand above the "
                            "header"
                        )
                    cells = "1 cell" if width == 1 else f"{width} cells"
                    return InputError(
                        str(form.stored),
                        expected=f"{cells} in every row, as in the header",
                        got=f"{len(row)} in line {line:,}",
                        fix=fix,
                    )
    except (csv.Error, ValueError, *DAMAGED) as second:
        problem = first_line(second)
    return no_csv(form.stored, problem)

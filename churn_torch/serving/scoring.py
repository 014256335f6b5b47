"""Score tables with the ONNX file alone; reading, scoring and writing overlap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from rich.console import RenderableType

from churn_torch.errors import InputError, suggest
from churn_torch.report.unusual_inputs import unusual_table
from churn_torch.serving.batch import BatchModel
from churn_torch.serving.outputs import DECISION, PROBABILITY, SCORES
from churn_torch.tables.encode import Texts, parse_columns
from churn_torch.tables.input_counts import InputCounts
from churn_torch.tables.labelled.carried import ROW
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers import sources
from churn_torch.tables.readers.prefetch import prefetch
from churn_torch.tables.readers.sources import PLAINLY, READ_ROWS
from churn_torch.tables.schema import Schema

OUTPUTS = (PROBABILITY, DECISION, *SCORES[1:])


def score_table(
    model: Path,
    source: sources.Source,
    out: str | Path,
    *,
    keep: str | Sequence[str] = "id",
    reading: ReadOptions = PLAINLY,
    chunk_rows: int = READ_ROWS,
    progress: Callable[[int], object] = lambda n_rows: None,
    announce: Callable[[RenderableType], object] = lambda sentence: None,
    allow_unseen: bool = False,
) -> int:
    """Score a table of any size, from file to file.

    Args:
        model: The ONNX file.
        source: What `churn_torch.tables.readers.sources.read_chunks` reads.
        out: The CSV or Parquet file to write.
        keep: Columns of the source that stand before the scores: names, one name, ``all``, or
            ``id`` for the id column of the run. A run without one has ``row`` instead, the position
            in the source from 0.
        reading: What the user said about how to read the source.
        chunk_rows: Rows read at a time; a few such chunks are in memory at once.
        progress: Called with the number of rows after each chunk.
        announce: Called with a sentence or a table for the user.
        allow_unseen: Score a table of which a column holds nothing but categories that training did
            not know.

    Returns:
        The number of rows written.

    Raises:
        InputError: The model, the source, a column, a cell or the output cannot be used; or all
            categories of a column are unknown. Nothing is written.
    """
    if chunk_rows < 1:
        raise InputError("chunk_rows", expected="1 or more", got=str(chunk_rows))
    batch_model = BatchModel(model)
    sources.check_output(out, source, reading)
    kept = _kept(keep, batch_model)
    with_row = keep == "id" and not kept
    if with_row:
        announce("The run names no id column: scores are written with the row number.")
    columns, texts = None, []
    if kept is not None:
        read = [*kept, *batch_model.schema.read]
        # Only these. Where one is absent, all are read, for a message that names the nearest.
        if set(read) <= set(sources.column_names(source, reading) or ()):
            columns = list(dict.fromkeys(read))
        texts = [column.name for column in batch_model.schema.text if column.name not in kept]
    chunks = sources.read_chunks(
        source,
        reading=reading,
        rows=chunk_rows,
        columns=columns,
        coded=texts,
        announce=announce,
    )

    counts = InputCounts(batch_model.schema)

    def scored() -> Iterator[pd.DataFrame]:
        for chunk in score_chunks(batch_model, chunks, keep=kept, with_row=with_row, counts=counts):
            progress(len(chunk))
            yield chunk
        if not allow_unseen:  # before the file has its name
            counts.check_seen()

    n_rows = sources.write(scored(), out)
    if found := counts.unusual():
        announce(unusual_table(found, absent_columns(batch_model.schema, source, reading)))
    return n_rows


def absent_columns(
    schema: Schema, source: sources.Source, reading: ReadOptions = PLAINLY
) -> dict[str, str]:
    """Return, of the features that only some of several files have, a few words that say so."""
    bare = schema.with_columns({c.name: replace(c, note="") for c in schema.features})
    noted = sources.note_absent_columns(bare, source, reading)
    return {column.name: column.note for column in noted.features if column.note}


def _kept(keep: str | Sequence[str], model: BatchModel) -> list[str] | None:
    """Return the columns of the source to keep, None for all.

    Raises:
        InputError: One of them is named like an output.
    """
    if keep == "all":
        return None
    if keep == "id":
        return [model.schema.id] if model.schema.id else []
    names = [keep] if isinstance(keep, str) else list(dict.fromkeys(keep))
    _check_free(names)
    return names


def _check_free(names: Iterable[str]) -> None:
    for name in names:
        if name in OUTPUTS:
            raise InputError(
                "keep",
                expected="columns that are not named like a score",
                got=repr(name),
                fix="list the columns to keep without it (keep=[...]), or rename it in the source",
            )


class _Parsed(NamedTuple):
    """The columns of a chunk to keep, and those that the model reads."""

    kept: pd.DataFrame
    columns: dict[str, pd.Series | Texts]


def score_chunks(
    model: BatchModel,
    chunks: Iterable[pd.DataFrame],
    *,
    keep: Sequence[str] | None,
    with_row: bool = False,
    counts: InputCounts | None = None,
) -> Iterator[pd.DataFrame]:
    """Yield each chunk's kept columns with the scores that the file gives.

    One thread reads, one parses and one runs the model, each a chunk or two ahead of the next.

    Args:
        model: The ONNX file, opened for many rows.
        chunks: Raw rows.
        keep: Columns of the source to keep; None keeps them all.
        with_row: Put the position in the source, from 0, before them.
        counts: Counts the cells of all chunks.

    Raises:
        InputError: A column to keep is not in the source or named like an output, or cells of the
            source cannot be read.
    """
    parsed = prefetch(_parsed(prefetch(chunks, depth=1), model, keep, with_row, counts), depth=1)
    return prefetch((_scored(model, chunk) for chunk in parsed), depth=1)


def _parsed(
    chunks: Iterable[pd.DataFrame],
    model: BatchModel,
    keep: Sequence[str] | None,
    with_row: bool,
    counts: InputCounts | None,
) -> Iterator[_Parsed]:
    n_rows = 0
    for chunk in chunks:
        for name in keep or ():
            if name not in chunk.columns:
                raise InputError(
                    "keep",
                    expected="columns of the source",
                    got=f"{name!r}{suggest(name, chunk.columns)}",
                )
        kept = chunk if keep is None else chunk[list(keep)]
        _check_free(map(str, kept.columns))
        if with_row:
            row = pd.RangeIndex(n_rows, n_rows + len(chunk))
            kept = pd.DataFrame({ROW: row}, index=chunk.index)
        columns = parse_columns(chunk, model.schema, first_row=n_rows)
        if counts is not None:
            counts.add(columns)
        yield _Parsed(kept, columns)
        n_rows += len(chunk)


def _scored(model: BatchModel, chunk: _Parsed) -> pd.DataFrame:
    scores = model.compute(chunk.columns)
    probability = scores.pop(PROBABILITY)
    added = {PROBABILITY: probability, DECISION: model.decide(probability), **scores}
    return chunk.kept.assign(**added)

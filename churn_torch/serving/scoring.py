"""Score tables with the ONNX file alone; reading, the model and writing overlap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from churn_torch.errors import InputError, suggest
from churn_torch.serving.batch import BatchModel
from churn_torch.serving.outputs import DECISION, PROBABILITY
from churn_torch.tables.encode import Texts, parse_columns
from churn_torch.tables.readers import sources
from churn_torch.tables.readers.prefetch import prefetch
from churn_torch.tables.readers.sources import READ_ROWS


def score_table(
    model: Path,
    source: sources.Source,
    out: str | Path,
    *,
    keep: str | Sequence[str] = "id",
    database: str | None = None,
    chunk_rows: int = READ_ROWS,
    progress: Callable[[int], object] = lambda n_rows: None,
) -> int:
    """Score a table of any size, from file to file.

    Args:
        model: The ONNX file.
        source: What `churn_torch.tables.readers.sources.read_chunks` reads.
        out: The CSV or Parquet file to write.
        keep: Columns of the source that stand before the scores: names, one name, ``all``, or
            ``id`` for the id column of the run (none, if it has none).
        database: The DuckDB file that a query reads.
        chunk_rows: Rows read at a time; a few such chunks are in memory at once.
        progress: Called with the number of rows after each chunk.

    Returns:
        The number of rows written.

    Raises:
        InputError: The model, the source, a column, a cell or the output cannot be used.
    """
    if chunk_rows < 1:
        raise InputError(f"chunk_rows: expected 1 or more, got {chunk_rows}.")
    coded = BatchModel(model)
    sources.check_output(out, source, database)
    kept = _kept(keep, coded)
    columns, texts = None, []
    if kept is not None:
        read = [*kept, *(column.name for column in coded.schema.features)]
        # Only these; where one is not there, its absence is told beside all that is.
        if set(read) <= set(sources.column_names(source, database) or ()):
            columns = list(dict.fromkeys(read))
        texts = [column.name for column in coded.schema.text if column.name not in kept]
    chunks = sources.read_chunks(
        source, database=database, rows=chunk_rows, columns=columns, coded=texts
    )

    def scored() -> Iterator[pd.DataFrame]:
        for chunk in score_chunks(coded, chunks, keep=kept):
            progress(len(chunk))
            yield chunk

    return sources.write(scored(), out)


def _kept(keep: str | Sequence[str], coded: BatchModel) -> list[str] | None:
    if keep == "all":
        return None
    if keep == "id":
        return [coded.schema.id] if coded.schema.id else []
    return [keep] if isinstance(keep, str) else list(keep)


class _Parsed(NamedTuple):
    """The columns of a chunk to keep, and those that the model reads."""

    kept: pd.DataFrame
    columns: dict[str, pd.Series | Texts]


def score_chunks(
    model: BatchModel, chunks: Iterable[pd.DataFrame], *, keep: Sequence[str] | None
) -> Iterator[pd.DataFrame]:
    """Yield each chunk's kept columns with probability and decision added.

    One thread reads, one parses and one runs the model, each a chunk or two ahead of the next.

    Args:
        model: The ONNX file, opened for many rows.
        chunks: Raw rows.
        keep: Columns of the source to keep; None keeps them all.

    Raises:
        InputError: A column to keep is not in the source, the source has one named like an
            output, or its cells cannot be read.
    """
    parsed = prefetch(_parsed(prefetch(chunks, depth=1), model, keep), depth=1)
    return prefetch((_scored(model, chunk) for chunk in parsed), depth=1)


def _parsed(
    chunks: Iterable[pd.DataFrame], model: BatchModel, keep: Sequence[str] | None
) -> Iterator[_Parsed]:
    n_rows = 0
    for chunk in chunks:
        for name in keep or ():
            if name not in chunk.columns:
                raise InputError(
                    f"keep: expected columns of the source, got {name!r}"
                    f"{suggest(name, chunk.columns)}."
                )
        kept = chunk if keep is None else chunk[list(keep)]
        for output in (PROBABILITY, DECISION):
            if output in kept.columns:
                raise InputError(
                    f"keep: expected columns other than the scores, got {output!r} in the "
                    "source; list the columns to keep without it (keep=[...])."
                )
        yield _Parsed(kept, parse_columns(chunk, model.schema, first_row=n_rows))
        n_rows += len(chunk)


def _scored(model: BatchModel, chunk: _Parsed) -> pd.DataFrame:
    probability, decision = model.run(chunk.columns)
    return chunk.kept.assign(**{PROBABILITY: probability, DECISION: decision})

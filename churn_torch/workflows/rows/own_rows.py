"""The rows of a run's own table, read again, and random samples of labelled rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import RenderableType

from churn_torch.console import show
from churn_torch.errors import InputError
from churn_torch.explanation.explained_model import ExplainedRows
from churn_torch.tables.even_sample import EvenSample
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.tables.labelled.rows import Rows
from churn_torch.workflows.rows.row_counts import watched
from churn_torch.workflows.runs.artefacts import METRICS
from churn_torch.workflows.runs.run_folder import Run


def refuse_averaged(run: Run, instead: str | None) -> None:
    """Refuse the mean of a cross-validation.

    Args:
        run: The run.
        instead: As for `own_rows`.

    Raises:
        InputError: The run held no test rows back.
    """
    if run.options.cv.average:
        raise InputError(
            "run",
            expected="a run that held test rows back",
            got="the mean of a cross-validation, which has learned from every row",
            fix=f"read the metrics of its folds in {run.folder / METRICS}"
            + ("" if instead is None else f", or name new rows ({instead})"),
        )


def own_rows(
    run: Run,
    part: str | None = "test",
    *,
    carry: Sequence[str] = (),
    doing: str = "Reading",
    instead: str | None = "data=table data.source=FILE",
    announce: Callable[[RenderableType], None] = show,
) -> Iterator[Rows]:
    """Yield the rows of a part of the run's own table, of customers who were not contacted.

    Args:
        run: The run.
        part: ``train``, ``validation`` or ``test``; None for all rows of all customers.
        carry: Columns that travel with the rows besides those of the run.
        doing: What the progress bar says.
        instead: How the user names new rows, for errors; None where there is no way.
        announce: As for `churn_torch.tables.labelled.read.read_labelled`.

    Raises:
        InputError: The run held no test rows back; or, at the end, the source has changed.
    """
    refuse_averaged(run, instead)
    run.check_table()
    data = replace(run.options.data, carry=[*run.options.data.carry, *carry])
    options = replace(run.options, data=data)
    table = read_labelled(options.table, seed=options.seed, announce=announce)
    for rows in watched(table.chunks(), table, doing):
        yield rows if part is None else rows.of(part).untreated()
    trained_on = run.metrics["data"]["fingerprint"]
    if table.fingerprint != trained_on:
        raise InputError(
            "data.source",
            expected=f"the table that the run was trained on (fingerprint {trained_on})",
            got=f"{table.fingerprint}: the source has changed",
            fix="train again" if instead is None else f"name new rows with {instead}",
        )


def sample_own_rows(run: Run, part: str, n_rows: int, *, seed: int) -> ExplainedRows:
    """Return a random sample of the rows of a part, of at most ``n_rows``.

    Of lifetimes the label is whether a customer left within the horizon, where it is known.

    Raises:
        InputError: As for `own_rows`.
    """
    horizon = run.options.data.horizon
    chunks = (one.known_within(horizon) for one in own_rows(run, part, instead="source=FILE"))
    rows = (ExplainedRows(one.parsed, one.label, one.carried) for one in chunks)
    return sample_rows(rows, n_rows, seed=seed)


def sample_rows(chunks: Iterable[ExplainedRows], n_rows: int, *, seed: int) -> ExplainedRows:
    """Return a random sample of the rows of all chunks in their order, of at most ``n_rows``.

    Args:
        chunks: The rows.
        n_rows: Most rows.
        seed: As for `RowSample`.

    Raises:
        InputError: There is no chunk.
    """
    sample = RowSample(n_rows, seed=seed)
    for chunk in chunks:
        sample.add(chunk)
    rows = sample.rows
    if rows is None:
        raise InputError("source", expected="labelled rows", got="none", fix="name another table")
    return rows


class RowSample:
    """A random sample of rows that come chunk by chunk, in their order.

    Args:
        n_rows: Most rows.
        seed: Of the draws.
    """

    def __init__(self, n_rows: int, *, seed: int) -> None:
        self._sample = EvenSample(n_rows, seed=seed)
        self._chunks: list[ExplainedRows] = []

    def add(self, chunk: ExplainedRows) -> None:
        """Add the rows of a chunk."""
        drawn = self._sample.drawn(len(chunk.label))
        if len(drawn) or not self._chunks:
            self._chunks.append(_taken(chunk, drawn))
        if self._sample.is_full:
            self._cut()

    @property
    def rows(self) -> ExplainedRows | None:
        """The sample; None before the first chunk."""
        if not self._chunks:
            return None
        self._cut()
        return self._chunks[0]

    def _cut(self) -> None:
        self._chunks = [_taken(_joined(self._chunks), self._sample.kept())]


def customers(run: Run, carried: pd.DataFrame) -> npt.NDArray[np.int64] | None:
    """Return the customer of each row, from 0 on, where some have several rows.

    Args:
        run: Its group column names a customer, else its id.
        carried: Columns of the rows.
    """
    for name in (run.options.data.roles.group, run.schema.id):
        if name in carried.columns and carried[name].duplicated().any():
            return pd.factorize(carried[name], use_na_sentinel=False)[0]
    return None


def _joined(chunks: Sequence[ExplainedRows]) -> ExplainedRows:
    if len(chunks) == 1:
        return chunks[0]
    return ExplainedRows(
        pd.concat([rows.parsed for rows in chunks], ignore_index=True),
        np.concatenate([rows.label for rows in chunks]),
        pd.concat([rows.carried for rows in chunks], ignore_index=True),
    )


def _taken(rows: ExplainedRows, chosen: npt.NDArray[np.int64]) -> ExplainedRows:
    return ExplainedRows(
        rows.parsed.take(chosen).reset_index(drop=True),
        rows.label[chosen],
        rows.carried.take(chosen).reset_index(drop=True),
    )

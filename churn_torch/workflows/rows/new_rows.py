"""New labelled rows for a trained model, read and parsed by its schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import RenderableType

from churn_torch.console import show
from churn_torch.tables.encode import parse
from churn_torch.tables.labelled.carried import CarriedColumns
from churn_torch.tables.labelled.read import located
from churn_torch.tables.labelled.rows import Rows, read_rows
from churn_torch.tables.labelled.treatment import read_treatment
from churn_torch.tables.labels import read_target
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers import sources
from churn_torch.tables.schema import Schema


class NewRows(NamedTuple):
    """Labelled rows of a chunk, of customers who were not contacted.

    Attributes:
        frame: Raw rows.
        parsed: Their features (`churn_torch.tables.encode.parse`).
        label: ``[N]`` of 1 for churners and 0 for the others.
        positions: ``[N]`` in the source.
    """

    frame: pd.DataFrame
    parsed: pd.DataFrame
    label: npt.NDArray[np.float32]
    positions: npt.NDArray[np.int64]


def new_rows(
    source: Any,
    schema: Schema,
    reading: ReadOptions,
    announce: Callable[[RenderableType], None] = show,
) -> Iterator[NewRows]:
    """Yield new labelled rows; say at the end how many had no label.

    Args:
        source: As for `churn_torch.tables.labelled.read.located`.
        schema: Of the model.
        reading: How the source is read.
        announce: Called with each sentence.

    Raises:
        InputError: The source cannot be read, or lacks a column or the target.
    """
    first_row = n_unlabelled = n_left_out = 0
    for frame in sources.read_chunks(located(source), reading=reading, announce=announce):
        label, n_of_no_class = read_target(frame, schema, first_row=first_row)
        parsed = parse(frame, schema, first_row=first_row)
        labelled = ~np.isnan(label)
        n_unlabelled += int((~labelled).sum()) - n_of_no_class
        n_left_out += n_of_no_class
        if schema.treatment in frame.columns:
            labelled &= read_treatment(frame, schema, labelled, first_row=first_row) == 0
        positions = first_row + np.flatnonzero(labelled)
        yield NewRows(frame.loc[labelled], parsed.loc[labelled], label[labelled], positions)
        first_row += len(frame)
    if n_unlabelled:
        announce(f"{n_unlabelled:,} rows without a label are left out.")
    if n_left_out:
        announce(
            f"{n_left_out:,} rows of neither class are left out, as in training (data.negative)."
        )


def new_lifetimes(
    source: Any,
    schema: Schema,
    reading: ReadOptions,
    announce: Callable[[RenderableType], None] = show,
) -> Iterator[Rows]:
    """Yield new labelled rows with the periods that their customers were observed in.

    Args:
        source: As for `new_rows`.
        schema: Of a model of time to churn.
        reading: As for `new_rows`.
        announce: As for `new_rows`.

    Raises:
        InputError: As for `new_rows`; or a lifetime is none.
    """
    first_row, carry = 0, CarriedColumns((), {}, with_row=True)
    for frame in sources.read_chunks(located(source), reading=reading, announce=announce):
        rows, _, _ = read_rows(frame, schema, carry, first_row=first_row)
        if n_unlabelled := len(frame) - len(rows.label):
            announce(f"{n_unlabelled:,} rows without a label are left out.")
        yield rows
        first_row += len(frame)

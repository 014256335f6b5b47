"""The periods of a model of time to churn: learned from the training rows, and described."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.errors import InputError
from churn_torch.tables.labelled.in_memory import MemoryTable
from churn_torch.tables.labelled.lifetimes import (
    LEAST_EVENTS,
    MOST_PERIODS,
    LifetimeColumns,
    Lifetimes,
    baselines,
    left_within,
)
from churn_torch.tables.labelled.rows import PARTS, LabelledTable
from churn_torch.tables.schema import Schema

# Churners of the training rows, at least.
FEWEST_EVENTS = 20
# Rank correlation from which a number tells how long a customer has been observed.
TELLS_DURATION = 0.7


def with_baselines(schema: Schema, table: LabelledTable) -> Schema:
    """Return the schema with the periods of the training rows, if it has lifetimes.

    Raises:
        InputError: Too few customers leave, or there are too few or too many periods.
    """
    columns = LifetimeColumns.of(schema)
    if columns is None:
        return schema
    assert isinstance(table, MemoryTable)
    assert table.lifetime is not None
    rows = table.split.train
    lifetime, label = table.lifetime[rows], table.label[rows]
    n_events = int(label.sum())
    if n_events < FEWEST_EVENTS:
        raise InputError(
            "data.target",
            expected=f"{FEWEST_EVENTS} or more training customers who leave, for model=survival",
            got=f"{n_events}",
            fix="bring more rows, or observe customers for longer",
        )
    longest = int(lifetime[:, 1].max())
    if longest > MOST_PERIODS:
        raise InputError(
            "data.period",
            expected=f"a period of which the longest duration has at most {MOST_PERIODS}",
            got=f"{columns.period:g}, of which it has {longest:,}",
            fix=f"set data.period={_round_up(columns.period * longest / MOST_PERIODS):g} or more",
        )
    if columns.horizon > longest:
        raise InputError(
            "data.horizon",
            expected=f"up to {longest} periods, which the longest training row has",
            got=str(columns.horizon),
            fix="choose a shorter data.horizon or data.period, or observe customers for longer",
        )
    for part, in_part in zip(PARTS, table.split, strict=True):
        if len(in_part):
            _check_known(part, table.lifetime[in_part], table.label[in_part], columns.horizon)
    ends, empty = baselines(lifetime, label, least_events=LEAST_EVENTS)
    completed = replace(columns, ends=ends, empty=empty)
    if columns.entry is None and columns.duration in {column.name for column in schema.features}:
        # In training it is 0; a file is asked about customers who have stayed so far.
        stayed = replace(schema[columns.duration], minimum=0.0, maximum=longest * columns.period)
        schema = schema.with_columns({columns.duration: stayed})
    return completed.attach(schema)


def _check_known(part: str, lifetime: Lifetimes, label: npt.NDArray[Any], horizon: int) -> None:
    """Refuse a horizon within which nobody is known to leave, or to stay."""
    left = left_within(lifetime, label, horizon)
    leave, stay = int((left == 1).sum()), int((left == 0).sum())
    if not leave or not stay:
        how = "longer" if stay else "shorter"
        raise InputError(
            # The shortest horizon is a period, so a shorter one is a shorter period.
            "data.period" if horizon == 1 and not stay else "data.horizon",
            expected=f"{part} rows of customers who left within data.horizon periods and of others "
            "observed for longer",
            got=f"{horizon}, within which {leave:,} left and for which {stay:,} stayed",
            fix=f"choose a {how} data.horizon or data.period, or bring more rows",
        )


def _round_up(number: float) -> float:
    size = 10.0 ** np.floor(np.log10(number))
    return float(np.ceil(number / size) * size)


def sentences(table: LabelledTable) -> Iterator[str]:
    """Say how the lifetimes were read, and which columns tell them."""
    columns = LifetimeColumns.of(table.schema)
    if columns is None or not isinstance(table, MemoryTable) or table.lifetime is None:
        return
    n_left = int(table.label.sum())
    unit = "" if columns.period == 1 else f" of {columns.period:g}"
    sentence = (
        f"{columns.duration}: {n_left:,} of {len(table.label):,} customers left; the others were "
        f"still there after the periods{unit} observed, of at most "
        f"{table.lifetime[:, 1].max():,.0f}."
    )
    if columns.entry is None:
        sentence += (
            f" It is not learned from; in model.onnx {columns.duration} is how long a customer has "
            "stayed so far (missing: a new one)."
        )
    yield sentence
    yield from _odd_lifetimes(table, columns)
    told = {name: rho for name, rho in _with_duration(table, columns) if rho >= TELLS_DURATION}
    for name, rho in told.items():
        yield (
            f"{name}: rises with {columns.duration} (rank correlation {rho:.2f}), so it tells how "
            "long a customer was observed, which nobody knows of a new one. Leave it out with "
            f"data.ignore=[{name}] unless its value was taken at the start."
        )


def _odd_lifetimes(table: MemoryTable, columns: LifetimeColumns) -> Iterator[str]:
    """Count customers who left when they were first observed, and those who were not observed."""
    assert table.lifetime is not None
    observed = table.carried[columns.duration]
    if columns.entry is not None:
        observed = observed - table.carried[columns.entry]
    at_once = int(((observed == 0) & (table.label == 1)).sum())
    if at_once:
        what = "0" if columns.entry is None else f"no longer than {columns.entry}"
        yield (
            f"{columns.duration} is {what} for {at_once:,} customers who left; they count as "
            "having left in the first period that could be observed. Leave such rows out if that "
            "is a mistake."
        )
    unseen = int((table.lifetime[:, 1] <= table.lifetime[:, 0]).sum())
    if unseen:
        yield (
            f"{unseen:,} customers were observed for no whole period and were still there: nothing "
            "can be learned from them."
        )


def _with_duration(table: MemoryTable, columns: LifetimeColumns) -> Iterator[tuple[str, float]]:
    assert table.lifetime is not None
    rows = table.split.train
    parsed = table.parsed.iloc[rows]
    last = pd.Series(table.lifetime[rows, 1], index=parsed.index).rank()
    for column in table.schema.features:
        values = parsed[column.name]
        if column.name != columns.stayed and pd.api.types.is_numeric_dtype(values):
            rho = values.rank().corr(last) if values.nunique() > 1 else 0.0
            yield column.name, float(rho)

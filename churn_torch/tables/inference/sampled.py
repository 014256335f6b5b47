"""The schema of a table that is too large for memory, inferred from a sample of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from pandas.api import types

from churn_torch.tables.inference.infer import infer
from churn_torch.tables.labels import match_label, without_words
from churn_torch.tables.options import ColumnRoles, ReadOptions
from churn_torch.tables.readers import sources
from churn_torch.tables.readers.arrow import Announce
from churn_torch.tables.schema import Schema
from churn_torch.tables.values.cells import canonical_text, numbers_as_text

SAMPLE_ROWS = 100_000


def infer_from_sample(
    source: sources.Source,
    reading: ReadOptions,
    roles: ColumnRoles,
    announce: Announce = sources.unheard,
) -> tuple[Schema, int]:
    """Infer the schema of a table from about ``SAMPLE_ROWS`` rows (`sources.read_sample`).

    Shares of missing cells and numbers of distinct values are the sample's, and a column that is
    constant or empty in the sample is left out.

    Args:
        source: The table.
        reading: How the source is read.
        roles: What the user named.
        announce: As for `sources.read`.

    Returns:
        The schema, and the number of rows it was inferred from.

    Raises:
        InputError: As for `infer`.
    """
    sample, runs = sources.read_sample(source, rows=SAMPLE_ROWS, reading=reading, announce=announce)
    sample = _with_all_labels(sample, source, reading, roles)
    named = {roles.target, roles.id, roles.time, roles.group, roles.weight}
    named |= {roles.treatment, roles.treatment_probability, roles.spend}
    named |= {*roles.ignore, *roles.kinds}
    named |= {name for group in roles.sequences.values() for name in group.columns}
    counters = [name for name in _row_numbers(sample, runs) if name not in named]
    schema = infer(sample, replace(roles, ignore=[*roles.ignore, *counters]))
    note = "left out: looks like a row number (consecutive whole numbers)"
    schema = schema.with_columns({name: replace(schema[name], note=note) for name in counters})
    return schema, len(sample)


def _row_numbers(sample: pd.DataFrame, runs: Sequence[int]) -> list[str]:
    """Return the columns that count up in every run; between the runs of a sample are gaps."""
    if len(runs) == 1:
        return []  # `infer` recognizes them itself
    inside = np.ones(len(sample) - 1, dtype=bool)
    inside[np.cumsum(runs)[:-1] - 1] = False
    inside[sum(runs) - 1 :] = False  # rows that were added for their label
    counters = []
    for name in sample.columns:
        if types.is_integer_dtype(sample[name].dtype) and not sample[name].hasnans:
            steps = np.diff(sample[name].to_numpy())[inside]
            if len(steps) and (steps == 1).all():
                counters.append(str(name))
    return counters


def _with_all_labels(
    sample: pd.DataFrame, source: sources.Source, reading: ReadOptions, roles: ColumnRoles
) -> pd.DataFrame:
    """Add the first row of each label that a sample lacks; churners may be rare or come late.

    It has all labels if it has two, and those that the user named.
    """
    target = roles.target
    if target not in sample.columns:
        return sample
    words = roles.missing.of_target(target)
    labels = set(_labels(sample[target], words)) - {""}
    whole = _has_all(labels, roles)
    for frame in () if whole else sources.read_chunks(source, reading=reading):
        text = _labels(frame[target], words)
        new = text[~text.isin({*labels, ""})].drop_duplicates()
        if len(new):
            sample = pd.concat([sample, frame.loc[new.index]], ignore_index=True)
            labels.update(new)
        if _has_all(labels, roles):
            break
    return sample


def _has_all(labels: set[str], roles: ColumnRoles) -> bool:
    named = [] if roles.positive is None else [roles.positive]
    if isinstance(roles.negative, Sequence) and not isinstance(roles.negative, str):
        named += roles.negative
    return len(labels) >= 2 and all(match_label([*labels], one) is not None for one in named)


def _labels(target: pd.Series, words: Sequence[str]) -> pd.Series:
    return numbers_as_text(canonical_text(without_words(target, words)))

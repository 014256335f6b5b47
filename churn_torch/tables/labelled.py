"""A labelled table: read, its schema inferred, rows without a label dropped, the rest split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from churn_torch import samples
from churn_torch.errors import InputError
from churn_torch.tables import sources, splits
from churn_torch.tables.encode import fingerprint, parse, parse_time
from churn_torch.tables.infer import infer
from churn_torch.tables.labels import parse_target
from churn_torch.tables.rows import CHUNK_ROWS, PARTS, LabelledTable, Labels, Rows
from churn_torch.tables.schema import Schema

__all__ = ["PARTS", "LabelledTable", "MemoryTable", "Rows", "located", "read_labelled"]

SAMPLE = "sample:"


@dataclass(frozen=True)
class MemoryTable:
    """A labelled table whose rows are all in memory (`churn_torch.tables.rows.LabelledTable`).

    Attributes:
        schema: Inferred from the main source; nothing is learned from its values yet.
        parsed: Feature columns of N labelled rows (`churn_torch.tables.encode.parse`), those of a
            test source last.
        label: ``[N]`` float32, 1 for churners.
        identity: One column that names each row: the id column, or ``row``, from 0.
        split: Positions of the training, validation and test rows.
        fingerprint: Names the content of the sources.
        n_dropped: Rows without a label.
    """

    schema: Schema
    parsed: pd.DataFrame
    label: Labels
    identity: pd.DataFrame
    split: splits.Split
    fingerprint: str
    n_dropped: int
    sampled: None = None
    streamed: bool = False

    @property
    def n_rows(self) -> int:
        """Rows with and without a label."""
        return len(self.label) + self.n_dropped

    @property
    def counts(self) -> dict[str, int]:
        """Rows of each part."""
        return {part: len(rows) for part, rows in zip(PARTS, self.split, strict=True)}

    @property
    def n_positive(self) -> dict[str, int]:
        """Churners of each part."""
        return {
            part: int((self.label[rows] == 1).sum())
            for part, rows in zip(PARTS, self.split, strict=True)
        }

    def chunks(self) -> Iterator[Rows]:
        """Yield the rows in their order."""
        part = np.empty(len(self.label), dtype=np.int8)
        for position, rows in enumerate(self.split):
            part[rows] = position
        for start in range(0, len(part), CHUNK_ROWS):
            here = slice(start, start + CHUNK_ROWS)
            yield Rows(
                self.parsed.iloc[here].reset_index(drop=True),
                self.label[here],
                self.identity.iloc[here].reset_index(drop=True),
                part[here],
            )


def read_labelled(
    data: Any, *, seed: int, source: str | Path | pd.DataFrame | None = None
) -> LabelledTable:
    """Read the table that a data configuration names.

    Args:
        data: The keys of conf/data/table.yaml.
        seed: Seed of the split.
        source: Takes the place of ``data.source``.

    Raises:
        InputError: The source, a named column, the target or the split cannot be used.
    """
    frame = sources.read(located(data.source if source is None else source), database=data.database)
    schema = infer(
        frame,
        target=data.target,
        positive=data.positive,
        id=data.id,
        ignore=list(data.ignore),
        kinds=_kinds(data.kinds),
        time=_split_column(data.split, "time"),
        group=_split_column(data.split, "group"),
    )
    n_main, mark = len(frame), fingerprint(frame)
    parsed, label, identity = _read_rows(frame, schema)
    if data.test_source is not None:
        given = sources.read(located(data.test_source), database=data.database)
        mark += "+" + fingerprint(given)
        more = _read_rows(given, schema)
        parsed = pd.concat([parsed, more[0]], ignore_index=True)
        label = np.concatenate([label, more[1]])
        identity = pd.concat([identity, more[2]], ignore_index=True)
    labelled = np.flatnonzero(~np.isnan(label))
    main = labelled[labelled < n_main]
    n_test = None if data.test_source is None else len(labelled) - len(main)
    split = _split(data.split, schema, frame.take(main), label[main], n_test=n_test, seed=seed)
    label = label[labelled]
    if not len(split.test):
        raise InputError(
            "data.split.test: expected a share above 0, or a data.test_source, got "
            f"{data.split.test}."
        )
    if len(np.unique(label[split.test])) < 2:
        raise InputError(
            "data.test_source: expected labelled rows of both classes, got "
            f"{int((label[split.test] == 1).sum())} churners and "
            f"{int((label[split.test] == 0).sum())} others; name a larger table."
        )
    return MemoryTable(
        schema=schema,
        parsed=parsed.take(labelled).reset_index(drop=True),
        label=label,
        identity=identity.take(labelled).reset_index(drop=True),
        split=split,
        fingerprint=mark,
        n_dropped=len(parsed) - len(labelled),
    )


def located(source: Any) -> Any:
    """Return the file of a shipped sample (``sample:telco``), or the source as it stands."""
    if isinstance(source, str) and source.startswith(SAMPLE):
        return samples.path(source.removeprefix(SAMPLE))
    return source


def _read_rows(frame: pd.DataFrame, schema: Schema) -> tuple[pd.DataFrame, Labels, pd.DataFrame]:
    if schema.id is not None and schema.id in frame.columns:
        identity = frame[[schema.id]].reset_index(drop=True)
    else:
        identity = pd.DataFrame({"row": np.arange(len(frame))})
    return parse(frame, schema), parse_target(frame, schema), identity


def _kinds(kinds: Any) -> dict[str, str]:
    """Return kinds by column; a list of ``COLUMN=kind`` is how odd names come in."""
    if isinstance(kinds, Mapping):
        return {str(column): str(kind) for column, kind in kinds.items()}
    pairs = (str(pair).rpartition("=") for pair in kinds)
    return {column: kind for column, _, kind in pairs}


def _split_column(split: Any, by: str) -> str | None:
    """Return the split's column if it splits ``by`` that role: such a column is no feature.

    Raises:
        InputError: ``split.by`` is unknown, or its column is not named.
    """
    if split.by not in ("random", "time", "group"):
        raise InputError(f"data.split.by: expected random, time or group, got {split.by!r}.")
    if split.by != by:
        return None
    if split.column is None:
        raise InputError(
            f"data.split.column: expected the column to split by {by}, got nothing; name it, or "
            "use data.split.by=random."
        )
    return str(split.column)


def _split(
    chosen: Any,
    schema: Schema,
    frame: pd.DataFrame,
    label: Labels,
    *,
    n_test: int | None,
    seed: int,
) -> splits.Split:
    """Split the main rows; with a test source of ``n_test`` rows the test is all of those."""
    sizes = {"validation": chosen.validation, "test": chosen.test if n_test is None else 0.0}
    if chosen.by == "time":
        split = splits.by_time(parse_time(frame, schema[chosen.column]), label, **sizes)
    elif chosen.by == "group":
        split = splits.by_group(frame[chosen.column], label, **sizes, seed=seed)
    else:
        split = splits.stratified(label, **sizes, seed=seed)
    if n_test is not None:
        split = split._replace(test=np.arange(len(label), len(label) + n_test))
    return split

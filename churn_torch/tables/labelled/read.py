"""Read the labelled table that a user named: into memory, or streamed where it is too large."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from churn_torch import samples
from churn_torch.errors import InputError, keyed
from churn_torch.tables.labelled.in_memory import read_into_memory
from churn_torch.tables.labelled.rows import LabelledTable
from churn_torch.tables.labelled.streamed import open_streamed
from churn_torch.tables.options import DataOptions
from churn_torch.tables.readers import free_memory, memory
from churn_torch.tables.readers.arrow import Announce
from churn_torch.tables.readers.frames import as_frame
from churn_torch.tables.readers.sources import unheard

# Errors that letters in the wrong encoding may have caused.
_COLUMN_NOT_THERE = re.compile(r"(data\.(target|id|weight|value|carry|ignore|kinds|split)|table)\b")
SAMPLE = "sample:"
# A table is read into memory up to this share of what is free: its raw rows, its parsed rows and
# the model's features are in memory together for a while.
MEMORY_SHARE = 0.25


def read_labelled(
    data: DataOptions,
    *,
    seed: int,
    source: Any = None,
    with_test: bool = True,
    inspected: bool = False,
    announce: Announce = unheard,
) -> LabelledTable:
    """Read the table that the options name.

    With ``streaming="auto"`` a table of files is streamed when its estimated size in memory
    (`churn_torch.tables.readers.memory`) is above ``MEMORY_SHARE`` of what is available.

    Args:
        data: What the user named.
        seed: Seed of the split.
        source: Takes the place of ``data.source``: also any table that `located` takes.
        with_test: Hold rows back for the test; without, the table must fit into memory.
        inspected: `LabelledTable.inspect` is going to be called, for which a streamed table keeps
            rows in its first pass.
        announce: Called with a sentence for each thing that was found and done in reading the
            files (`churn_torch.tables.readers.sources.read`).

    Raises:
        InputError: The source, a named column, the target or the split cannot be used.
    """
    heard: list[str] = []

    def say(sentence: str) -> None:
        heard.append(sentence)
        announce(sentence)

    try:
        return _read(
            data, seed=seed, source=source, with_test=with_test, inspected=inspected, announce=say
        )
    except InputError as error:
        guessed = next((sentence for sentence in heard if " is not UTF-8: " in sentence), None)
        if guessed and _COLUMN_NOT_THERE.match(str(error)):
            error.args = (f"{error} {guessed}",)
        raise


def _read(
    data: DataOptions,
    *,
    seed: int,
    source: Any,
    with_test: bool,
    inspected: bool,
    announce: Announce,
) -> LabelledTable:
    if data.source is None and source is None:
        raise InputError("data.source", expected="a table", got="nothing", fix="name one")
    main = located(data.source if source is None else source)
    test = None if data.test_source is None else located(data.test_source)
    if with_test and test is None and data.split.test == 0:
        raise InputError(
            "data.split.test",
            expected="a share above 0, or a data.test_source",
            got=str(data.split.test),
        )
    if not with_test:
        if _is_streamed(data, main):
            raise InputError(
                "data.streaming",
                expected="a table that fits into memory for a cross-validation",
                got="one that is streamed",
                fix="set data.streaming=false if it fits, or take one split (cv.folds=0)",
            )
        with keyed("data.source"):
            return read_into_memory(main, None, data, seed=seed, with_test=False, announce=announce)
    if data.duration is not None and _is_streamed(data, main, test):
        raise InputError(
            "data.streaming",
            expected="a table that fits into memory for a model of time to churn",
            got="one that is streamed",
            fix="set data.streaming=false if it fits, or take a sample of the rows",
        )
    with keyed("data.source"):
        if _is_streamed(data, main, test):
            return open_streamed(
                main, test, data, seed=seed, inspected=inspected, announce=announce
            )
        return read_into_memory(main, test, data, seed=seed, announce=announce)


def located(source: Any) -> Any:
    """Return the file of a shipped sample (``sample:telco``), a path or query as it stands.

    Every other table that Python code holds becomes a DataFrame (`as_frame`).

    Raises:
        InputError: It is no table.
    """
    if isinstance(source, str) and source.startswith(SAMPLE):
        return samples.path(source.removeprefix(SAMPLE))
    if isinstance(source, os.PathLike):
        return Path(source)
    return source if isinstance(source, str) else as_frame(source)


def _is_streamed(data: DataOptions, *given: Any) -> bool:
    if data.streaming != "auto":
        return data.streaming
    available = free_memory.available_bytes()
    sizes = (memory.estimated_bytes(s, data.reading) or 0 for s in given if s is not None)
    return available is not None and sum(sizes) > MEMORY_SHARE * available

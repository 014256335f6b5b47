"""Labels by the file that they come from, where a table is made of several files."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from churn_torch.errors import InputError
from churn_torch.tables.encode import parse_target
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers import sources
from churn_torch.tables.schema import Schema

# Files that are looked into, at most, and rows of each.
_FILES = 20
_ROWS = 1_000


class FileLabels(NamedTuple):
    """Labels of some rows of each file.

    Attributes:
        names: The files.
        file: ``[N]``, the file of each row.
        label: ``[N]`` of 1 and 0.
    """

    names: list[str]
    file: npt.NDArray[np.int64]
    label: npt.NDArray[np.float32]


def labels_by_file(
    source: sources.Source, reading: ReadOptions, schema: Schema
) -> FileLabels | None:
    """Return labels of each file of a table; None where there is one file, or none.

    Args:
        source: The table.
        reading: How it is read.
        schema: Names the target.
    """
    paths = sources.files(source, reading)
    if paths is None or len(paths) < 2:
        return None
    taken = np.unique(np.linspace(0, len(paths) - 1, _FILES).round().astype(int))
    names: list[str] = []
    files, labels = [], []
    for path in (paths[i] for i in taken):
        try:
            frame, _ = sources.read_sample(path, rows=_ROWS, reading=reading)
            label = parse_target(frame, schema)
        except (InputError, KeyError):
            # A file may have no rows, or labels of another type, or the name of a folder is the
            # target: alone it cannot be read as the table is.
            return None
        label = label[~np.isnan(label)]
        files.append(np.full(len(label), len(names)))
        labels.append(label)
        names.append(path.name)
    return FileLabels(names, np.concatenate(files), np.concatenate(labels).astype(np.float32))

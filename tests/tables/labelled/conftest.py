"""Options of a table from keys as on the command line, without composing a configuration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from churn_torch.tables.labelled.read import read_labelled
from churn_torch.tables.labelled.rows import LabelledTable
from churn_torch.tables.options import DataOptions
from churn_torch.workflows.configuration.typed_config import read_options


def _data_options(*keys: str) -> DataOptions:
    content: dict[str, Any] = {}
    for key in keys:
        path, _, value = key.partition("=")
        *groups, name = path.split(".")
        if groups[:1] != ["data"]:  # data=table, which says nothing more
            continue
        inner = content
        for group in groups[1:]:
            inner = inner.setdefault(group, {})
        inner[name] = yaml.safe_load(value)
    return read_options(DataOptions, content, "data.")


@pytest.fixture(scope="session")
def data_options() -> Callable[..., DataOptions]:
    """Return a function from overrides (``data.split.by=hash``) to the options of the table."""
    return _data_options


@pytest.fixture
def table_of(
    table_keys: tuple[str, ...], data_options: Callable[..., DataOptions]
) -> Callable[..., LabelledTable]:
    """Return a function that reads a source with the keys of `customers`, and others."""

    def read(source: pd.DataFrame | Path, *keys: str) -> LabelledTable:
        return read_labelled(
            data_options(*table_keys, *keys), seed=0, source=source, inspected=True
        )

    return read

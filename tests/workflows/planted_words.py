"""Words that a test has planted in a table, looked for in the files of a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

# Of the log of orders in tests/conftest.py: what only files of rows may hold of it, if any.
OF_EVENTS = {"id": "Numbat", "column that is not named": "Ocelot", "rare value": "Pangolin"}


def text_of(path: Path) -> str:
    """Return what can be read in a file."""
    if path.suffix == ".parquet":
        return pd.read_parquet(path).to_csv()
    return path.read_bytes().decode(errors="replace")


def kinds_in(text: str, words: Mapping[str, str]) -> set[str]:
    """Return the kinds whose word a text holds."""
    return {kind for kind, word in words.items() if word in text}


def found_in(folder: Path, words: Mapping[str, str]) -> dict[str, set[str]]:
    """Return the kinds of words in each file."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.name: kinds_in(text_of(path), words) for path in paths}

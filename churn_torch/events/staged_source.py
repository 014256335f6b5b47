"""A source after staging: its files by part, what was counted, and the relation that SQL reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from churn_torch.events.feature_sql import ID, TIME
from churn_torch.tables.readers.bounded_database import Database
from churn_torch.tables.sql_text import quoted, quoted_name

PART = "_part"


@dataclass(frozen=True)
class StagedSource:
    """A source that was read into Parquet files.

    Attributes:
        name: Of the log, or ``customers``.
        folder: Where its files are.
        parts: Into how many parts the customers are dealt.
        meaning: The user's column by the name of the staged one, for reading.
        rows: How many rows were read; those that the filter leaves out do not count.
        without_id: Rows without a customer. They are left out.
        without_time: Rows without a time. Events without one are left out.
        without_known: Rows that do not say when they were known. They are no features.
        first: The earliest time.
        last: The latest time.
        only_dates: All times are midnights.
        has_zone: The times came with a time zone.
        id_type: The SQL type of the id.
        has_known: The rows say when they were known.
        dates: Columns that hold dates, besides the time.
    """

    name: str
    folder: Path
    parts: int
    meaning: Mapping[str, str]
    rows: int
    without_id: int
    without_time: int
    without_known: int
    first: datetime | None
    last: datetime | None
    only_dates: bool
    has_zone: bool
    id_type: str
    has_known: bool
    dates: tuple[str, ...]
    is_log: bool = True

    def relation(self, part: int | None = None, id_type: str | None = None) -> str:
        """Return SQL for the rows that count: those with a customer, and events with a time.

        Args:
            part: Of the customers; None for all.
            id_type: The type of the id, where sources differ in it.
        """
        pattern, limit = self.folder / "**/*.parquet", ""
        if part is not None and self.parts > 1:
            pattern = self.folder / f"{PART}={part}/*.parquet"
            if not any(pattern.parent.glob("*.parquet")):
                pattern, limit = self.folder / "**/*.parquet", " LIMIT 0"
        cast = ""
        if id_type is not None and id_type != self.id_type:
            cast = f" REPLACE (CAST({ID} AS {id_type}) AS {ID})"
        timed = f" AND {TIME} IS NOT NULL" if self.is_log else ""
        return (
            f"(SELECT *{cast} FROM read_parquet({quoted(str(pattern))}, "
            f"hive_partitioning = false) WHERE {ID} IS NOT NULL{timed}{limit})"
        )


def common_id_type(staged: Mapping[str, StagedSource]) -> str:
    """Return the type of the id: whole numbers where every source has them, else text."""
    types = {one.id_type for one in staged.values()}
    return types.pop() if len(types) == 1 else "VARCHAR"


def make_views(database: Database, staged: Mapping[str, StagedSource], part: int) -> None:
    """Let the names of the sources stand for the rows of one part of the customers."""
    id_type = common_id_type(staged)
    for name, one in staged.items():
        database.rows(
            f"CREATE OR REPLACE TEMP VIEW {quoted_name(name)} AS "
            f"SELECT * FROM {one.relation(part, id_type)}"
        )


def views_in_words(staged: Mapping[str, StagedSource]) -> str:
    """Return comments in SQL that say what the relations of the queries hold."""
    lines = []
    for name, one in staged.items():
        columns = ", ".join(f"{theirs} = {ours}" for theirs, ours in one.meaning.items())
        lines.append(f"-- {name}: {columns}")
    return "\n".join(lines)

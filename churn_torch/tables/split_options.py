"""How the rows of a labelled table are split: the keys below ``data.split``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from churn_torch.errors import InputError, suggest

AUTO = "auto"  # data.split.column=auto: groups are found, not named
SPLITS = ("random", "hash", "time", "group")
TIME_AND_GROUP = {"time", "group"}
# Days of a unit that a label window may have.
_UNITS = {"d": 1.0, "w": 7.0, "h": 1 / 24}
# What people call the splits elsewhere.
_KNOWN_BY = {
    **dict.fromkeys(("date", "temporal", "chronological", "datetime"), "time"),
    **dict.fromkeys(("stratified", "stratify", "shuffle"), "random"),
    **dict.fromkeys(("id", "customer", "groups", "grouped"), "group"),
}
_WINDOW = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([dwh])?\s*")


@dataclass(frozen=True, kw_only=True)
class SplitOptions:
    """How rows are split into training, validation and test.

    Attributes:
        by: ``random`` (stratified; by hash where the table is streamed), ``hash`` (of the id, else
            the row number), ``time`` (oldest rows train), ``group`` (whole groups), or both
            ``time`` and ``group``: later rows of other groups are validated and tested on.
        column: The time or group column, two in the order of ``by`` where it names both; ``auto``
            groups rows of one id and copies of one row (`churn_torch.tables.labelled.twins`).
        validation: Share of the rows for early stopping, calibration and threshold.
        test: Share of the rows that are looked at once, at the end.
        test_from: With a split by time, the first time of the test rows, in place of the share of
            the rows: a date, or a number where the column holds numbers.
        horizon: With a split by time, how long after its time a row's label looks: ``37d``, or a
            number in the units of a column of numbers. Rows whose label reaches into the time of a
            later part are then in no part.
        censor: With a split by time of lifetimes, whether durations count from that time, in days:
            customers of an earlier part then count as observed up to the first time of a later one
            only.

    Raises:
        InputError: ``by`` is unknown, its column is not named, or a key needs a split by time.
    """

    by: str | Sequence[str] = "random"
    column: str | Sequence[str] | None = None
    validation: float = 0.15
    test: float = 0.15
    test_from: str | float | None = None
    horizon: str | float | None = None
    censor: bool = False

    def __post_init__(self) -> None:
        """Refuse an unknown way to split, or one that lacks its column."""
        names = self._names
        known = (len(names) == 1 and names[0] in SPLITS) or (
            len(names) == 2 and set(names) == TIME_AND_GROUP
        )
        if not known:
            wrong = [name for name in names if name not in SPLITS]
            raise InputError(
                "data.split.by",
                expected="random, hash, time or group, or [time,group]",
                got=f"{self.by!r}" + "".join(_suggest(name) for name in wrong[:1]),
            )
        n_columns = len(TIME_AND_GROUP & {*names})
        if n_columns and len(self._columns) != n_columns:
            two = n_columns == 2
            raise InputError(
                "data.split.column",
                expected="the two columns to split by, such as [cutoff,customer_id]"
                if two
                else f"the column to split by {names[0]}",
                got=", ".join(map(repr, self._columns)) or "nothing",
                fix="name them in the order of data.split.by"
                if two
                else "name it, or use data.split.by=random",
            )
        if n_columns == 2 and AUTO in self._columns:
            raise InputError(
                "data.split.column",
                expected="a column for each of data.split.by",
                got=repr(AUTO),
                fix="name the column that tells customers apart",
            )
        for key in ("test_from", "horizon", "censor"):
            if getattr(self, key) not in (None, False) and not self.by_time:
                raise InputError(
                    f"data.split.{key}",
                    expected="data.split.by=time or [time,group] beside it",
                    got=f"data.split.by={self.by}",
                    fix="leave it out, or split by time",
                )
        if isinstance(self.horizon, str) and not _WINDOW.fullmatch(self.horizon):
            raise InputError(
                "data.split.horizon",
                expected="a number of days, weeks or hours such as 37d, 5w or 12h",
                got=repr(self.horizon),
            )
        if isinstance(self.horizon, int | float) and self.horizon < 0:
            raise InputError("data.split.horizon", expected="0 or more", got=str(self.horizon))

    @property
    def _names(self) -> tuple[str, ...]:
        return (self.by,) if isinstance(self.by, str) else tuple(self.by)

    @property
    def _columns(self) -> tuple[str, ...]:
        if self.column is None:
            return ()
        return (self.column,) if isinstance(self.column, str) else tuple(self.column)

    def _column_of(self, by: str) -> str | None:
        """Return the split's column if the split is ``by`` it; such a column is no feature."""
        return dict(zip(self._names, self._columns, strict=False)).get(by)

    @property
    def by_time(self) -> bool:
        """Whether later rows are validated and tested on."""
        return "time" in self._names

    @property
    def by_group(self) -> bool:
        """Whether all rows of a group are in one part, or in none."""
        return "group" in self._names

    @property
    def time_column(self) -> str | None:
        """The column that orders the rows, of a split by time."""
        return self._column_of("time")

    @property
    def group_column(self) -> str | None:
        """The column that names the group of a row, of a split by group."""
        return None if self.groups_twins else self._column_of("group")

    @property
    def groups_twins(self) -> bool:
        """Whether the groups are rows of one id, and copies of one row."""
        return self.by_group and self._column_of("group") == AUTO

    def label_window(self, *, dated: bool) -> float:
        """Return how long after its time a row's label looks, in days or units of the time.

        Args:
            dated: Whether the time column holds dates.

        Raises:
            InputError: ``horizon`` has a unit of time, and the column holds plain numbers.
        """
        if self.horizon is None or not isinstance(self.horizon, str):
            return float(self.horizon or 0.0)
        match = _WINDOW.fullmatch(self.horizon)
        assert match is not None  # checked when the options were made
        number, unit = match.groups()
        if unit is not None and not dated:
            raise InputError(
                "data.split.horizon",
                expected=f"a plain number, as {self.time_column!r} holds numbers and no dates",
                got=repr(self.horizon),
            )
        return float(number) * _UNITS[unit or "d"]


def _suggest(name: str) -> str:
    return suggest(_KNOWN_BY.get(name.lower(), name), SPLITS)

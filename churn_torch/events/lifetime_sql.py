"""Lifetimes from a cut-off on as SQL: who left while they were followed, and on which day.

With ``label.event`` a customer leaves at its first event at or after the end of the gap. With
``label.none_of`` a customer leaves when it has been silent for ``label.within``: silence begins at
the end of the gap, and anew with each event. So who has left by the end of the label window is whom
a classifier's label calls churned (`churn_torch.events.row_sql`), for both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from churn_torch.errors import InputError
from churn_torch.events.feature_sql import ID, TIME, timestamp
from churn_torch.events.spans import length
from churn_torch.events.specification import EventSpecification
from churn_torch.events.specification_parts import Label
from churn_torch.tables.sql_text import quoted_name

DAY = timedelta(days=1)
_MICROS = DAY // timedelta(microseconds=1)


@dataclass(frozen=True)
class FollowUp:
    """How customers are followed from a cut-off on.

    Attributes:
        period: Days of a period. Customers are followed for whole periods: of a part of one it
            would be known who left in it, and not who stayed.
        most: Periods, at most.
    """

    period: int
    most: int

    def days(self, cutoff: datetime, end: datetime) -> int:
        """Return for how many days customers of a cut-off are followed in data up to ``end``."""
        return min((end - cutoff) // (self.period * DAY), self.most) * self.period


def check_whole_days(specification: EventSpecification) -> None:
    """Refuse a label window that is not of whole days, as lifetimes are counted in days.

    Raises:
        InputError: Naming the key.
    """
    for key in ("within", "gap"):
        span = getattr(specification.label, key)
        if length(span) % DAY:
            raise InputError(
                f"events.label.{key}",
                expected="whole days with model=survival, which says on which day customers leave",
                got=repr(span),
                fix="write it with d or w, or choose another model",
            )


def leaving_sql(label: Label, cutoff: datetime, days: int) -> tuple[str, str]:
    """Return the query of the day on which customers with events left, and that of all others.

    Days count from the cut-off, the first one being 1; it is NULL for who stayed.

    Args:
        label: Who has left.
        cutoff: The cut-off, in UTC.
        days: How long customers are followed.
    """
    begin, until = cutoff + length(label.gap), cutoff + days * DAY
    gap, within = length(label.gap) // DAY, length(label.within) // DAY
    inside = f"{TIME} >= {timestamp(begin)} AND {TIME} < {timestamp(until)}"
    events = "\nUNION ALL ".join(
        f"SELECT {ID}, {TIME} FROM {quoted_name(log)} WHERE {inside}" for log in label.logs
    )
    day = f"CAST((epoch_us({{}}) - epoch_us({timestamp(cutoff)})) // {_MICROS} + 1 AS BIGINT)"
    if label.event is not None:
        first = day.format(f"min({TIME})")
        return f"SELECT {ID}, {first} AS day FROM (\n{events}\n) GROUP BY {ID}", "NULL"
    at_once = str(gap + within)
    following = f"lead({TIME}, 1, {timestamp(until)}) OVER (PARTITION BY {ID} ORDER BY {TIME})"
    silent = f"{day.format(TIME)} + {within}"
    sql = (
        f"SELECT {ID}, CASE WHEN min({TIME}) >= {timestamp(begin + within * DAY)} THEN {at_once} "
        f"ELSE min({silent}) FILTER (following > {TIME} + INTERVAL {within} DAY) END AS day\n"
        f"FROM (SELECT *, {following} AS following FROM (\n{events}\n)) GROUP BY {ID}"
    )
    return sql, at_once if gap + within <= days else "NULL"

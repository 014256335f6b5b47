"""Times of the training rows as people read them; the rest is tested by what gives rows."""

from __future__ import annotations

import pytest

from churn_torch.tables.labelled.rows import TimeSpan, readable_span
from churn_torch.tables.schema import Column, Kind, Storage

NATIVE = Column("t", Kind.IGNORED, Storage.DATETIME)
TEXT = Column("t", Kind.IGNORED, Storage.TEXT, datetime_format="%d.%m.%Y")
NUMBER = Column("t", Kind.IGNORED, Storage.NUMBER)


@pytest.mark.parametrize(
    ("column", "first", "last", "expected"),
    [
        (NATIVE, 0.0, 18_628.0, ("1970-01-01", "2021-01-01")),
        (TEXT, -1.0, 18_628.5, ("1969-12-31", "2021-01-01T12:00:00+00:00")),
        # what float64 leaves of a time of day
        (NATIVE, 1 / 3, 18_628.5 - 1e-9,
         ("1970-01-01T08:00:00+00:00", "2021-01-01T12:00:00+00:00")),
        (NATIVE, 0.0, 1e9, ("1970-01-01", 1e9)),  # beyond the years that Python knows
        (NUMBER, 202_301.0, 202_312.5, (202_301, 202_312.5)),
    ],
)  # fmt: skip
def test_readable_span(column: Column, first: float, last: float, expected: TimeSpan):
    assert readable_span(first, last, column) == expected

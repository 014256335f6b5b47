"""Dates as people write them: which form a column has, and the days since 1970 that a date becomes.

A form is one text, which the schema stores as the column's ``datetime_format``: ``ISO``, a pattern
such as ``%d/%m/%Y``, or a name of our own (`QUARTER`, `WEEK`, those of numbers). In every form

- a time of day may follow (``14:30``, ``2:30:59.5 PM``), and a time zone after it; without one the
  time is UTC;
- ISO dates (``2024-01-31``) are read too, because they can mean one thing only;
- dates of zeros (``0000-00-00``) are missing.

No text is read by the clock: ``now`` and ``today`` are no dates.
"""

from churn_torch.tables.values.dates.choice import but_for, date_formats, looks_dated
from churn_torch.tables.values.dates.days import day_numbers
from churn_torch.tables.values.dates.forms import (
    COMPACT,
    COMPACT_MONTH,
    EPOCH_MS,
    EPOCH_S,
    EXCEL,
    ISO,
    QUARTER,
    WEEK,
    example,
    explanation,
    with_pivot,
)
from churn_torch.tables.values.dates.month_styles import example_like
from churn_torch.tables.values.dates.reading import read_dates, read_day
from churn_torch.tables.values.dates.serials import (
    DIGIT_FORMS,
    NUMBER_FORMS,
    day_of_number,
    number_formats,
    numbers_to_dates,
)
from churn_torch.tables.values.dates.zones import different_zones

__all__ = [
    "COMPACT",
    "COMPACT_MONTH",
    "DIGIT_FORMS",
    "EPOCH_MS",
    "EPOCH_S",
    "EXCEL",
    "ISO",
    "NUMBER_FORMS",
    "QUARTER",
    "WEEK",
    "but_for",
    "date_formats",
    "day_numbers",
    "day_of_number",
    "different_zones",
    "example",
    "example_like",
    "explanation",
    "looks_dated",
    "number_formats",
    "numbers_to_dates",
    "read_dates",
    "read_day",
    "with_pivot",
]

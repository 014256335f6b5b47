"""Which zones the times of a column of dates name."""

from __future__ import annotations

import pandas as pd
import pyarrow.compute as pc

from churn_torch.tables.values.dates.cleaning import cleaned
from churn_torch.tables.values.dates.forms import ZONE
from churn_torch.tables.values.dates.reading import zone_or_none

# The end of a time. Behind the zone may be a year (14:30:00 CET 2024) or the name of a place.
_END = (
    r"(?i):[0-9]{2}(?:[.,][0-9]{1,9})? ?(?:[ap]\.? ?m\.?)? ?"
    rf"(?P<z>{ZONE})?(?: [0-9]{{4}}|\[[a-z_/+-]+\])?$"
)


def different_zones(levels: pd.Series) -> list[str]:
    """Return a zone for each distance from UTC in the times of a column, as they are written.

    Args:
        levels: The distinct texts of the column. ``""`` stands for a time without a zone; a date
            without a time has none.
    """
    found = pc.extract_regex(cleaned(levels), _END).drop_null()
    zones = pc.unique(pc.struct_field(found, "z")).to_pylist()
    by_minutes = {zone_or_none(zone): zone for zone in sorted(zones, reverse=True)}
    return [by_minutes[minutes] for minutes in sorted(by_minutes)]

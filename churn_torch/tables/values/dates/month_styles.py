"""How a column writes dates with names of months, as a note shows it (31 janv. 2024)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from churn_torch.tables.values.dates.cleaning import clean
from churn_torch.tables.values.dates.forms import CTIME, example
from churn_torch.tables.values.dates.month_names import january
from churn_torch.tables.values.dates.reading import match_of

_ORDINAL = re.compile(r"^(?:st|nd|rd|th|er|[eoa°](?=[ -]))", re.IGNORECASE)


def example_like(texts: Iterable[str], form: str) -> str:
    """Return 31 January 2024 as texts of a column write it; no cell is repeated.

    Args:
        texts: Some cells of the column.
        form: The form that they have.
    """
    if "%b" not in form or form == CTIME:
        return example(form)
    matches = [match for text in texts if (match := match_of(clean(text), form))]
    if not matches:
        return example(form)
    name = january(match["b"] for match in matches)
    first = matches[0]["b"]
    name = name.upper() if first.isupper() else name.capitalize() if first[0].isupper() else name
    parts = {"d": "31", "b": name, "Y": "2024", "y": "24"}
    spans = sorted(
        (*matches[0].span(part), part) for part in parts if part in matches[0].groupdict()
    )
    written, end = "", spans[0][0]
    for start, stop, part in spans:
        between = matches[0].string[end:start]
        written += (_ORDINAL.sub("", between) if written == parts["d"] else between) + parts[part]
        end = stop
    return written

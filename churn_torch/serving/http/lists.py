"""Lists in JSON rows: the entries that a model reads, and what is wrong with others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from churn_torch.serving.http.request_error import RequestError
from churn_torch.tables.schema import SequenceGroup


def read_list(read: Callable[[Any], Any], last: int, value: Any) -> list[Any]:
    """Return the entries that the model reads, the last ones; null is an empty list.

    Args:
        read: Reads an entry, and raises ValueError where it cannot.
        last: Most entries.
        value: What was sent.

    Raises:
        ValueError: It is no list, or an entry cannot be read.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError
    return [read(entry) for entry in value[-last:]]


def check_lengths(row: Mapping[str, Any], group: SequenceGroup, place: int | None) -> None:
    """Refuse a row with lists of different lengths.

    Args:
        row: The row.
        group: The columns of lists.
        place: Where the row stands in ``rows``.

    Raises:
        RequestError: Naming two of the columns.
    """
    (first, length), *others = ((c.name, len(row[c.name] or ())) for c in group.columns)
    for name, other in others:
        if other != length:
            raise RequestError(
                expected=f"lists of the same length in the columns of {group.name}",
                got=f"{length} entries of {first!r} and {other} of {name!r}",
                fix="send null for an entry without a value",
                row=place,
                column=name,
            )


def unreadable_entry(value: Sequence[Any], read: Callable[[Any], Any]) -> tuple[Any, str]:
    """Return the first entry that cannot be read, and its place in words."""
    for position, entry in enumerate(value):
        try:
            read(entry)
        except ValueError:
            return entry, f" as entry {position + 1}"
    raise AssertionError("a list that could not be read can be read")

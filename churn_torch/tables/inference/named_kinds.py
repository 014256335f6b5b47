"""Columns of a kind that the user named, or the error that says why they cannot have it."""

from __future__ import annotations

from dataclasses import replace

from churn_torch.errors import InputError
from churn_torch.tables import cells, dates
from churn_torch.tables.inference.column_profile import ColumnProfile
from churn_torch.tables.inference.dated import date_column, number_dates, typed_dates
from churn_torch.tables.schema import Column, Kind, Storage


def named_kind(profile: ColumnProfile, kind: Kind) -> Column:
    """Return the column with the kind that the user named.

    Raises:
        InputError: The cells cannot be read as that kind.
    """
    if kind is Kind.IGNORED:
        return profile.as_column(kind, "left out: asked for")
    if kind is Kind.ID:
        return profile.as_column(kind, "names the row; not learned from")
    if profile.storage is None:
        raise _misfit(profile, kind, "nested values", "ignored")
    if profile.present == 0:
        return profile.as_column(Kind.IGNORED, "left out: empty")
    if kind is Kind.DATETIME:
        return _named_date(profile)
    if kind is Kind.CATEGORICAL:
        return profile.as_column(kind, "category: asked for")
    if profile.storage is Storage.DATETIME:
        raise _misfit(profile, kind, "dates", "datetime")
    if kind is Kind.BOOLEAN:
        if len(profile.levels) > 2:
            raise _misfit(profile, kind, f"{profile.n_distinct:,} different values", "categorical")
        return profile.as_column(kind, "yes/no: asked for")
    if profile.storage is Storage.TEXT:
        unreadable = cells.read_numbers(profile.levels)[1]
        if unreadable.any():
            first = profile.levels[unreadable].iloc[0]
            raise _misfit(profile, kind, repr(str(first)), "categorical")
        profile = replace(profile, storage=Storage.NUMBER)
    return profile.as_column(kind, "number: asked for")


def _named_date(profile: ColumnProfile) -> Column:
    if profile.storage is Storage.DATETIME:
        return typed_dates(profile)
    if profile.storage is Storage.NUMBER:
        formats = dates.number_formats(profile.levels)
        if formats:
            return number_dates(profile, formats[0])
        first = cells.canonical_text(profile.levels).iloc[0]
        raise _misfit(profile, Kind.DATETIME, repr(str(first)), "numeric")
    formats, unread = dates.but_for(profile.levels, few=len(profile.levels), asked=True)
    if formats and not unread:
        return date_column(profile, formats)
    first = unread[0] if unread else profile.levels.iloc[0]
    raise _misfit(profile, Kind.DATETIME, repr(str(first)), "categorical")


def _misfit(profile: ColumnProfile, kind: Kind, got: str, other: str) -> InputError:
    return InputError(
        f"column {profile.name!r}",
        expected=f"{'yes/no' if kind is Kind.BOOLEAN else kind} values",
        got=got,
        fix=f"correct the values or set data.kinds.{profile.name}={other}",
    )

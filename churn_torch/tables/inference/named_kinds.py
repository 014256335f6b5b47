"""Columns of a kind that the user named, or the error that says why they cannot have it."""

from __future__ import annotations

from churn_torch.errors import InputError
from churn_torch.tables.inference.column_profile import ColumnProfile
from churn_torch.tables.inference.dated import DATE_NOTE, as_dates, number_dates
from churn_torch.tables.inference.formatted_numbers import as_numbers, written_numbers
from churn_torch.tables.inference.identifiers import repeated_note
from churn_torch.tables.inference.yes_no import yes_no
from churn_torch.tables.schema import Column, Kind, Storage
from churn_torch.tables.values import cells, dates

ID_NOTE = "names the row; not learned from"


def named_kind(profile: ColumnProfile, kind: Kind) -> Column:
    """Return the column with the kind that the user named.

    Raises:
        InputError: The cells cannot be read as that kind.
    """
    if kind is Kind.IGNORED:
        return profile.as_column(kind, "left out: asked for")
    if kind is Kind.ID:
        return profile.as_column(kind, f"{ID_NOTE}{repeated_note(profile)}")
    if profile.storage is None:
        raise _misfit(profile, kind, profile.other_cells, "ignored")
    if profile.present == 0:
        return profile.as_column(Kind.IGNORED, "left out: empty")
    if kind is Kind.DATETIME:
        return _named_date(profile)
    if kind is Kind.CATEGORICAL:
        return profile.as_column(kind, "category: asked for")
    if profile.storage is Storage.DATETIME:
        raise _misfit(profile, kind, "dates", "datetime")
    if kind is Kind.BOOLEAN:
        answers = yes_no(profile) if profile.storage is Storage.TEXT else None
        if answers is not None:
            return answers
        if len(profile.levels) > 2:
            profile = written_numbers(profile)  # 0, 1 and a word for missing
        if len(profile.levels) > 2:
            raise _misfit(profile, kind, f"{profile.n_distinct:,} different values", "categorical")
        return profile.as_column(kind, "yes/no: asked for")
    if profile.storage is Storage.TEXT:
        profile = _named_number(profile)
    return profile.as_column(kind, "number: asked for")


def _named_number(profile: ColumnProfile) -> ColumnProfile:
    """Return a column of text as numbers; a few other texts count as missing."""
    found = as_numbers(profile, asked=True)
    if found.profile is not None:
        return found.profile
    share = f"{found.unreadable_rows:,} of {profile.present:,} cells"
    got = f"{found.unreadable!r} and the like in {share}{found.why_not}"
    words = f"name words for missing in data.missing.{profile.name}=[...]"
    raise _misfit(profile, Kind.NUMERIC, got, "categorical", also=words)


def _named_date(profile: ColumnProfile) -> Column:
    if profile.storage is Storage.DATETIME:
        return profile.as_column(Kind.DATETIME, DATE_NOTE)
    if profile.storage is Storage.NUMBER:
        formats = dates.number_formats(profile.levels)
        if formats:
            return number_dates(profile, formats[0])
        first = cells.canonical_text(profile.levels).iloc[0]
        raise _misfit(profile, Kind.DATETIME, repr(str(first)), "numeric")
    found = as_dates(profile, asked=True)
    if found.column is not None:
        return found.column
    words = f"name words for missing in data.missing.{profile.name}=[...]"
    raise _misfit(profile, Kind.DATETIME, repr(found.unreadable), "categorical", also=words)


def _misfit(profile: ColumnProfile, kind: Kind, got: str, other: str, also: str = "") -> InputError:
    return InputError(
        f"column {profile.name!r}",
        expected=f"{'yes/no' if kind is Kind.BOOLEAN else kind} values",
        got=got,
        fix=f"correct the values{f', {also}' if also else ''} or set "
        f"data.kinds.{profile.name}={other}",
    )

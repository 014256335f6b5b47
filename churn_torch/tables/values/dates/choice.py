"""Which form the dates of a column have: decided by all of its distinct texts."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from churn_torch.tables.values.dates.cleaning import is_nothing
from churn_torch.tables.values.dates.days import Parts, moments
from churn_torch.tables.values.dates.forms import COMPACT, COMPACT_MONTH, DAY_FIRST, FORMS, ISO
from churn_torch.tables.values.dates.reading import fits, read_strictly

# Most columns are no dates, which so many of their values show.
_FIRST_LOOK = 100
_FIGURE = re.compile(r"\d")
# More unreadable texts than this are not looked at: they are too many in any case.
_UNREAD = 1_000
# Forms without a day look like other things, such as codes: their years must be of our time.
_YEARS = (1900, 2100)
_WITHOUT_DAY = frozenset(form for form in (*FORMS, COMPACT_MONTH) if "%d" not in form) - {ISO}


def date_formats(levels: pd.Series, *, asked: bool = False) -> list[str]:
    """List the forms in which every one of the distinct texts is a date, the best one first.

    Args:
        levels: The texts; words for no date are left out of account.
        asked: Whether the user says that they are dates: then 20240131 is one too.
    """
    return but_for(levels, few=0, asked=asked)[0]


def but_for(levels: pd.Series, *, few: int, asked: bool = False) -> tuple[list[str], list[str]]:
    """Return the forms in which all distinct texts but a few are dates, and these few.

    Args:
        levels: The texts; words for no date are left out of account.
        few: How many may be no dates.
        asked: As for `date_formats`.
    """
    head = [str(text) for text in levels.head(_FIRST_LOOK)]
    forms = _promising(head, few, (COMPACT, COMPACT_MONTH) if asked else ())
    if not forms:
        return [], []
    unread: dict[str, list[str]] = {}
    for form in forms:
        micros, good = read_strictly(levels, form)
        if form in _WITHOUT_DAY and not _are_recent(micros[good]):
            continue
        bad = levels[~good].head(_UNREAD)
        unread[form] = [str(text) for text in bad if not is_nothing(str(text))]
        if form == ISO and not unread[form]:
            return [ISO], []
    least = min(map(len, unread.values()), default=few + 1)
    if least > few:
        return [], []
    fitting = _ordered([form for form in unread if len(unread[form]) == least], levels)
    return fitting, unread[fitting[0]]


def _promising(texts: Iterable[str], few: int, more: tuple[str, ...]) -> list[str]:
    """Return the forms that the texts fit, all but a few."""
    left = dict.fromkeys((*FORMS, *more), few)
    any_date = False
    for text in texts:
        if not _FIGURE.search(text) or is_nothing(text):
            if not is_nothing(text):
                left = {form: n - 1 for form, n in left.items() if n}
        else:
            fitting = {form: fits(text, form) for form in left}
            any_date |= any(fitting.values())
            left = {form: n - (not fitting[form]) for form, n in left.items() if n or fitting[form]}
        if not left:
            return []
    return list(left) if any_date else []


def _are_recent(micros: np.ndarray) -> bool:
    low, high = moments(Parts(np.array(_YEARS)))[0]
    return len(micros) > 0 and bool(micros.min() >= low and micros.max() < high)


def _ordered(forms: list[str], levels: pd.Series) -> list[str]:
    """Leave out what is no alternative, and put the form of short years first if they vary less."""
    if ISO in forms:
        return [ISO]
    forms = [form for form in forms if DAY_FIRST.get(form) not in forms]
    for form in forms[1:]:
        if form.startswith("%y"):
            parts = levels.str.extract(r"^\s*(\d{2})\D+\d{1,2}\D+(\d{2})")
            first, last = parts.nunique()
            if 2 * first <= last:
                return [form, *(other for other in forms if other != form)]
    return forms


def looks_dated(text: str) -> bool:
    """Tell whether a text is a date in some form."""
    return _FIGURE.search(text) is not None and any(fits(text, form) for form in FORMS)

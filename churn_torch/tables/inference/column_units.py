"""The units of a column: which there are, and the one that all its numbers are read in."""

from __future__ import annotations

import numpy as np

from churn_torch.tables.inference.column_profile import Counts
from churn_torch.tables.values.number_formats import Parts
from churn_torch.tables.values.number_units import MONEY, Affix, conversion, same_unit, scale_of


def different_units(parts: Parts, counts: Counts) -> list[str]:
    """Return the different units of a column, as they are spelled, most frequent first."""
    rows = rows_by_affix(parts, counts)
    total = sum(rows.values())
    spelled: dict[str, str] = {}
    for affix, n_rows in sorted(rows.items(), key=lambda item: -item[1]):
        unknown_and_rare = not affix.known and n_rows < 0.02 * total
        if not affix.unit or unknown_and_rare:
            continue
        if not any(_is_same(affix, one) for one in spelled):
            spelled[affix.unit] = affix.spelled
    return list(spelled.values())


def _is_same(affix: Affix, unit: str) -> bool:
    """Tell whether a unit is another one, can be converted to it, or is a form of its word."""
    if affix.known:
        return not np.isnan(conversion(affix.unit, unit))
    return affix.unit == unit or same_unit(affix.unit, unit)


def n_without_unit(parts: Parts, counts: Counts) -> int:
    """Count the numbers that have no unit."""
    return sum(n for affix, n in rows_by_affix(parts, counts).items() if not affix.unit)


def converted_units(parts: Parts, counts: Counts, unit: str) -> dict[str, str]:
    """Return the units of a column that are converted to its own, as they are spelled."""
    rows = rows_by_affix(parts, counts)
    others = [affix for affix in rows if affix.known and affix.unit not in ("", unit)]
    return {
        affix.unit: affix.spelled for affix in others if not np.isnan(conversion(affix.unit, unit))
    }


def common_unit(parts: Parts, counts: Counts) -> tuple[str | None, list[str]]:
    """Return the unit that all numbers have or are converted to, and all spellings.

    Where some count thousands or millions and others do not, that is 1 or the currency alone. None
    where there is a word that we do not know, and not behind nearly every number.
    """
    rows = rows_by_affix(parts, counts)
    ordered = sorted((affix for affix in rows if affix.unit), key=lambda affix: -rows[affix])
    if not ordered:
        return "", []
    known = any(affix.known for affix in ordered)
    if not known and sum(rows[affix] for affix in ordered) < 0.95 * sum(rows.values()):
        return None, []
    unit, spelled = ordered[0].unit, list(dict.fromkeys(affix.spelled for affix in ordered))
    family = scale_of(unit)[0]
    counts_more = any(scale_of(affix.unit)[1] > 1 for affix in ordered)
    several = len({affix.unit for affix in ordered if affix.known}) > 1 or n_without_unit(
        parts, counts
    )
    if counts_more and several and (not family or family in MONEY.values()):
        return family, spelled
    return unit, spelled


def rows_by_affix(parts: Parts, counts: Counts) -> dict[Affix, int]:
    """Count the rows of each text around digits; cells that are no numbers do not count."""
    totals = np.bincount(parts.codes % len(parts.affixes), counts, minlength=len(parts.affixes))
    found: dict[Affix, int] = {}
    for affix, n_rows in zip(parts.affixes, totals, strict=True):
        if affix is not None and n_rows:
            found[affix] = found.get(affix, 0) + int(n_rows)
    return found

"""Preprocessing again, cell by cell in plain Python: slow, and independent of the package's code.

Of the package only the schema is used, to tell what a column is.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise

import pandas as pd

from churn_torch.tables.schema import Kind, Schema

PARTS = (
    "time of year (sine)",
    "time of year (cosine)",
    "weekday (sine)",
    "weekday (cosine)",
    "time of day (sine)",
    "time of day (cosine)",
    "day of month",
)


def calendar_row(days: float) -> list[float]:
    """Calendar parts of one instant, given as days since 1970-01-01."""
    whole = math.floor(days)
    day = date(1970, 1, 1).toordinal() + whole
    # The calendar repeats every 400 years, weekdays included; year 1 has no March before it.
    when = date.fromordinal(day + 146_097 if day < 1000 else day)
    march = date(when.year - (when.month < 3), 3, 1)
    circles = (*_circle((when - march) / timedelta(days=366)), *_circle(when.weekday() / 7))
    return [*circles, *_circle(days - whole), (when.day - 1) / 30]


def _circle(turn: float) -> tuple[float, float]:
    return math.sin(2 * math.pi * turn), math.cos(2 * math.pi * turn)


def quantile(values: Sequence[float], share: float) -> float:
    """Linear interpolation between order statistics."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def features(
    train: pd.DataFrame,
    rows: pd.DataFrame,
    schema: Schema,
    *,
    outliers: str = "auto",
    quantiles: tuple[float, float] = (0.01, 0.99),
    scaling: str = "standard",
    min_count: int = 5,
    max_categories: int = 256,
    bins: int = 0,
) -> dict[str, list[float]]:
    """Model-space features of parsed rows by name, learned from the parsed training rows."""
    made: dict[str, list[float]] = {}
    for column in schema.features:
        name = column.name
        learned, asked = list(train[name]), list(rows[name])
        if schema.is_text(column):
            made |= _text(name, learned, asked, min_count, max_categories)
            continue
        present = [x for x in learned if not math.isnan(x)]
        fill = statistics.median(present) if present else 0.0
        filled = [fill if math.isnan(x) else x for x in learned]
        low, high = _limits(present, outliers, quantiles)
        center, scale = _scale([min(max(x, low), high) for x in filled], scaling)

        def scaled(
            x: float,
            fill: float = fill,
            ends: tuple[float, float] = (low, high),
            center: float = center,
            scale: float = scale,
        ) -> float:
            z = (min(max(x if math.isfinite(x) else fill, ends[0]), ends[1]) - center) / scale
            return z / math.sqrt(1 + (z / 3) ** 2) if scaling == "robust" else z

        made[name] = [scaled(x) if present else 0.0 for x in asked]
        edges = _edges([scaled(x) for x in present], bins)
        for i, (start, end) in enumerate(pairwise(edges), start=1):
            pieces = [
                [min(max((scaled(x) - start) / (end - start), 0.0), 1.0) for x in rows]
                for rows in (learned, asked)
            ]
            mean = statistics.fmean(pieces[0])
            made[f"{name} piece {i} of {len(edges) - 1}"] = [value - mean for value in pieces[1]]
        if len(present) < len(learned):
            share = 1 - len(present) / len(learned)
            made[f"{name} is missing"] = [float(not math.isfinite(x)) - share for x in asked]
        if column.kind is Kind.DATETIME:
            table = [calendar_row(x) for x in filled]
            for i, part in enumerate(PARTS):
                mean = statistics.fmean(row[i] for row in table)
                made[f"{name} {part}"] = [
                    calendar_row(x if math.isfinite(x) else fill)[i] - mean for x in asked
                ]
    return made


def _edges(present: list[float], bins: int) -> list[float]:
    """Edges of the bins: all values where there are few, else quantiles; none for two values."""
    edges = sorted(set(present))
    if not bins or not edges:
        return []
    if len(edges) > bins + 1:
        edges = sorted({quantile(present, i / bins) for i in range(bins + 1)})
    apart = edges[:1]
    for edge in edges[1:]:
        if edge - apart[-1] >= 1e-3:
            apart.append(edge)
    return apart if len(apart) > 2 else []


def _limits(
    present: list[float], outliers: str, quantiles: tuple[float, float]
) -> tuple[float, float]:
    if not present:
        return 0.0, 0.0
    if outliers == "quantile":
        return quantile(present, quantiles[0]), quantile(present, quantiles[1])
    low, high = min(present), max(present)
    ends = _tails(present) if outliers == "auto" else (None, None)
    low, high = (low if ends[0] is None else ends[0]), (high if ends[1] is None else ends[1])
    span = high - low
    return low - span * (ends[0] is None), high + span * (ends[1] is None)


def _tails(present: list[float]) -> tuple[float | None, float | None]:
    """Limits of a column with a value a thousand times as far from the median as 99.9 %."""
    middle = statistics.median(present)
    away = sorted(abs(x - middle) for x in present)
    usual = away[int(0.999 * (len(away) - 1))] if len(away) > 1 else 0.0
    if not usual:
        away = [x for x in away if x]
        usual = away[int(0.999 * (len(away) - 1))] if len(away) > 1 else 0.0
    if not usual:
        return None, None
    return (
        middle - usual if middle - min(present) >= 1000 * usual else None,
        middle + usual if max(present) - middle >= 1000 * usual else None,
    )


def _scale(values: list[float], scaling: str) -> tuple[float, float]:
    if scaling == "robust":
        center = quantile(values, 0.5)
        scale, span = quantile(values, 0.75) - quantile(values, 0.25), max(values) - min(values)
        scale = scale if scale > 1e-15 * span else span / 2
    else:
        center, scale = statistics.fmean(values), statistics.pstdev(values)
    return center, scale if len(set(values)) > 1 else 1.0


def _text(
    name: str, learned: list[str], asked: list[str], min_count: int, max_categories: int
) -> dict[str, list[float]]:
    counts = Counter(learned)
    n_missing = counts.pop("", 0)
    frequent = [text for text, count in counts.items() if count >= min_count]
    kept = sorted(frequent, key=lambda text: (-counts[text], text))[:max_categories]
    n_rare = sum(count for text, count in counts.items() if text not in kept)
    groups: dict[str, int] = {}
    if n_missing:
        groups[f"{name} is missing"] = n_missing
    if n_rare:
        groups[f"{name} is unseen or rare"] = n_rare
    groups |= {f"{name} = {text}": counts[text] for text in sorted(kept)}
    made: dict[str, list[float]] = {group: [] for group in groups}
    for text in asked:
        if text == "":
            mine = f"{name} is missing"
        else:
            mine = f"{name} = {text}" if text in kept else f"{name} is unseen or rare"
        for group, count in groups.items():
            # A group that no training row was in says nothing.
            known = mine in groups
            made[group].append((mine == group) - count / len(learned) if known else 0.0)
    return made

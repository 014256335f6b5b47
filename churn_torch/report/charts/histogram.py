"""A histogram as inline SVG: the share of the rows in each bin, of up to two groups of rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from churn_torch.report.charts.chart_parts import (
    ROOM,
    behind,
    ends,
    figure,
    legend,
    nothing,
    path,
    plot,
)
from churn_torch.report.charts.scales import UNITS, Axis
from churn_torch.report.pages.html_table import html_table

_KINDS = ("main", "second")


def histogram(
    title: str,
    description: str,
    x: Axis,
    edges: Sequence[float],
    series: Sequence[tuple[str, Sequence[float]]],
) -> str:
    """Draw the share of the rows in each bin.

    Args:
        title: What it shows; text, not HTML.
        description: What can be seen in it, in a sentence or two.
        x: The horizontal axis.
        edges: Ends of the bins, ascending: one more than there are bins.
        series: Up to two names with the share of their rows in each bin.
    """
    bins = list(pairwise(edges))
    shares = [share for _, parts in series for share in parts]
    if not bins or not shares or not all(map(math.isfinite, [*edges, *shares])):
        return nothing(title, description)
    if len(series) > len(_KINDS):
        raise ValueError(f"{title}: {len(series)} series, at most {len(_KINDS)}")
    y = Axis("Share of the rows", _percent, include_zero=True, exact="{:.2%}".format)
    scales = x.scale(edges), y.scale(shares, ROOM)
    paths = []
    for kind, (_, parts) in zip(_KINDS, series, strict=False):
        heights = [scales[1].y(part) for part in parts]
        steps = "".join(
            f"V{height}H{scales[0].x(high)}"
            for height, (_, high) in zip(heights, bins, strict=True)
        )
        outline = f"M{scales[0].x(edges[0])} {UNITS}{steps}V{UNITS}"
        paths += [path(f"area {kind}", f"{outline}Z"), path(f"line {kind}", outline)]
    rows = [
        [ends(low, high, x.said), *(y.said(parts[place]) for _, parts in series)]
        for place, (low, high) in enumerate(bins)
    ]
    at = [f'data-at="{scales[0].x((low + high) / 2)}"' for low, high in bins]
    names = [name for name, _ in series]
    keys = list(zip(_KINDS, names, strict=False)) if len(series) > 1 else []
    return figure(
        title,
        description,
        f"{legend(keys)}{plot(title, description, (x, y), scales, paths)}"
        f"{behind(html_table(title, [x.label, *names], rows, row_attributes=at))}",
    )


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"

"""What drives churn, as tables for the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from rich.table import Table
from rich.text import Text

from churn_torch.report.formats import p_value

if TYPE_CHECKING:
    from churn_torch.explanation.accumulated_effects import EffectCurve, PairEffect
    from churn_torch.explanation.associations import Association
    from churn_torch.explanation.importance import Importance

# Lines of a table, at most.
SHOWN = 15
# Of more numbers the lowest and the highest are left out, which are those of single rows.
MANY = 10
# Pairs that move the odds by less, by their standard deviation, are not named.
SMALLEST_STRENGTH = math.log(1.02)


def importance_table(found: Sequence[Importance]) -> Table:
    """Lay out how much the model needs each column, or group of columns."""
    table = Table(
        title="Importance: what the model loses where the cells of a column are permuted",
        title_justify="left",
        caption=_caption(
            len(found), "95 % intervals over the rows; reason: mean absolute, in log-odds"
        ),
    )
    table.add_column("column", overflow="fold")
    for heading in ("rise of log-loss", "fall of AUROC", "reason"):
        table.add_column(heading, justify="right")
    for one in found[:SHOWN]:
        table.add_row(
            Text(" + ".join(one.columns)),
            f"{one.log_loss_rise:.4f} [{one.low:.4f} to {one.high:.4f}]",
            f"{one.auroc_fall:.4f}",
            f"{one.mean_reason:.2f} [{one.reason_low:.2f} to {one.reason_high:.2f}]",
        )
    return table


def effects_table(curves: Sequence[EffectCurve]) -> Table:
    """Lay out where each column raises and lowers the odds of churn most."""
    table = Table(
        title="Effects: by how much a cell multiplies the odds of churn, against the mean row",
        title_justify="left",
        caption=_caption(
            len(curves),
            "accumulated local effects, with 95 % intervals over the rows; numbers of many "
            "values without their extremes",
        ),
    )
    table.add_column("column", overflow="fold")
    table.add_column("most churn", overflow="fold")
    table.add_column("least churn", overflow="fold")
    for curve in curves[:SHOWN]:
        points = _points(curve)
        # The cells that are high and low beyond doubt, not those of a few rows.
        ends = (max(points, key=lambda one: one.low), min(points, key=lambda one: one.high))
        table.add_row(Text(curve.column), *(Text(one.in_words()) for one in ends))
    return table


def pairs_table(pairs: Sequence[PairEffect]) -> Table | str:
    """Lay out what pairs of columns do beyond their two effects; or say that none does much."""
    rows = pairs_rows(pairs)
    if not rows:
        return (
            "No pair of the columns of the largest effects does much beyond the effects of the two."
        )
    table = Table(
        title="Pairs: what two columns do beyond their own effects",
        title_justify="left",
        caption="strength: standard deviation in log-odds; of the columns of the largest effects",
    )
    table.add_column("columns", overflow="fold")
    table.add_column("strength", justify="right")
    table.add_column("raises the odds most", overflow="fold")
    table.add_column("lowers them most", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def pairs_rows(pairs: Sequence[PairEffect]) -> list[tuple[str, str, str, str]]:
    """Return for each pair that does something its columns, its strength and its extremes."""
    rows = []
    for pair in pairs:
        if pair.strength < SMALLEST_STRENGTH:
            continue
        effect, has_rows = np.array(pair.effect), np.array(pair.n_rows) > 0
        most = int(np.where(has_rows, effect, -np.inf).argmax())
        least = int(np.where(has_rows, effect, np.inf).argmin())
        name = " x ".join(pair.columns)
        rows.append((name, f"{pair.strength:.3f}", _cell(pair, most), _cell(pair, least)))
    return rows


def associations_table(found: Sequence[Association]) -> Table:
    """Lay out how strongly each column goes along with churn, whatever the model."""
    table = Table(
        title="Association with churn of each column alone, whatever the model",
        title_justify="left",
        caption=_caption(len(found), "numbers in ten bins; bits less what chance would give"),
    )
    table.add_column("column", overflow="fold")
    table.add_column("mutual information (bits)", justify="right")
    table.add_column("p-value (chi-square)", justify="right")
    for name, *numbers in associations_rows(found):
        table.add_row(Text(name), *numbers)
    return table


def associations_rows(found: Sequence[Association]) -> list[tuple[str, str, str]]:
    """Return the strongest associations as text: column, mutual information and p-value."""
    return [
        (one.column, f"{one.mutual_information:.4f}", p_value(one.chi2_p_value))
        for one in found[:SHOWN]
    ]


def _caption(n: int, note: str) -> str:
    return f"{note}; the first {SHOWN} of {n} columns" if n > SHOWN else note


class _Point(NamedTuple):
    """A cell and its effect in log-odds."""

    cell: str
    effect: float
    low: float
    high: float

    def in_words(self) -> str:
        effect, low, high = map(math.exp, self[1:])
        return f"{self.cell}: x {effect:.2f} [{low:.2f} to {high:.2f}]"


def _points(curve: EffectCurve) -> list[_Point]:
    """Return the points of a curve, of many numbers or dates those between the extremes."""
    lines = zip(map(_words, curve.at), curve.effect, curve.low, curve.high, strict=True)
    points = [_Point(*line) for line in lines]
    if curve.kind in ("number", "date") and len(points) > MANY:
        points = points[1:-1]
    return points if curve.missing is None else [*points, _Point("missing", *curve.missing)]


def _cell(pair: PairEffect, flat: int) -> str:
    i, j = divmod(flat, len(pair.second_at))
    odds = math.exp(pair.effect[i][j])
    return f"{_words(pair.first_at[i])}, {_words(pair.second_at[j])}: x {odds:.2f}"


def _words(cell: float | str) -> str:
    return cell if isinstance(cell, str) else f"{cell:.6g}"

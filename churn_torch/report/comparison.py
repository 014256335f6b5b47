"""A comparison of runs for the terminal: what is sure, in sentences, and tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from churn_torch.report.formats import listed
from churn_torch.report.metrics import LINES

if TYPE_CHECKING:
    from churn_torch.evaluation.comparison import Comparison, PairedDifference

LABELS = {key: label for key, label, _ in LINES}
LABELS |= {"profit": "profit a customer", "c_index": "C-index"}
DIGITS = {"lift_at_10": 2, "profit": 2}
# With more runs the terminal shows the differences of one metric only.
MOST_RUNS = 4


def comparison_sentences(found: Comparison) -> Iterator[str]:
    """Yield what a comparison found, the most important first."""
    on = f" on {found.measured_on}"
    if len(found.names) == 2:
        verdict = found.differences[found.metric][0].verdict
        yield f"{verdict[:1].upper()}{verdict[1:]}{on}."
    else:
        yield _best_sentence(found.to_best[found.metric], found, on)
        yield (
            "The best was found on these rows, so its value is a little too good; the intervals "
            "allow for that, as they hold for all pairs of runs at once."
        )
    yield from found.notes


def _best_sentence(pairs: Sequence[PairedDifference], found: Comparison, on: str) -> str:
    best = found.names[found.best_first()[0]]
    real = [one.first for one in pairs if one.is_real]
    alike = [one.first for one in pairs if not one.is_real]
    start = f"By {LABELS[found.metric]} {best} is the best of {len(found.names)} runs{on}"
    if not alike:
        return f"{start}, and really better than each of the others."
    if not real:
        return f"{start}, but there is no real difference between it and any other."
    return f"{start}: better than {listed(real)}; no real difference between it and " + (
        f"{listed(alike)}."
    )


def comparison_tables(found: Comparison) -> Iterator[Table]:
    """Yield a table of the metrics of the runs, best first, and one of their differences."""
    values = Table(caption=f"best {LABELS[found.metric]} first; on {found.measured_on}")
    values.add_column("run", overflow="fold")
    for metric in found.values:
        values.add_column(LABELS[metric], justify="right")
    for position in found.best_first():
        cells = (f"{each[position]:.{_digits(m)}f}" for m, each in found.values.items())
        values.add_row(Text(found.names[position]), *cells)
    yield values
    yield _differences(found)


def _differences(found: Comparison) -> Table:
    metrics = list(found.values) if len(found.names) <= MOST_RUNS else [found.metric]
    notes = [
        "* a real difference",
        "in brackets: intervals of 95 %, which hold for all runs of a column at once",
    ]
    if len(metrics) < len(found.values):
        notes.append("out=FILE.csv has the other metrics")
    table = Table(caption="; ".join(notes))
    table.add_column("metric")
    table.add_column("run", overflow="fold")
    table.add_column(Text(f"minus {found.names[0]}"), justify="right")
    if found.to_best:
        table.add_column("minus the best", justify="right")
    for metric in metrics:
        to_first = {one.first: one for one in found.differences[metric]}
        to_best = {one.first: one for one in found.to_best.get(metric, ())}
        for number, position in enumerate(found.best_first(metric)):
            name = found.names[position]
            if position == 0 and not found.to_best:
                continue
            cells = [_cell(to_first.get(name), metric)]
            if found.to_best:
                cells.append(_cell(to_best.get(name), metric, "the best"))
            label = LABELS[metric] if number == 0 or len(found.names) == 2 else ""
            table.add_row(label, Text(name), *cells)
    return table


def _cell(one: PairedDifference | None, metric: str, itself: str = "") -> Text:
    if one is None:
        return Text(itself)
    digits = _digits(metric)
    low, high = (f"{end:+.{digits}f}" for end in (one.low, one.high))
    mark = " *" if one.is_real else ""
    return Text(f"{one.difference:+.{digits}f} [{low} to {high}]{mark}")


def _digits(metric: str) -> int:
    return DIGITS.get(metric, 4)

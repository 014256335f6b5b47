"""The jobs of a sweep, ranked, as a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from churn_torch.errors import InputError, suggest
from churn_torch.report.formats import score

LOWER_IS_BETTER = frozenset({"log_loss", "brier", "ece"})


def ranked(rows: Iterable[Mapping[str, Any]], sort_by: str = "log_loss") -> list[Mapping[str, Any]]:
    """Sort the jobs of a sweep by a validation metric, best first and failed ones last.

    Args:
        rows: One mapping for each job, with ``job`` (number), ``overrides`` (text), ``status``
            (``"ok"``, or anything else when it failed), ``error`` (text, when it failed) and
            metrics named ``validation_auroc``, ``test_auroc`` and so on.
        sort_by: A metric of ``SplitMetrics.evaluate``, without its split.

    Raises:
        InputError: No job that finished has that metric.
    """
    rows = list(rows)
    key = f"validation_{sort_by}"
    finished = [row for row in rows if row["status"] == "ok"]
    if finished and not any(key in row for row in finished):
        prefix = "validation_"
        names = {name for row in finished for name in row if name.startswith(prefix)}
        known = sorted(name.removeprefix(prefix) for name in names)
        raise InputError(
            "sort_by",
            expected=f"one of {', '.join(known)}",
            got=f"{sort_by!r}{suggest(sort_by, known)}",
        )

    def rank(row: Mapping[str, Any]) -> tuple[bool, bool, float, int]:
        value = float(row.get(key, math.nan))
        badness = value if sort_by in LOWER_IS_BETTER else -value
        unknown = math.isnan(value)
        return row["status"] != "ok", unknown, 0.0 if unknown else badness, row["job"]

    return sorted(rows, key=rank)


def sweep_table(rows: Sequence[Mapping[str, Any]], sort_by: str = "log_loss") -> Table:
    """Lay out a sweep, one line for each job, in the order of `ranked` (see there for ``rows``)."""
    metrics = dict.fromkeys(
        [f"validation_{sort_by}", "validation_log_loss", "validation_auroc", "test_auroc"]
    )
    table = Table(caption=f"best validation {sort_by} first")
    table.add_column("job", justify="right")
    table.add_column("overrides", overflow="fold")
    for metric in metrics:
        table.add_column(metric.replace("_", " ", 1), justify="right")
    table.add_column("status", overflow="fold")
    for row in ranked(rows, sort_by):
        scores = [score(row[metric]) if metric in row else "" for metric in metrics]
        status = "ok" if row["status"] == "ok" else f"{row['status']}: {row['error']}"
        # Text, not str: overrides such as data.ignore=[id] would be read as markup.
        table.add_row(str(row["job"]), Text(row["overrides"]), *scores, Text(status))
    return table

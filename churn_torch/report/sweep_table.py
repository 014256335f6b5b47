"""The jobs of a sweep, ranked, as a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from churn_torch.report.formats import listed, score

if TYPE_CHECKING:
    from churn_torch.evaluation.model_comparison.comparison import PairedDifference

# What jobs are sorted and compared by.
SORTED_BY = "log_loss"
# The metric of a job on test rows minus that of the best job.
DIFFERENCE = f"test_{SORTED_BY}_minus_best"
# So many jobs are named in a sentence.
_NAMED = 5


def ranked(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Sort the jobs of a sweep by their validation log-loss, best first and failed ones last.

    Args:
        rows: One mapping for each job, with ``job`` (number), ``overrides`` (text), ``status``
            (``"ok"``, or anything else when it failed), ``error`` (text, when it failed) and
            metrics named ``validation_auroc``, ``test_auroc`` and so on.
    """

    def rank(row: Mapping[str, Any]) -> tuple[bool, bool, float, int]:
        loss = float(row.get(f"validation_{SORTED_BY}", math.nan))
        unknown = math.isnan(loss)
        return row["status"] != "ok", unknown, 0.0 if unknown else loss, row["job"]

    return sorted(rows, key=rank)


def sweep_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Lay out a sweep, one line for each job, in the order of `ranked` (see there for ``rows``)."""
    metrics = (f"validation_{SORTED_BY}", "validation_auroc", "test_auroc")
    compared = any(DIFFERENCE in row for row in rows)
    notes = [f"best validation {SORTED_BY} first"]
    if compared:
        notes.append(
            "in brackets: interval of 95 % of the difference, which holds for all jobs at once; "
            "* a real difference"
        )
    table = Table(caption="; ".join(notes))
    table.add_column("job", justify="right")
    table.add_column("overrides", overflow="fold")
    for metric in metrics:
        table.add_column(metric.replace("_", " ", 1), justify="right")
    if compared:
        table.add_column(f"test {SORTED_BY} minus the best job's", justify="right")
    table.add_column("status", overflow="fold")
    for row in ranked(rows):
        scores = [score(row[metric]) if metric in row else "" for metric in metrics]
        if compared:
            scores.append(_difference(row))
        status = "ok" if row["status"] == "ok" else f"{row['status']}: {row['error']}"
        # Text, not str: overrides such as data.ignore=[id] would be read as markup.
        table.add_row(str(row["job"]), Text(row["overrides"]), *scores, Text(status))
    return table


def best_sentences(best: str, found: Sequence[PairedDifference]) -> list[str]:
    """Say whether the best job of a sweep is really better than the others.

    Args:
        best: Its name.
        found: How each other job differs from it on the test rows.
    """
    worse = [one.first for one in found if one.is_real and one.difference > 0]
    better = [one.first for one in found if one.is_real and one.difference < 0]
    alike = [one.first for one in found if not one.is_real]
    said = []
    if worse:
        said.append(f"it is really better than {_listed(worse)}")
    if better:
        said.append(f"it is really worse than {_listed(better)}")
    if alike:
        said.append(f"there is no real difference between it and {_listed(alike)}")
    return [
        f"Validation rows found {best} best. On test rows, by log-loss, {'; '.join(said)}.",
        "Choose by validation: the best of several on test rows looks better than it is.",
    ]


def _difference(row: Mapping[str, Any]) -> str:
    if DIFFERENCE not in row:
        return ""
    low, high = row[f"{DIFFERENCE}_low"], row[f"{DIFFERENCE}_high"]
    mark = " *" if row[f"{DIFFERENCE}_p_value"] < 0.05 else ""
    return f"{row[DIFFERENCE]:+.4f} [{low:+.4f} to {high:+.4f}]{mark}"


def _listed(jobs: Sequence[str]) -> str:
    """Name a few jobs, and count the rest."""
    if len(jobs) > _NAMED:
        return f"{len(jobs)} jobs"
    return listed(jobs)

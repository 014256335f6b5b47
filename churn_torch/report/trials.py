"""Tables for people: the trials of a study, and which of its keys mattered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

FIXED = ("trial", "state", "log_loss", "epochs", "seconds", "note")


def trials_table(rows: Sequence[Mapping[str, Any]], *, at_most: int) -> Table:
    """Lay out the trials of a study: running ones, then the best, then the rest.

    Args:
        rows: One mapping for each trial: ``trial`` (number), ``state``, ``log_loss``, ``epochs``,
            ``seconds``, ``note`` and its values by key (`churn_torch.tuning.study.Study.rows`).
        at_most: Lines to show; the caption counts all trials.
    """
    order = {"running": 0, "finished": 1, "pruned": 2, "failed": 3, "interrupted": 4, "waiting": 5}
    ranked = sorted(rows, key=lambda r: (order[r["state"]], _or_last(r["log_loss"]), r["trial"]))
    states = Counter(row["state"] for row in rows)
    counts = ", ".join(f"{states[state]} {state}" for state in order if states[state])
    table = Table(caption=f"{counts}; best validation log-loss first")
    for name in ("trial", "log-loss", "epochs", "seconds"):
        table.add_column(name, justify="right")
    table.add_column("state")
    table.add_column("values", overflow="fold")
    for row in ranked[:at_most]:
        table.add_row(
            str(row["trial"]),
            "" if row["log_loss"] is None else f"{row['log_loss']:.4f}",
            "" if row["epochs"] is None else str(row["epochs"]),
            "" if row["seconds"] is None else f"{row['seconds']:.1f}",
            Text(": ".join(filter(None, (row["state"], row["note"]))), overflow="fold"),
            Text(values_text({_last(key): value for key, value in row.items()})),
        )
    return table


def values_text(row: Mapping[str, Any]) -> str:
    """Return a trial's values as written on a command line, numbers rounded."""
    values = {key: value for key, value in row.items() if key not in FIXED}
    return " ".join(f"{key}={_short(value)}" for key, value in values.items())


def _last(key: str) -> str:
    """Return the last part of a dotted key, to save room in the table."""
    return key.rpartition(".")[2]


def importance_table(importance: Mapping[str, float]) -> Table:
    """Lay out each key's share of the differences between the finished trials."""
    table = Table("key")
    table.add_column("importance", justify="right")
    for key, share in importance.items():
        table.add_row(Text(key), f"{share:.0%}")
    return table


def _short(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _or_last(value: float | None) -> float:
    return float("inf") if value is None else value

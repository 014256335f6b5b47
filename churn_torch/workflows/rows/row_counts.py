"""What a command shows of a table's rows: how many, in which parts, left out, and how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from rich.console import RenderableType

from churn_torch.console import row_progress
from churn_torch.tables.labelled.rows import LabelledTable, Rows
from churn_torch.tables.labelled.splits import LeftOut


def show_rows(table: LabelledTable, announce: Callable[[RenderableType], None]) -> None:
    """Say how many rows there are and how they are split; known once they are prepared."""
    n_rows = sum(table.counts.values())
    rate = sum(table.n_positive.values()) / n_rows
    counts = ", ".join(f"{part} {n:,}" for part, n in table.counts.items())
    announce(f"{n_rows:,} rows, {rate:.1%} churn ({counts}){dropped_rows(table)}.")
    if table.sampled is not None:
        announce(f"Streamed; the kinds are inferred from {table.sampled:,} of the rows.")


def dropped_rows(table: LabelledTable) -> str:
    """Say how many rows were left out for their label; ``""`` for none."""
    without = table.n_dropped - table.n_left_out
    text = f"; {without:,} rows without a label dropped" if without else ""
    if table.n_left_out:
        text += f"; {table.n_left_out:,} rows of neither class left out (data.negative)"
    return text + between_parts(table.left_out_of_parts)


def between_parts(left_out: LeftOut) -> str:
    """Say how many rows a split by time leaves out; ``""`` for none."""
    text = ""
    if left_out.reaching_later:
        text += (
            f"; {left_out.reaching_later:,} rows left out, whose label reaches into the time of a "
            "later part (data.split.horizon)"
        )
    if left_out.of_two_parts:
        text += (
            f"; {left_out.of_two_parts:,} rows left out, whose time is that of one part and whose "
            "group of another"
        )
    return text


def watched(rows: Iterable[Rows], table: LabelledTable, what: str) -> Iterator[Rows]:
    """Pass rows on, with a progress bar where there are enough of them to wait for."""
    if not table.streamed:
        yield from rows
        return
    with row_progress() as progress:
        task = progress.add_task(what, total=table.n_rows)
        for chunk in rows:
            yield chunk
            progress.advance(task, len(chunk.label))

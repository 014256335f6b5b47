"""Customer rows from events, one Parquet file a cut-off: `write_feature_tables`."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from churn_torch.errors import InputError, keyed
from churn_torch.events import remarks
from churn_torch.events.cutoff_dates import Cutoffs, choose_cutoffs, dates_for_test, scoring_date
from churn_torch.events.cutoff_files import CutoffFiles, Progress, write_cutoff_files
from churn_torch.events.database import MEMORY, open_database
from churn_torch.events.lifetime_sql import FollowUp
from churn_torch.events.row_sql import horizon, id_name, top_values_sql
from churn_torch.events.specification import SPEND, TARGET, TIME, EventSpecification
from churn_torch.events.staged_source import StagedSource
from churn_torch.events.staging import size_on_disk, stage
from churn_torch.tables.labelled.read import located
from churn_torch.tables.readers import arrow
from churn_torch.tables.readers.bounded_database import Database
from churn_torch.whole_files import (
    PRIVATE,
    in_bytes,
    naming,
    new_folders,
    private_folder,
    remove_leftovers,
    replace_all,
)

_OF_TRAINING = "a model needs those of its training (specification=RUN/events.json)"


@dataclass(frozen=True)
class FeatureTables:
    """What was written.

    Attributes:
        files: One Parquet file a cut-off, the earliest first.
        cutoffs: The cut-offs, in UTC without a zone, as in the column `time_column`.
        dropped_cutoffs: Cut-offs without rows, each with the reason.
        id_column: The column that names the customer.
        time_column: The column of the cut-off.
        target: The column that says who churned (boolean); None for rows to be scored.
        spend: The column with what a customer spent in the label window; None without
            ``label.spend``, and for rows to be scored.
        horizon: Days from a cut-off to the end of its label window, the gap included.
        test_cutoffs: The cut-offs that the specification keeps for the test.
        rows: Customers by cut-off.
        churners: Churners by cut-off; empty for rows to be scored.
        specification: As given, with the values that ``by`` chose; scoring needs it.
        notes: What the user should know before the numbers, as sentences.
        sql: The queries, for reading.
    """

    files: tuple[Path, ...]
    cutoffs: tuple[datetime, ...]
    dropped_cutoffs: tuple[tuple[datetime, str], ...]
    id_column: str
    time_column: str
    target: str | None
    horizon: float
    test_cutoffs: tuple[datetime, ...]
    rows: tuple[int, ...]
    churners: tuple[int, ...]
    specification: EventSpecification
    notes: tuple[str, ...] = ()
    sql: str = field(default="", repr=False)
    spend: str | None = None


def write_feature_tables(
    specification: EventSpecification,
    folder: str | Path,
    *,
    at: str | datetime | None = None,
    follow_up: FollowUp | None = None,
    progress: Progress = lambda done, total: None,
    memory: str = MEMORY,
    threads: int | None = None,
    announce: arrow.Announce = lambda sentence: None,
    beside: Callable[[FeatureTables], Mapping[str, str]] = lambda tables: {},
) -> FeatureTables:
    """Compute customer rows from events and write them to a new or empty folder.

    Nothing stays in the folder where it fails.

    Args:
        specification: What is computed.
        folder: Where the files go: ``cutoff_2025-01-01.parquet``.
        at: A date, or ``today``: write the rows of this date for scoring, without a label.
        follow_up: For a model of time to churn: the rows say who left while they were followed, and
            for how many days each was observed. None for whether they left in the label window.
        progress: Called with the steps done and those there are.
        memory: The most that DuckDB may use; what needs more goes to temporary files in `folder`.
        threads: Of DuckDB; None for one a core.
        announce: Called with a sentence for each thing that was found while reading, and with what
            is left to do.
        beside: Gives names and texts of files that appear together with the rows.

    Raises:
        InputError: The folder holds files, a source cannot be read, or no cut-off can be used.
    """
    folder = Path(folder).expanduser()
    remove_leftovers(folder)
    _check_folder(folder)
    with new_folders(folder), private_folder(folder) as temporary:
        _check_room(specification, temporary, announce)
        with naming(folder), open_database(temporary, memory, threads) as database:
            staged = stage(database, specification, temporary / "staged", announce)
            if at is None:
                cutoffs = choose_cutoffs(specification, staged)
            else:
                cutoffs = Cutoffs((scoring_date(at, specification.cutoffs),))
            notes = [*remarks.of_sources(database, specification, staged)]
            notes += remarks.of_cutoffs(specification, staged, cutoffs, labelled=at is None)
            chosen, values = _with_values(
                database, specification, staged, cutoffs.used[0], scoring=at is not None
            )
            notes += values
            (temporary / "rows").mkdir()
            written = write_cutoff_files(
                database,
                chosen,
                staged,
                cutoffs.used,
                temporary / "rows",
                end=cutoffs.end,
                follow_up=follow_up,
                progress=progress,
                announce=announce,
            )
            reach = remarks.reach(chosen, staged)
            _check_counts(written, notes, reach, labelled=at is None)
        tables = FeatureTables(
            files=tuple(folder / file.name for file in written.files),
            cutoffs=cutoffs.used,
            dropped_cutoffs=cutoffs.dropped,
            id_column=id_name(chosen),
            time_column=TIME,
            target=None,
            horizon=horizon(chosen) / timedelta(days=1),
            test_cutoffs=(),
            rows=written.rows,
            churners=(),
            specification=chosen,
            notes=tuple(notes),
            sql=written.sql,
        )
        if at is None:
            more = remarks.of_rows(chosen, cutoffs.used, written.rows, written.churners)
            tables = replace(
                tables,
                target=TARGET,
                test_cutoffs=dates_for_test(chosen.cutoffs, cutoffs.used),
                churners=written.churners,
                spend=SPEND if chosen.label.spend and follow_up is None else None,
                notes=(*notes, *more),
            )
        moves = {file: folder / file.name for file in written.files}
        with naming(folder):
            for name, text in beside(tables).items():
                (temporary / "rows" / name).write_text(text, encoding="utf-8")
                moves[temporary / "rows" / name] = folder / name
        replace_all(moves, check=lambda: _check_folder(folder))
    return tables


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError(
            "out", expected="a folder", got=f"the file {str(folder)!r}", fix="name another"
        )
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    # Two may write at the same time; the first that is done takes the folder.
    if names := [name for name in names if not name.startswith(PRIVATE)]:
        raise InputError(
            "out",
            expected="a folder that is not there yet, or an empty one",
            got=f"{str(folder)!r}, which holds {names[0]!r}",
            fix="name another folder, or remove this one",
        )


def _check_room(specification: EventSpecification, folder: Path, announce: arrow.Announce) -> None:
    """Say how much is read, and refuse a disk that cannot hold a copy of it."""
    size = 0
    for name, log in specification.events.items():
        with keyed(f"events.{name}.source"):
            size += size_on_disk(located(log.source))
    free = shutil.disk_usage(folder).free
    if size > free:
        raise InputError(
            "out",
            expected=f"a disk with room for a copy of the events ({in_bytes(size)})",
            got=f"{in_bytes(free)} in {str(folder.parent)!r}",
            fix="choose a folder on another disk",
        )
    if size > 100_000_000:
        announce(f"Reading events of {in_bytes(size)}; as much goes to temporary files at most.")


def _with_values(
    database: Database,
    specification: EventSpecification,
    staged: Mapping[str, StagedSource],
    cutoff: datetime,
    *,
    scoring: bool,
) -> tuple[EventSpecification, list[str]]:
    """Choose the values of ``by``: the most frequent ones before the first cut-off."""
    notes, features = [], dict(specification.features)
    for log, of_log in specification.features.items():
        by = dict(of_log.by)
        for column, chosen in of_log.by.items():
            if not isinstance(chosen, int):
                continue
            has_known = staged[log].has_known
            sql = top_values_sql(staged[log].relation(), column, chosen, cutoff, has_known)
            values = tuple(value for (value,) in database.rows(sql))
            by[column] = values
            notes.append(
                f"features.{log}.by.{column}: the most frequent values before "
                f"{remarks.day(cutoff)} are {', '.join(values) or 'none'}"
                + (f"; {_OF_TRAINING}." if scoring else ".")
            )
        features[log] = replace(of_log, by=by)
    return replace(specification, features=features), notes


def _check_counts(
    written: CutoffFiles, notes: Sequence[str], reach: str, *, labelled: bool
) -> None:
    """Refuse rows from which nothing can be learned."""
    total, churners = sum(written.rows), sum(written.churners)
    if not total:
        why = next((note for note in notes if remarks.may_leave_nobody(note)), "")
        raise InputError(
            "population",
            expected="customers at one of the cut-offs",
            got=f"none; there are {f'events of {reach}' if reach else 'no events'}"
            + (f" ({why.rstrip('.')})" if why else ""),
            fix="choose cut-offs to which the events reach, or ask for less in population",
        )
    if labelled and churners in (0, total):
        outcome = "everybody churns" if churners else "nobody churns"
        raise InputError(
            "label",
            expected="customers who churn and others who stay",
            got=f"{total:,} rows in which {outcome}",
            fix="check label, or choose another label.within",
        )

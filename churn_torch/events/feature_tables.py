"""Customer rows from events, one Parquet file a cut-off: `write_feature_tables`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from churn_torch.errors import InputError
from churn_torch.events.cutoff_dates import Cutoffs, choose_cutoffs, scoring_date
from churn_torch.events.row_sql import horizon, rows_sql, top_values_sql
from churn_torch.events.spans import in_utc
from churn_torch.events.specification import TARGET, TIME, EventSpecification
from churn_torch.events.staging import CUSTOMERS, Staged, stage_customers, stage_log
from churn_torch.tables.labelled.read import located
from churn_torch.tables.readers import arrow, sources
from churn_torch.tables.sql_text import quoted
from churn_torch.whole_files import new_folders, whole_file

MEMORY = "1GB"
# Rows of a log whose features are computed together; more are dealt into parts.
PART_ROWS = 8_000_000
# Where the number of rows is not known before they are read: bytes of a row in a packed file.
_ROW_BYTES = 12
_MOST_PARTS = 256
_BATCH_ROWS = 65_536

Progress = Callable[[int, int], object]


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
        horizon: Days from a cut-off to the end of its label window, the gap included.
        test_cutoffs: The cut-offs that the specification keeps for the test.
        rows: Customers by cut-off.
        churners: Churners by cut-off; empty for rows to be scored.
        specification: As given, with the values that `by` chose; scoring needs it.
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


def write_feature_tables(
    specification: EventSpecification,
    folder: str | Path,
    *,
    at: str | datetime | None = None,
    progress: Progress = lambda done, total: None,
    memory: str = MEMORY,
    threads: int | None = None,
    announce: arrow.Announce = lambda sentence: None,
) -> FeatureTables:
    """Compute customer rows from events and write them to a new or empty folder.

    Nothing stays in the folder where it fails.

    Args:
        specification: What is computed.
        folder: Where the files go: ``cutoff_2025-01-01.parquet``.
        at: A date, or ``today``: write the rows of this date for scoring, without a label.
        progress: Called with the steps done and those there are.
        memory: The most that DuckDB may use; what needs more goes to temporary files.
        threads: Of DuckDB; None for one a core.
        announce: Called with a sentence for each thing that was found while reading.

    Raises:
        InputError: The folder holds files, a source cannot be read, or no cut-off can be used.
    """
    folder = Path(folder).expanduser()
    _check_folder(folder)
    with (
        new_folders(folder),
        tempfile.TemporaryDirectory(prefix=".events_", dir=folder) as temporary,
        _database(Path(temporary), memory, threads) as connection,
    ):
        staged = _stage(connection, specification, Path(temporary) / "staged", announce)
        if at is None:
            cutoffs = choose_cutoffs(specification, staged)
        else:
            cutoffs = Cutoffs((scoring_date(at, specification.cutoffs),))
        specification, notes = _with_values(connection, specification, staged, cutoffs.used[0])
        return _write(
            connection, specification, staged, cutoffs, folder, at is None, notes, progress
        )


def _check_folder(folder: Path) -> None:
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(
            "out",
            expected="a folder that is not there yet, or an empty one",
            got=f"{str(folder)!r}, which holds {next(iter(sorted(folder.iterdir()))).name!r}",
            fix="name another folder, or remove this one",
        )
    if folder.exists() and not folder.is_dir():
        raise InputError(
            "out", expected="a folder", got=f"the file {str(folder)!r}", fix="name another"
        )


@contextmanager
def _database(
    temporary: Path, memory: str, threads: int | None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory that reaches the temporary folder and nothing else."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "python_enable_replacements": "false",
        "memory_limit": memory,
        "temp_directory": str(temporary / "spilled"),
        "preserve_insertion_order": "false",
    }
    if threads is not None:
        settings["threads"] = threads
    try:
        connection = duckdb.connect(":memory:", config=settings)
    except duckdb.Error as error:
        raise InputError(
            "memory",
            expected="an amount of memory such as 1GB",
            got=f"{memory!r} ({arrow.library_message(error)})",
            fix="correct it",
        ) from None
    with connection:
        connection.execute(f"SET allowed_directories = [{quoted(str(temporary))}]")
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield connection


def _stage(
    connection: duckdb.DuckDBPyConnection,
    specification: EventSpecification,
    folder: Path,
    announce: arrow.Announce,
) -> dict[str, Staged]:
    parts = _number_of_parts(specification)
    staged = {
        name: stage_log(connection, specification, name, folder, parts, announce)
        for name in specification.events
    }
    if specification.customers is not None:
        staged[CUSTOMERS] = stage_customers(
            connection, specification.customers, folder, parts, announce
        )
    return staged


def _number_of_parts(specification: EventSpecification) -> int:
    """Return into how many parts the customers are dealt, a power of two."""
    largest = 1
    for log in specification.events.values():
        source = located(log.source)
        rows = sources.count_rows(source)
        if rows is None:
            size = sum(path.stat().st_size for path in sources.files(source) or ())
            rows = size // _ROW_BYTES
        largest = max(largest, rows)
    parts = 1
    while parts * PART_ROWS < largest and parts < _MOST_PARTS:
        parts *= 2
    return parts


def _with_values(
    connection: duckdb.DuckDBPyConnection,
    specification: EventSpecification,
    staged: Mapping[str, Staged],
    cutoff: datetime,
) -> tuple[EventSpecification, list[str]]:
    """Choose the values of `by`: the most frequent ones before the first cut-off."""
    notes, features = [], dict(specification.features)
    for log, of_log in specification.features.items():
        by = dict(of_log.by)
        for column, chosen in of_log.by.items():
            if not isinstance(chosen, int):
                continue
            relation = staged[log].all_parts()
            sql = top_values_sql(relation, column, chosen, cutoff, staged[log].has_known)
            values = tuple(value for (value,) in connection.execute(sql).fetchall())
            by[column], shown = values, ", ".join(values) or "none"
            notes.append(
                f"features.{log}.by.{column}: the most frequent values before {cutoff:%Y-%m-%d} "
                f"are {shown}."
            )
        features[log] = replace(of_log, by=by)
    return replace(specification, features=features), notes


def _write(
    connection: duckdb.DuckDBPyConnection,
    specification: EventSpecification,
    staged: Mapping[str, Staged],
    cutoffs: Cutoffs,
    folder: Path,
    labelled: bool,
    notes: list[str],
    progress: Progress,
) -> FeatureTables:
    parts = next(iter(staged.values())).parts
    id_column = id_name(specification)
    files: list[Path] = []
    rows: list[int] = []
    churners: list[int] = []
    shown: list[str] = []
    total = parts * len(cutoffs.used)
    try:
        for number, cutoff in enumerate(cutoffs.used):
            queries = [
                rows_sql(
                    specification, staged, cutoff, part, id_column=id_column, labelled=labelled
                )
                for part in range(parts)
            ]
            file = folder / f"{TIME}_{file_date(cutoff)}.parquet"
            files.append(file)
            step = partial(_step, progress, number * parts, total)
            with whole_file(file) as path:
                n_rows, n_churners = _write_file(connection, queries, path, step)
            rows.append(n_rows)
            churners.append(n_churners)
            shown.append(f"-- {file.name}\n{queries[0]};\n")
    except BaseException:
        for file in files:
            file.unlink(missing_ok=True)
        raise
    return FeatureTables(
        files=tuple(files),
        cutoffs=cutoffs.used,
        dropped_cutoffs=cutoffs.dropped,
        id_column=id_column,
        time_column=TIME,
        target=TARGET if labelled else None,
        horizon=horizon(specification) / timedelta(days=1),
        test_cutoffs=test_cutoffs(specification, cutoffs.used) if labelled else (),
        rows=tuple(rows),
        churners=tuple(churners) if labelled else (),
        specification=specification,
        notes=tuple(notes),
        sql="\n".join(shown),
    )


def _step(progress: Progress, before: int, total: int, done: int) -> None:
    progress(before + done, total)


def _write_file(
    connection: duckdb.DuckDBPyConnection,
    queries: list[str],
    path: Path,
    progress: Callable[[int], object],
) -> tuple[int, int]:
    """Write the rows of a cut-off; return how many there are, and how many churned."""
    writer: pq.ParquetWriter | None = None
    rows = churners = 0
    try:
        for number, query in enumerate(queries):
            reader = connection.sql(query).to_arrow_reader(_BATCH_ROWS)
            if writer is None:
                writer = pq.ParquetWriter(path, reader.schema)
            for batch in reader:
                writer.write_batch(batch)
                rows += batch.num_rows
                if TARGET in batch.schema.names:
                    churners += batch.column(TARGET).true_count
            progress(number + 1)
    finally:
        if writer is not None:
            writer.close()
    return rows, churners


def id_name(specification: EventSpecification) -> str:
    """Return the name of the customer's column: that of the customers, else of the first log."""
    if specification.customers is not None:
        return specification.customers.id
    return next(iter(specification.events.values())).id


def file_date(cutoff: datetime) -> str:
    """Return a cut-off as part of a file's name."""
    midnight = cutoff == cutoff.replace(hour=0, minute=0, second=0, microsecond=0)
    return f"{cutoff:%Y-%m-%d}" if midnight else f"{cutoff:%Y-%m-%dT%H-%M-%S}"


def test_cutoffs(
    specification: EventSpecification, used: tuple[datetime, ...]
) -> tuple[datetime, ...]:
    """Return the cut-offs that are kept for the test."""
    chosen = specification.cutoffs.test
    if isinstance(chosen, int):
        return used[len(used) - chosen :] if chosen else ()
    dates = {in_utc(datetime.fromisoformat(text), specification.cutoffs.zone) for text in chosen}
    return tuple(cutoff for cutoff in used if cutoff in dates)

"""Rows made of events for scoring, as the run remembers them; torch is not imported."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from churn_torch.console import progress_bar, show
from churn_torch.errors import InputError
from churn_torch.events.feature_tables import write_feature_tables
from churn_torch.events.lifetime_sql import FollowUp
from churn_torch.events.other_sources import with_sources_of
from churn_torch.events.specification import EventSpecification
from churn_torch.serving.model_path import read_own
from churn_torch.tables.labelled.read import located
from churn_torch.tables.readers import sources
from churn_torch.workflows.configuration.named_places import check_named, event_places
from churn_torch.workflows.runs.artefacts import EVENTS, FEATURE_TABLES


def scoring_rows(run: str, events: Mapping[str, Any], at: str, folder: Path, *, out: str) -> Path:
    """Make the rows that a run's model scores, by the specification that it remembers.

    Args:
        run: The run folder.
        events: A specification that takes the place of the sources; empty for those of the run.
        at: The date, or ``today``.
        folder: An empty folder for the rows.
        out: Where the scores will go.

    Returns:
        The file of the rows.

    Raises:
        InputError: The run was not trained on events, the specification is another one, nobody is
            a customer at the date, or ``out`` is a source.
    """
    specification, has_lifetimes = remembered_specification(run)
    if events:
        given = EventSpecification.from_mapping(events)
        specification = with_sources_of(given, specification, run)
    else:
        check_named(
            event_places(specification),
            (),
            run,
            instead="specification=FILE (a YAML file of yours)",
        )
    read = [log.source for log in specification.events.values()]
    if specification.customers is not None:
        read.append(specification.customers.source)
    for source in read:
        sources.check_output(out, located(source))
    try:
        with event_progress() as progress:
            # A file of time to churn asks for lifetimes: nobody has stayed yet at the date itself.
            tables = write_feature_tables(
                specification,
                folder / FEATURE_TABLES,
                at=at,
                follow_up=FollowUp(1, 0) if has_lifetimes else None,
                progress=progress,
                announce=show,
            )
    except InputError as error:
        if error.where != "population":
            raise
        raise InputError(
            "at",
            expected="a date with customers, by events before it and events.population",
            got=f"{at} with {error.got}",
            fix="name a date that the events reach, or sources that reach up to it",
        ) from None
    for note in tables.notes:
        show(note)
    show(f"{tables.rows[0]:,} customers at {date_text(tables.cutoffs[0])}.")
    return tables.files[0]


def remembered_specification(run: str) -> tuple[EventSpecification, bool]:
    """Return the specification of a run with the values that it chose, and if it made lifetimes.

    Raises:
        InputError: The run was not trained on events, or its file is damaged.
    """
    path = Path(run) / EVENTS
    if not (path.is_file() or path.is_symlink()):  # `remembered` looks where a link leads
        raise InputError(
            "run",
            expected="the run folder of a training on events (events=...) with at=...",
            got=f"{run!r} without {EVENTS}",
            fix="name such a run, or name the rows with source=... and leave at=... out",
        )
    try:
        stored = remembered(path.parent)
        specification = EventSpecification.from_mapping(stored["specification"])
        return specification, stored.get("follow_up") is not None
    except InputError as error:
        if error.where == "run":
            raise
        raise _damaged(path) from error


def remembered(folder: Path) -> dict[str, Any]:
    """Return what a run remembers of its events.

    Raises:
        InputError: Its file is damaged.
    """
    path = folder / EVENTS
    try:
        stored = json.loads(read_own(path))
    except InputError:
        raise
    except (ValueError, RecursionError):
        raise _damaged(path) from None
    if not isinstance(stored, dict) or not isinstance(stored.get("specification"), dict):
        raise _damaged(path)
    test = stored.get("test")
    if not isinstance(test, list) or not all(isinstance(date, str) for date in test):
        raise _damaged(path)
    return stored


def _damaged(path: Path) -> InputError:
    return InputError(
        "run",
        expected=f"{EVENTS} as the training wrote it",
        got=f"{str(path)!r}, which was damaged or changed since",
        fix="restore it from a copy, or train again",
    )


@contextmanager
def event_progress() -> Iterator[Callable[[int, int], None]]:
    """Show how far the rows are; silent where there is no terminal."""
    with progress_bar("steps") as bar:
        task = bar.add_task("Events to rows", total=None)

        def update(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield update


def date_text(moment: datetime) -> str:
    """Return a moment as people write it: without the time of day at midnight."""
    return moment.isoformat().removesuffix("T00:00:00")

"""Rows made of events for a training, in its run folder, and what the run remembers of them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from churn_torch.console import show
from churn_torch.errors import override
from churn_torch.events.feature_tables import FeatureTables, write_feature_tables
from churn_torch.events.lifetime_sql import FollowUp
from churn_torch.events.specification import EventSpecification
from churn_torch.tables.labelled.lifetimes import MOST_PERIODS
from churn_torch.whole_files import write_text
from churn_torch.workflows.configuration.event_choices import check_test_cutoffs
from churn_torch.workflows.configuration.named_places import note_named
from churn_torch.workflows.configuration.options import TrainOptions, train_options
from churn_torch.workflows.rows.event_scoring import date_text, event_progress, remembered
from churn_torch.workflows.runs.artefacts import EVENTS, EVENTS_SQL, FEATURE_TABLES
from churn_torch.workflows.runs.run_start import note_choices, start_run


def begin_run(
    folder: Path, content: dict[str, Any], options: TrainOptions, made_in: Path | None = None
) -> tuple[dict[str, Any], TrainOptions]:
    """Start a run folder, make the rows of a training on events, and note its choices.

    Args:
        folder: The run folder.
        content: From `churn_torch.workflows.configuration.event_choices.with_event_columns`.
        options: Of this content.
        made_in: A folder in which a study has made the rows, to be copied.

    Returns:
        Both, with the table of the rows.

    Raises:
        InputError: The folder holds a run, or the rows cannot be made.
    """
    start_run(folder, content)
    note_named(options)
    if not options.events:
        return content, options
    if made_in is None:
        content = make_event_rows(content, folder)
    else:
        shutil.copytree(made_in / FEATURE_TABLES, folder / FEATURE_TABLES)
        for name in (EVENTS_SQL, EVENTS):
            shutil.copyfile(made_in / name, folder / name)
        content = with_rows(content, folder)
    note_choices(folder, content)
    return content, train_options(content)


def make_event_rows(content: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Make the rows of a training on events, in its run folder, and return its choices.

    Args:
        content: From `churn_torch.workflows.configuration.event_choices.with_event_columns`.
        folder: The run folder.

    Returns:
        The choices, with the table of the rows and the first time of the test rows.

    Raises:
        InputError: As for `churn_torch.events.feature_tables.write_feature_tables`; or the
            cut-offs that are kept for the test are not the last ones.
    """
    if int(os.environ.get("LOCAL_RANK", "0")):  # the first process of trainer=ddp has made them
        return with_rows(content, folder)
    specification = EventSpecification.from_mapping(content["events"])
    data, follow_up = content["data"], None
    if data.get("duration") is not None:
        follow_up = FollowUp(int(data["period"]), MOST_PERIODS)
    with event_progress() as progress:
        tables = write_feature_tables(
            specification,
            folder / FEATURE_TABLES,
            follow_up=follow_up,
            progress=progress,
            announce=show,
        )
    check_test_cutoffs(specification, tables)
    write_text(folder / EVENTS_SQL, tables.sql)
    write_text(folder / EVENTS, json.dumps(_remembered(tables, follow_up), indent=2))
    _show(tables, data["split"]["by"], follow_up)
    return with_rows(content, folder)


def with_rows(content: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the choices with the rows in a folder as the table."""
    data = content["data"]
    split = dict(data["split"])
    test = remembered(folder)["test"]
    by_time = "time" in split["by"]
    if test and by_time and split.get("test_from") is None and not content["cv"]["folds"]:
        split["test_from"] = test[0]
    return {**content, "data": {**data, "source": str(folder / FEATURE_TABLES), "split": split}}


def _remembered(tables: FeatureTables, follow_up: FollowUp | None) -> dict[str, Any]:
    """Return what scoring needs, and what tells a reader which rows a run has learned from."""
    return {
        "specification": tables.specification.to_mapping(),
        "id": tables.id_column,
        "cutoffs": [cutoff.isoformat() for cutoff in tables.cutoffs],
        "test": [cutoff.isoformat() for cutoff in tables.test_cutoffs],
        "customers": list(tables.rows),
        "churners": list(tables.churners),
        "dropped": [[cutoff.isoformat(), why] for cutoff, why in tables.dropped_cutoffs],
        "follow_up": None if follow_up is None else asdict(follow_up),
    }


def _show(tables: FeatureTables, by: str | Sequence[str], follow_up: FollowUp | None) -> None:
    n_rows, n_churners = sum(tables.rows), sum(tables.churners)
    dates = list(map(date_text, tables.cutoffs))
    span = (
        f"{len(dates)} cut-offs, {dates[0]} to {dates[-1]}"
        if dates[1:]
        else f"1 cut-off, {dates[0]}"
    )
    churn = "churn" if follow_up is None else "leave by the end of the data"
    show(f"{span}: {n_rows:,} rows of customers, {n_churners / n_rows:.1%} {churn}.")
    for note in tables.notes:
        show(note)
    if dates[1:] and "time" not in by:
        show(
            f"{override('data.split.by', by)} deals rows of one date into training and test: what "
            "is measured may be better than what a later date will show. Leave it out for a split "
            "by time."
        )

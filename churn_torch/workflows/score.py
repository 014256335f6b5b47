"""The order of a scoring: a table of any size through the ONNX file; torch is not imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_torch.console import row_progress, show
from churn_torch.errors import InputError
from churn_torch.serving.run_model import find_model
from churn_torch.serving.scoring import score_table
from churn_torch.tables.labelled.read import located
from churn_torch.tables.options import SourceOptions
from churn_torch.tables.readers import sources
from churn_torch.whole_files import private_folder
from churn_torch.workflows.typed_config import MissingKey, plain_config, read_options

if TYPE_CHECKING:
    from omegaconf import DictConfig


@dataclass(frozen=True, kw_only=True)
class ScoreOptions(SourceOptions):
    """All of conf/score.yaml."""

    out: str
    source: str | None = None
    at: str | None = None
    events: Mapping[str, Any] = field(default_factory=dict)
    specification: str | None = None
    run: str = "outputs/latest"
    keep: str | Sequence[str] = "id"
    chunk_rows: int = 65_536
    allow_unseen: bool = False


def score(config: DictConfig | Mapping[str, Any], *, source: Any = None) -> int:
    """Score a table of any size with a model file.

    Args:
        config: The composed configuration (conf/score.yaml).
        source: A table that takes the place of ``config.source``, as for `churn_torch.train`.

    Returns:
        The number of rows written.

    Raises:
        InputError: The file, the table or the output cannot be used, or the rows of a date cannot
            be made.
    """
    content = plain_config(config)
    if source is not None:
        content["source"] = "given"
    options = read_options(ScoreOptions, content)
    path = find_model(options.run)
    if options.at is None:
        if options.events or options.specification:
            raise InputError(
                "events", expected="at=DATE beside it", got="none", fix="name the date to score at"
            )
        if options.source is None:
            raise MissingKey("source")
        return _scored(options, path, options.source if source is None else source)
    if options.source is not None:
        raise InputError(
            "source",
            expected="nothing beside at, for which the rows are made of events",
            got=options.source,
            fix="leave one of the two out",
        )
    # DuckDB and the readers of events take a while to import.
    from churn_torch.workflows.event_scoring import scoring_rows
    from churn_torch.workflows.features_options import events_of

    with private_folder() as folder:
        rows = scoring_rows(options.run, events_of(content), options.at, folder, out=options.out)
        return _scored(options, path, rows)


def _scored(options: ScoreOptions, path: Path, source: Any) -> int:
    """Score a table with a model file, with a progress bar; return the number of rows."""
    source = located(source)
    total = sources.count_rows(source, options.reading)
    with row_progress() as progress:
        task = progress.add_task("Scoring", total=total)
        n_rows = score_table(
            path,
            source,
            options.out,
            keep=options.keep,
            reading=options.reading,
            chunk_rows=options.chunk_rows,
            progress=lambda n: progress.advance(task, n),
            announce=show,
            allow_unseen=options.allow_unseen,
        )
    show(f"{n_rows:,} rows scored, written to {options.out}.")
    return n_rows

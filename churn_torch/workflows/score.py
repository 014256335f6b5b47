"""The order of a scoring: a table of any size through the ONNX file; torch is not imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from churn_torch.console import row_progress, show
from churn_torch.serving.model_file import find_model
from churn_torch.serving.scoring import score_table
from churn_torch.tables.readers import sources
from churn_torch.workflows.typed_config import read_options

if TYPE_CHECKING:
    from omegaconf import DictConfig


@dataclass(frozen=True, kw_only=True)
class ScoreOptions:
    """All of conf/score.yaml."""

    source: str
    out: str
    run: str = "outputs/latest"
    database: str | None = None
    keep: str | Sequence[str] = "id"
    chunk_rows: int = 65_536
    allow_unseen: bool = False


def score(config: DictConfig | Mapping[str, Any]) -> int:
    """Score a table of any size with a model file.

    Args:
        config: The composed configuration (conf/score.yaml).

    Returns:
        The number of rows written.

    Raises:
        InputError: The file, the table or the output cannot be used.
    """
    options = read_options(ScoreOptions, config)
    path = find_model(options.run)
    total = sources.count_rows(options.source, options.database)
    with row_progress() as progress:
        task = progress.add_task("Scoring", total=total)
        n_rows = score_table(
            path,
            options.source,
            options.out,
            keep=options.keep,
            database=options.database,
            chunk_rows=options.chunk_rows,
            progress=lambda n: progress.advance(task, n),
            announce=show,
            allow_unseen=options.allow_unseen,
        )
    show(f"{n_rows:,} rows scored, written to {options.out}.")
    return n_rows

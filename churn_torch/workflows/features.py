"""The order of making customer rows from events: specification, rows, what to know, a summary."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from churn_torch.console import progress_bar, show
from churn_torch.errors import InputError, override
from churn_torch.events.feature_tables import FeatureTables, write_feature_tables
from churn_torch.events.proposal import propose
from churn_torch.events.remarks import day
from churn_torch.whole_files import write_text
from churn_torch.workflows.configuration.features_options import (
    FeaturesOptions,
    chosen_specification,
    new_folder,
)
from churn_torch.workflows.configuration.specification_files import specification_yaml
from churn_torch.workflows.configuration.typed_config import plain_config, read_options

if TYPE_CHECKING:
    from omegaconf import DictConfig

SPECIFICATION, SQL = "specification.yaml", "features.sql"


def features(config: DictConfig | Mapping[str, Any]) -> FeatureTables | None:
    """Make customer rows from events, or propose a specification for it.

    Args:
        config: The composed configuration (conf/features.yaml).

    Returns:
        What was written; None for a proposal.

    Raises:
        InputError: The specification, a source or the place for the rows cannot be used.
    """
    options = read_options(FeaturesOptions, plain_config(config))
    if options.features.auto:
        _propose(options)
        return None
    specification = chosen_specification(options)
    folder = Path(options.out) if options.out is not None else new_folder()
    with progress_bar("steps") as progress:
        task = progress.add_task("Features", total=None)
        tables = write_feature_tables(
            specification,
            folder,
            at=options.at,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
            memory=options.memory,
            threads=options.threads,
            announce=show,
            beside=lambda tables: {
                SQL: tables.sql,
                SPECIFICATION: specification_yaml(tables.specification),
            },
        )
    folder = tables.files[0].parent
    for note in tables.notes:
        show(note)
    show(_summary(tables))
    if options.show_sql:
        sql = tables.sql[tables.sql.rindex("\n-- ") + 1 :]
        show(Group(*(Text(line) for line in sql.splitlines())))
    for sentence in _next_steps(tables, folder):
        show(sentence)
    return tables


def _summary(tables: FeatureTables) -> Table:
    labelled = tables.target is not None
    table = Table(title="Customers at each cut-off")
    table.add_column("cut-off")
    for name in ("customers", *(("churners", "rate") if labelled else ())):
        table.add_column(name, justify="right")
    table.add_column("file", overflow="fold")
    for number, (cutoff, file) in enumerate(zip(tables.cutoffs, tables.files, strict=True)):
        n_rows = tables.rows[number]
        cells = [day(cutoff), f"{n_rows:,}"]
        if labelled:
            n_churners = tables.churners[number]
            cells += [f"{n_churners:,}", f"{n_churners / n_rows:.1%}" if n_rows else ""]
        table.add_row(*cells, file.name)
    return table


def _next_steps(tables: FeatureTables, folder: Path) -> list[str]:
    kept = f"The rows are in {folder}, their SQL in {SQL}, the specification in {SPECIFICATION}."
    if tables.target is None:
        source = override("source", str(tables.files[0]))
        scoring = f"churn-torch score run=RUN {source} out=scores.csv keep="
        return [kept, f"Score them with {scoring}{shlex.quote(tables.id_column)}"]
    spec = override("specification", str(folder / SPECIFICATION))
    once = "" if len(tables.cutoffs) > 1 else " data.split.by=random"
    training = f"churn-torch train {spec}{once}"
    return [
        kept,
        f"Train with {training}, whose run remembers how to make rows of a later date.",
        f"Rows to be scored come from churn-torch features {spec} at=today",
    ]


def _propose(options: FeaturesOptions) -> None:
    if not options.sources:
        raise InputError(
            "sources",
            expected="tables to look at",
            got="none",
            fix="name them, such as sources=[customers.csv,orders.parquet]",
        )
    out = Path(options.out or "my_events.yaml")
    if out.suffix not in (".yaml", ".yml"):
        raise InputError(
            "out", expected="a file that ends in .yaml", got=repr(str(out)), fix="rename it"
        )
    if out.exists():
        raise InputError(
            "out",
            expected="a file that is not there yet",
            got=repr(str(out)),
            fix="name another, or remove this one",
        )
    proposal = propose(options.sources)
    comments = "".join(f"# {sentence}\n" for sentence in proposal.reasons)
    text = f"# Proposed; check every line. help=events explains the keys.\n#\n{comments}\n"
    write_text(out, text + specification_yaml(proposal.specification))
    for sentence in proposal.reasons:
        show(sentence)
    show(
        f"The proposal is written to {out}: check it, then run churn-torch features "
        f"{override('specification', str(out))}"
    )

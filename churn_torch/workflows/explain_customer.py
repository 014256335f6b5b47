"""The order of the explanation of a customer: find, explain, show; torch is not imported."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from churn_torch.console import row_progress, show
from churn_torch.explanation.counterfactual import check_actionable
from churn_torch.explanation.explained_model import ExplainedModel
from churn_torch.explanation.one_customer import CustomerExplanation, explain_customers
from churn_torch.report.customer import customer_report
from churn_torch.serving.run_model import find_model
from churn_torch.tables.cells import scalar_text
from churn_torch.tables.encode import parse
from churn_torch.tables.labelled.read import located
from churn_torch.tables.readers import sources
from churn_torch.tables.readers.frames import named_rows
from churn_torch.tables.row_lookup import find_row, row_names
from churn_torch.whole_files import write_text
from churn_torch.workflows.explain_options import ExplainOptions
from churn_torch.workflows.typed_config import MissingKey


def explain_customer(options: ExplainOptions, *, source: Any = None) -> CustomerExplanation:
    """Explain one customer of a source, show it, and write it where that is asked for.

    Args:
        options: The choices; ``id`` is not None.
        source: A table that takes the place of ``options.source``, as for `churn_torch.train`.

    Raises:
        InputError: The run, the table, the customer or a column cannot be used.
    """
    if source is None and options.source is None:
        raise MissingKey("source")
    table = located(options.source if source is None else source)
    model = ExplainedModel(find_model(options.run))
    actionable = actionable_columns(model, options.explain.actionable)
    if model.schema.id is None:
        show(f"The run names no id column: id={options.id} is the row number, from 0.")
    with row_progress() as progress:
        task = progress.add_task("Reading", total=sources.count_rows(table, options.reading))
        found = find_row(
            table,
            model.schema,
            scalar_text(options.id),
            with_sample=bool(actionable),
            reading=options.reading,
            announce=show,
            progress=lambda n: progress.advance(task, n),
        )
    (explanation,) = explain_customers(
        model,
        found.raw,
        found.parsed,
        ids=[scalar_text(options.id)],
        actionable=actionable,
        among=found.sample,
    )
    for part in customer_report(explanation):
        show(part)
    if options.out is not None:
        write_text(Path(options.out), json.dumps(asdict(explanation), indent=2, ensure_ascii=False))
        show(f"Written to {options.out}.")
    return explanation


def explain_frame(
    path: Path,
    given: Any,
    *,
    actionable: Sequence[str] | None = None,
    among: Any = None,
) -> list[CustomerExplanation]:
    """Explain each row of a table that Python code holds.

    Args:
        path: The run folder, or an ONNX file.
        given: The rows, as for `churn_torch.workflows.run_folder.Run.predict_proba`.
        actionable: Columns that may change; None for those of the training.
        among: Rows: a change may only bring together cells that occur in them; None for ``given``.

    Raises:
        InputError: The file, a row or a column cannot be used.
    """
    model = ExplainedModel(find_model(str(path)))
    columns = actionable_columns(model, actionable)
    raw = named_rows(given, model.schema)
    others = None if among is None else parse(named_rows(among, model.schema), model.schema)
    return explain_customers(
        model,
        raw,
        parse(raw, model.schema),
        ids=row_names(raw, model.schema),
        actionable=columns,
        among=others,
    )


def actionable_columns(model: ExplainedModel, named: Sequence[str] | None) -> list[str]:
    """Return the columns that may change: those that are named, else those of the training.

    Raises:
        InputError: One is no input of the model.
    """
    if named is None:
        return list((model.metadata.get("explain") or {}).get("actionable", ()))
    # How long a customer has stayed is where on the curve they are: it cannot be changed.
    stayed = (model.metadata.get("survival") or {}).get("stayed")
    check_actionable(named, [name for name in model.names if name != stayed])
    return list(dict.fromkeys(named))

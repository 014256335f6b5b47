"""The order of an explanation of a whole model: what drives churn, shown and written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from churn_torch.console import show
from churn_torch.errors import InputError
from churn_torch.explanation.explained_model import ExplainedModel, ExplainedRows
from churn_torch.explanation.factors import Factors
from churn_torch.report.coefficients import coefficient_sentences, coefficients_table
from churn_torch.report.factors import (
    associations_table,
    effects_table,
    importance_table,
    pairs_table,
)
from churn_torch.report.survival import in_periods
from churn_torch.serving.run_model import find_model
from churn_torch.tables.options import ReadOptions
from churn_torch.whole_files import write_text
from churn_torch.workflows.coefficients import coefficients_of
from churn_torch.workflows.explain_options import ExplainOptions
from churn_torch.workflows.factors import ROWS, factors
from churn_torch.workflows.new_rows import new_rows
from churn_torch.workflows.own_rows import sample_own_rows, sample_rows
from churn_torch.workflows.run_folder import load_run


def explain_factors(options: ExplainOptions, *, source: Any = None) -> Factors:
    """Show what drives churn, and write it where ``out`` is named.

    Args:
        options: The run folder or ONNX file; new labelled rows as ``source``, or None for the test
            rows of the run; a JSON file as ``out``.
        source: New labelled rows in place of ``options.source``.

    Returns:
        What was shown.

    Raises:
        InputError: The run or the rows cannot be used.
    """
    source = options.source if source is None else source
    run = load_run(options.run, trust=options.trust) if Path(options.run).is_dir() else None
    model = ExplainedModel(find_model(options.run))
    within = ""
    if "survival" in model.metadata:
        if source is not None or run is None:
            raise InputError(
                "source" if source is not None else "run",
                expected="the run folder of a model of time to churn alone, whose own test rows "
                "say when customers left",
                got="a table" if source is not None else repr(options.run),
                fix="leave source out and name the run folder",
            )
        within = (
            " of whom it is known whether they left within the horizon of "
            f"{in_periods(run.options.data.horizon)}"
        )
    seed = 0 if run is None else run.options.seed
    if source is not None:
        rows = sample_rows(_given_rows(source, model, options.reading), ROWS, seed=seed)
    elif run is not None:
        rows = sample_own_rows(run, "test", ROWS, seed=seed)
    else:
        raise InputError(
            "source",
            expected="labelled rows beside an ONNX file, which holds none",
            got="nothing",
            fix="name a table (source=FILE), or the run folder, whose test rows are read (run=...)",
        )
    found = factors(model, rows, seed=seed)
    if run is not None:
        robust = options.explain.robust
        robust = run.options.explain.robust if robust is None else robust
        found = replace(found, coefficients=coefficients_of(run, robust=robust))
    show(
        f"What drives churn, by {len(rows.label):,} rows that the model has not learned from"
        f"{within}:"
    )
    show(importance_table(found.importance))
    show(effects_table(found.effects))
    show(pairs_table(found.pairs))
    show(associations_table(found.associations))
    if found.coefficients is not None:
        show(coefficients_table(found.coefficients))
        for sentence in (*coefficient_sentences(found.coefficients), *found.coefficients.warnings):
            show(sentence)
    if options.out is not None:
        # A number that is not defined becomes null.
        content = json.loads(json.dumps(asdict(found)), parse_constant=lambda name: None)
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
        write_text(Path(options.out), text + "\n")
        show(f"The factors are written to {options.out}.")
    return found


def _given_rows(
    source: Any, model: ExplainedModel, reading: ReadOptions
) -> Iterator[ExplainedRows]:
    for rows in new_rows(source, model.schema, reading):
        parsed = rows.parsed.reset_index(drop=True)
        yield ExplainedRows(parsed, rows.label, rows.frame[[]].reset_index(drop=True))

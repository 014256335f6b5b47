"""What the report of a run shows, put together from its folder, its file and its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from churn_torch.decisions.offer_profit import OfferProfit
from churn_torch.decisions.offers import Offer
from churn_torch.errors import InputError, without_secrets
from churn_torch.evaluation.reliability import grouped, reliability
from churn_torch.evaluation.score_curves import score_curves
from churn_torch.explanation.explained_model import ExplainedModel, ExplainedRows
from churn_torch.explanation.factors import Factors
from churn_torch.explanation.one_customer import CustomerExplanation, explain_customers
from churn_torch.report.pages.model_report import (
    MeasuredRun,
    ModelReport,
    OfferCurve,
    ReportedRun,
    RunFactors,
    SurvivalReport,
)
from churn_torch.serving.model_path import find_model
from churn_torch.serving.reason_words import cell_in_words
from churn_torch.tables.labelled.carried import VALUE
from churn_torch.tables.labelled.rows import Rows
from churn_torch.tables.schema import Kind, Schema
from churn_torch.workflows.configuration.typed_config import read_options
from churn_torch.workflows.explanation.coefficients import coefficients_of
from churn_torch.workflows.explanation.explain_customer import actionable_columns
from churn_torch.workflows.explanation.factors import ROWS, factors, ranked_importance
from churn_torch.workflows.rows.own_rows import own_rows, sample_rows
from churn_torch.workflows.rows.report_rows import ReportRows, report_rows
from churn_torch.workflows.runs.run_folder import Run, load_run
from churn_torch.workflows.runs.run_names import model_name
from churn_torch.workflows.runs.tested_runs import TestedRun

# Points of a profit curve.
_POINTS = 200


def report_content(run: Run, tested: TestedRun, chunks: Iterable[Rows]) -> ModelReport:
    """Return what the report of one run shows.

    Args:
        run: The run.
        tested: What it has left of its test rows.
        chunks: All rows of its table.

    Raises:
        InputError: From the chunks; or the run has no ONNX file.
    """
    explained, rows = _explained(run, chunks)
    return ModelReport(
        run=measured_run(tested, model_name(run.config)),
        **explained,
        weak_segments=rows.weak.segments,
        not_searched=rows.weak.reason,
    )


def survival_content(run: Run, chunks: Iterable[Rows]) -> SurvivalReport:
    """Return what the report of a run of time to churn shows.

    Args:
        run: The run.
        chunks: All rows of its table.

    Raises:
        InputError: From the chunks; or the run has no ONNX file.
    """
    explained, rows = _explained(run, chunks)
    assert rows.survival is not None
    return SurvivalReport(
        run=ReportedRun(model_name(run.config), str(run.folder), run.config, run.metrics),
        **explained,
        survival=rows.survival.measure(),
    )


def _explained(run: Run, chunks: Iterable[Rows]) -> tuple[dict[str, Any], ReportRows]:
    """Return the fields of the report of any run but the run itself, and its rows."""
    model = ExplainedModel(find_model(str(run.folder)))
    rows = report_rows(run, model, chunks)
    found, customer, missing = None, None, ""
    try:
        found = _factors(run, model, rows)
        customer = _example(model, rows.test)
    except InputError as error:
        missing = f"Factors could not be measured: {error}"
    source = run.options.data.source
    fields = {
        "source": "a table in memory" if source is None else without_secrets(str(source)),
        "columns": run.schema.columns,
        "n_explained": len(rows.test.label),
        "factors": found,
        "no_factors": missing,
        "customer": customer,
    }
    return fields, rows


def run_factors(folder: str, name: str, *, trust: Sequence[str] = ()) -> RunFactors:
    """Return what drives churn by one of several runs, measured on its own table.

    Args:
        folder: The run folder.
        name: Tells it from others.
        trust: As for `churn_torch.load_run`.
    """
    try:
        run = load_run(folder, trust=trust)
        model = ExplainedModel(find_model(folder))
        chunks = own_rows(run, instead=None)
        rows = (ExplainedRows(one.parsed, one.label, one.carried) for one in chunks)
        sample = sample_rows(rows, ROWS, seed=run.options.seed)
        return RunFactors(
            ranked_importance(model, sample, seed=run.options.seed),
            coefficients_of(run, robust=run.options.explain.robust),
        )
    except InputError as error:
        return RunFactors(missing=f"Factors of {name} could not be measured: {error}")


def measured_run(tested: TestedRun, name: str) -> MeasuredRun:
    """Return a run with the curves of its test rows.

    Args:
        tested: What it has left of its test rows.
        name: Tells it from others.

    Raises:
        InputError: An offer in its config.yaml cannot be.
    """
    groups = grouped(tested.probability, tested.label)
    return MeasuredRun(
        name=name,
        folder=tested.folder,
        choices=tested.config,
        metrics=tested.metrics,
        curves=score_curves(groups),
        reliability=reliability(groups),
        profit=[
            _offer_curve(offer, keys, tested)
            for offer, keys in (tested.config.get("offer") or {}).items()
        ],
    )


def _offer_curve(name: str, keys: Mapping[str, Any], tested: TestedRun) -> OfferCurve:
    profit = OfferProfit(read_options(Offer, keys, f"offer.{name}."), name=name)
    profit.update(tested.probability, tested.label, tested.rows[VALUE].to_numpy(np.float64))
    shares, amounts = profit.curve(_POINTS)
    return OfferCurve(name, tuple(shares.tolist()), tuple(amounts.tolist()))


def _factors(run: Run, model: ExplainedModel, rows: ReportRows) -> Factors:
    found = factors(model, rows.test, seed=run.options.seed)
    robust = run.options.explain.robust
    return replace(found, coefficients=coefficients_of(run, rows.train, robust=robust))


def _example(model: ExplainedModel, rows: ExplainedRows) -> CustomerExplanation:
    """Explain the customer in the middle of those who are flagged, else the most probable one."""
    probability = model.probability(rows.parsed)
    order = np.argsort(-probability, kind="stable")
    n_flagged = int((probability.astype(np.float32) >= np.float32(model.threshold)).sum())
    chosen = order[[n_flagged // 2]]
    parsed = rows.parsed.take(chosen).reset_index(drop=True)
    (explained,) = explain_customers(
        model,
        _as_written(parsed, model.schema),
        parsed,
        ids=[None],
        actionable=actionable_columns(model, None),
        among=rows.parsed,
    )
    return explained


def _as_written(parsed: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Return parsed rows with their dates as people write them."""
    dates = {
        column.name: [cell_in_words(cell, column) for cell in parsed[column.name]]
        for column in schema.features
        if column.kind is Kind.DATETIME
    }
    return parsed.assign(**dates)

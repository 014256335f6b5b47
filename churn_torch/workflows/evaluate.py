"""The order of an evaluation: a run's own test rows, or new labelled rows, measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from omegaconf import DictConfig

from churn_torch.console import show
from churn_torch.decisions.offers import Offer
from churn_torch.errors import InputError
from churn_torch.evaluation.groups.segments import segment, segment_metrics
from churn_torch.evaluation.split_metrics import SplitMetrics
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.report.metrics import calibration_warning, metrics_table
from churn_torch.report.profit import profit_table
from churn_torch.report.segments import segments_table
from churn_torch.report.unusual_inputs import unusual_table
from churn_torch.serving.scoring import absent_columns
from churn_torch.tables.customer_value import PREDICTED_VALUE, ValueExpression
from churn_torch.tables.encode import encode
from churn_torch.tables.input_counts import InputCounts
from churn_torch.tables.labelled.carried import VALUE
from churn_torch.tables.labelled.read import located
from churn_torch.tables.options import DataOptions
from churn_torch.tables.readers import sources
from churn_torch.workflows.configuration.options import FairnessOptions
from churn_torch.workflows.configuration.typed_config import plain_config, read_options
from churn_torch.workflows.measurement.fairness import (
    check_compared,
    judge_run,
    refuse_many_values,
    show_fairness,
)
from churn_torch.workflows.measurement.new_uplift import new_uplift
from churn_torch.workflows.measurement.profit import (
    measured_offers,
    offers_and_value,
    profit_figures,
)
from churn_torch.workflows.measurement.survival import evaluated_survival
from churn_torch.workflows.measurement.uplift import show_uplift
from churn_torch.workflows.measurement.weak_segments import WeakSegmentSearch, show_weak_segments
from churn_torch.workflows.rows.new_rows import new_lifetimes, new_rows
from churn_torch.workflows.rows.own_rows import own_rows
from churn_torch.workflows.rows.sliced_rows import SlicedRows, check_sliced, sliced
from churn_torch.workflows.runs.run_folder import Run, load_run


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """All of conf/evaluate.yaml.

    Attributes:
        run: The run folder.
        data: New labelled rows; None for the run's own test rows.
        by: Columns whose values are measured one by one.
        fairness: Which groups of customers are compared.
        out: A CSV or Parquet file for the metrics by segment.
        offer: Retention offers by name; none for those of the run.
        weak_segments: Search for segments where the model is weak.
        allow_unseen: Measure rows of which a column holds nothing but unknown categories.
        trust: Dotted names of classes outside churn_torch that the folder may use.
    """

    run: str = "outputs/latest"
    data: DataOptions | None = None
    offer: Mapping[str, Offer] = field(default_factory=dict)
    by: Sequence[str] = ()
    fairness: FairnessOptions = field(default_factory=FairnessOptions)
    out: str | None = None
    weak_segments: bool = False
    allow_unseen: bool = False
    trust: Sequence[str] = ()


class _Part(NamedTuple):
    """Labelled rows of a chunk: parsed features, labels, columns to slice by, and their values.

    ``carried`` has the columns that may name a customer.
    """

    parsed: pd.DataFrame
    label: npt.NDArray[np.float32]
    sliced: pd.DataFrame
    value: npt.NDArray[np.float64] | None
    carried: pd.DataFrame


def evaluate(config: DictConfig | Mapping[str, Any], *, source: Any = None) -> dict[str, Any]:
    """Measure a run on its own test rows, or on every row of a new labelled table.

    Args:
        config: The composed configuration (conf/evaluate.yaml).
        source: New labelled rows that take the place of ``config.data.source``, as for
            `churn_torch.train`.

    Returns:
        The metrics, with intervals; with ``by`` also ``segments``, a list of what
        `segment_metrics` returns, row by row; with ``fairness.by`` also ``fairness``, a list of
        `Fairness`, as plain values; with ``weak_segments`` also a list of `WeakSegment` as
        dictionaries (all three of `churn_torch.evaluation.groups`); of a model of uplift, on new
        rows that say who was contacted, also ``uplift`` as in metrics.json.

    Raises:
        InputError: The run, the table or a column cannot be used.
    """
    content = plain_config(config)
    if content.get("data") is not None:  # the target is the run's own
        content["data"] = {**content["data"], "target": "target"}
    options = read_options(EvaluateOptions, content)
    options = replace(options, by=tuple(dict.fromkeys(options.by)))
    if source is not None:
        source = located(source)
        options = replace(options, data=options.data or DataOptions(target="target"))
    run = load_run(options.run, trust=options.trust)
    if options.data is None:
        run.check_table()
    if run.options.learns_survival:
        return _lifetimes(run, options, source)
    _check_out(run, options, source)
    fairness = options.fairness
    check_compared(fairness, run, new=options.data is not None)
    offers, value = offers_and_value(run.options, run.schema, options.offer, options.data)
    if options.data is None:
        name, parts = "test", _own_rows(run, options.by)
    else:
        name, parts = "new rows", _new_rows(run, options, source, value)
    weighed = measured_offers(offers, run.threshold)
    measured = SplitMetrics(threshold=run.threshold)
    kept, counts = SlicedRows(options.by), InputCounts(run.schema)
    compared = SlicedRows(() if options.data is None else fairness.by)
    search = WeakSegmentSearch(run) if options.weak_segments else None
    for part in parts:
        probability = run.scorer.score(Columns.from_arrays(encode(part.parsed, run.schema)))
        measured.update(probability, torch.from_numpy(part.label))
        for one in weighed.values():
            assert part.value is not None
            one.update(probability.numpy(), part.label, part.value)
        for rows in (kept, compared):
            rows.add(probability.numpy(), part.label, part.sliced)
        if search is not None:
            search.add(part.parsed, probability.numpy(), part.label, part.carried)
        counts.add({name: part.parsed[name] for name in part.parsed.columns})
    if not options.allow_unseen:
        counts.check_seen()
    if unlike := counts.unusual():
        data = run.options.data if options.data is None else options.data
        absent = {}
        if source is None and data.source is not None:
            absent = absent_columns(run.schema, located(data.source), data.reading)
        show(unusual_table(unlike, absent))
    metrics = {**measured.with_intervals(run.threshold), **profit_figures(weighed)}
    show(metrics_table({name: metrics}))
    for sentence in calibration_warning(metrics):
        show(sentence)
    if weighed:
        show(profit_table(metrics["profit"]))
    if options.data is not None and run.options.learns_uplift:
        given = options.data.source if source is None else source
        uplift = new_uplift(run, given, options.data.reading)
        if uplift is not None:
            show_uplift(uplift)
            metrics["uplift"] = uplift.entry()
    if options.by:
        frame = _show_segments(kept, options.by, run.threshold)
        metrics["segments"] = frame.astype(object).where(frame.notna(), None).to_dict("records")
        if options.out is not None:
            sources.write([frame], options.out)
            show(f"Metrics by segment are written to {options.out}.")
    if search is not None:
        found = search.found()
        show_weak_segments(found)
        metrics["weak_segments"] = [asdict(segment) for segment in found.segments]
    if fairness.by:
        metrics["fairness"] = judge_run(run, fairness, offers, compared if compared.by else None)
        show_fairness(metrics["fairness"])
    return metrics


def _lifetimes(run: Run, options: EvaluateOptions, source: Any) -> dict[str, Any]:
    """Measure a model of time to churn.

    Raises:
        InputError: Something was asked for that counts on whether customers left, not on when.
    """
    for key, asked in (
        ("by", options.by),
        ("fairness.by", options.fairness.by),
        ("offer", options.offer),
        ("weak_segments", options.weak_segments),
    ):
        if asked:
            got = repr(asked) if isinstance(asked, bool) else ", ".join(asked)
            raise InputError(key, expected="nothing for a run of model=survival", got=got)
    if options.data is None:
        return evaluated_survival(run, own_rows(run, doing="Evaluating"))
    source = options.data.source if source is None else source
    if source is None:
        raise InputError("data.source", expected="a table", got="nothing", fix="name one")
    return evaluated_survival(run, new_lifetimes(source, run.schema, options.data.reading))


def _check_out(run: Run, options: EvaluateOptions, source: Any) -> None:
    """Refuse an output without segments, or one in the place of what is read."""
    if options.out is None:
        return
    if not options.by:
        raise InputError(
            "out",
            expected="columns to measure by, whose metrics are written",
            got="no column in by",
            fix="name them, e.g. by=[contract], or leave out away",
        )
    data = run.options.data if options.data is None else options.data
    source = data.source if source is None else source
    if source is not None:
        sources.check_output(options.out, located(source), data.reading)


def _own_rows(run: Run, by: Sequence[str]) -> Iterator[_Part]:
    """Yield the rows that the run held back for the test.

    Raises:
        InputError: The run held none back, or the source has changed.
    """
    names = [column.name for column in run.schema.columns]
    computed = [] if run.options.data.value in (None, PREDICTED_VALUE) else [VALUE]
    check_sliced("by", by, [*names, *computed])
    carry = [name for name in by if name not in computed]
    for rows in own_rows(run, carry=carry, doing="Evaluating"):
        value = rows.carried[VALUE].to_numpy() if computed else None
        of_rows = sliced(rows.carried, run.schema, by)
        yield _Part(rows.parsed, rows.label, of_rows, value, rows.carried)


def _new_rows(
    run: Run, options: EvaluateOptions, source: Any, value: ValueExpression | None
) -> Iterator[_Part]:
    """Yield new labelled rows."""
    data, by, groups = options.data, options.by, options.fairness.by
    assert data is not None
    source = data.source if source is None else source
    if source is None:
        raise InputError("data.source", expected="a table", got="nothing", fix="name one")
    named = {run.options.data.roles.group, run.schema.id}
    for rows in new_rows(source, run.schema, data.reading):
        names = list(rows.frame.columns)
        check_sliced("by", by, names)
        check_sliced("fairness.by", groups, names)
        by_columns = sliced(rows.frame, run.schema, [*by, *groups])
        refuse_many_values(by_columns[[*groups]])
        worth = None if value is None else value(rows.frame, rows.positions)
        carried = rows.frame[[name for name in rows.frame.columns if name in named]]
        yield _Part(rows.parsed, rows.label, by_columns, worth, carried)


def _show_segments(kept: SlicedRows, by: Sequence[str], threshold: float) -> pd.DataFrame:
    """Measure and show the segments of every column."""
    frames = []
    for name in by:
        segments = segment(kept.values(name))
        frame = segment_metrics(name, segments, kept.probability, kept.label, threshold=threshold)
        show(segments_table(name, frame, segments.note))
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)

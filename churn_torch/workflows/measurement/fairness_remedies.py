"""Remedies of unfairness, measured: a threshold for each group, and the model without a column.

Thresholds are chosen on the validation rows, and all is measured on the test rows.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from churn_torch.console import quietly, show
from churn_torch.decisions.offer_profit import row_profits
from churn_torch.evaluation.auroc_interval import area, ranked_counts
from churn_torch.evaluation.groups.fairness import Measure, Remedy
from churn_torch.evaluation.groups.group_metrics import measure
from churn_torch.evaluation.groups.group_thresholds import RULES, group_thresholds
from churn_torch.evaluation.groups.segments import Segments, mean_interval
from churn_torch.report.fairness import remedy_sentence
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.training.options import CacheOptions
from churn_torch.training.process_state import alone, one_thread
from churn_torch.whole_files import private_folder
from churn_torch.workflows.configuration.options import TrainOptions
from churn_torch.workflows.fit import fitted
from churn_torch.workflows.rows.judged_rows import Decided, Flagged, JudgedRows, scored_parts
from churn_torch.workflows.rows.sliced_rows import SlicedRows

NONE, WITHOUT_COLUMN = "none", "without_column"


def measured_remedies(
    column: str,
    rows: JudgedRows,
    model: Decided,
    segments: Segments,
    of_validation: npt.NDArray[np.int64],
) -> tuple[Remedy, ...]:
    """Return what each remedy does to the test rows, after how they are without one.

    A threshold for each group is tried for what differs beyond chance.

    Args:
        column: The column.
        rows: Scored by the model, with validation rows.
        model: The model.
        segments: Groups of the test rows.
        of_validation: Of the validation rows, positions in ``segments.names``.

    Returns:
        With sentences; empty where there is nothing to try.
    """
    now = rows.flagged_from(model.threshold)
    before = measured_remedy(NONE, segments, now, None, rows)
    found = []
    if rows.refit is not None and model.learns(column):
        without = rows.refit(column)
        if without is not None:
            found.append(measured_remedy(WITHOUT_COLUMN, segments, without, now, rows))
    assert rows.validation is not None
    for rule, gap in RULES.items():
        if not before.differs.get(gap):
            continue
        chosen = group_thresholds(
            rule,
            of_validation,
            len(segments.names),
            rows.validation.probability,
            rows.validation.label,
            threshold=model.threshold,
        )
        decided = rows.flagged_from(chosen[segments.codes])
        by_group = dict(zip(segments.names, map(float, chosen), strict=True))
        remedy = measured_remedy(rule, segments, decided, now, rows)
        found.append(replace(remedy, thresholds=by_group))
    said = [
        replace(one, sentence=remedy_sentence(asdict(one), asdict(before), column)) for one in found
    ]
    return (before, *said) if said else ()


def measured_remedy(
    name: str, segments: Segments, decided: Flagged, now: Flagged | None, rows: JudgedRows
) -> Remedy:
    """Measure decisions, and what they bring beside those of now.

    Args:
        name: Of the remedy.
        segments: Groups of the test rows.
        decided: With the remedy.
        now: Without it; None where that is what is measured.
        rows: With both classes, and what customers are worth where there are offers.
    """
    label, flagged = rows.test.label, decided.flagged
    _, gaps = measure(segments, decided.probability, label, flagged)
    hits = int((flagged & (label == 1)).sum())
    change, worth = {}, rows.test.worth
    for offer_name, offer in rows.offers.items():
        if now is None:
            break
        assert worth is not None
        after, before = (
            row_profits(offer, one.flagged, label, worth, threshold=0.5) for one in (decided, now)
        )
        difference = after - before
        change[offer_name] = Measure(float(difference.mean()), *mean_interval(difference))
    return Remedy(
        name,
        gaps={gap.name: gap.value for gap in gaps},
        differs={gap.name: gap.differs for gap in gaps},
        selection_rate=float(flagged.mean()),
        precision=hits / int(flagged.sum()) if flagged.any() else None,
        recall=hits / int((label == 1).sum()),
        thresholds={},
        auroc=area(*ranked_counts(decided.probability, label)),
        profit_change=change,
    )


def without_column(
    options: TrainOptions, source: Any, test: SlicedRows, column: str
) -> Flagged | None:
    """Fit the model without a column, and let it decide on the test rows.

    Args:
        options: Every choice of the training.
        source: As for `churn_torch.train`.
        test: The test rows.
        column: An input.

    Returns:
        None where its test rows are others: the split depends on the column.
    """
    plain = replace(
        options,
        data=replace(options.data, ignore=[*options.data.ignore, column]),
        cache=CacheOptions(),
        callbacks=replace(options.callbacks, progress=False),
        trainer=replace(options.trainer, enable_checkpointing=False),
        logger={},
    )
    show(f"Fitting again without {column}.")
    with alone(), one_thread() as n_threads, private_folder() as folder:
        table = read_labelled(plain.table, seed=options.seed, source=source, announce=quietly)
        with fitted(plain, table, folder, n_threads=n_threads, announce=quietly) as model:
            decided = Decided(model.scorer, model.schema, model.threshold)
            rows = scored_parts(table.chunks(), decided, [column])["test"]
    if not np.array_equal(rows.label, test.label):
        show(f"Without {column} the rows are split in another way, so the two do not compare.")
        return None
    return Flagged(rows.probability, rows.probability >= np.float32(decided.threshold))

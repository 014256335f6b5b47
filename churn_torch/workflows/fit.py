"""The order of a fit: from a table to a calibrated scorer with its threshold.

A training, a fold of a cross-validation, a trial of a study and `ChurnClassifier` all fit this way.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import pytorch_lightning as pl
from rich.console import RenderableType

from churn_torch.console import quietly
from churn_torch.errors import InputError
from churn_torch.evaluation.leakage.column_scores import binned
from churn_torch.evaluation.split_metrics import SplitMetrics
from churn_torch.evaluation.thresholds import PROFIT
from churn_torch.evaluation.uplift.randomisation import check_randomised
from churn_torch.models.preprocessing.preprocess import Preprocess
from churn_torch.models.preprocessing.statistics import Statistics, fit_statistics
from churn_torch.models.scorer import Scorer
from churn_torch.report.fit_summary import calibration_sentence, features_table, rare_sentence
from churn_torch.tables.labelled.in_memory import MemoryTable
from churn_torch.tables.labelled.rows import LabelledTable
from churn_torch.tables.schema import Schema
from churn_torch.training.build import build_preprocess, build_scorer
from churn_torch.training.calibrate import calibrate
from churn_torch.training.fit import fit_net
from churn_torch.training.fit_preprocessing import fit_preprocessing
from churn_torch.training.inference import fit_baseline, scored
from churn_torch.training.optimizer_choice import LOGISTIC
from churn_torch.training.options import Component
from churn_torch.training.rows.materialize import Store, materialized
from churn_torch.training.selection import (
    chi2_scores,
    choose,
    l1_scores,
    mutual_info_scores,
    permutation_scores,
)
from churn_torch.training.spend import fit_spend
from churn_torch.training.treatment_balance import balance_of
from churn_torch.workflows.configuration.options import TrainOptions
from churn_torch.workflows.measurement.lifetimes import with_baselines
from churn_torch.workflows.measurement.profit import profit_threshold
from churn_torch.workflows.measurement.profit_loss import payoff_function
from churn_torch.workflows.measurement.spend import amounts_spent
from churn_torch.workflows.rows.row_counts import show_rows, watched

# What the features need, learned before: the completed schema and its statistics.
Learned = tuple[Schema, Statistics]


class Prepared(NamedTuple):
    """A table as the nets see it: columns and numbers learned from the training rows, all rows."""

    schema: Schema
    statistics: Statistics
    store: Store


@dataclass(frozen=True)
class Fitted:
    """What a fit leaves.

    Attributes:
        schema: Completed by the training rows.
        scorer: Trained and calibrated, in evaluation mode.
        store: The rows of every part, preprocessed.
        threshold: The decision threshold, chosen on the validation rows.
        validation: The metrics of the validation rows.
        fit: What `churn_torch.training.fit.fit_net` tells, and the seconds it took.
        features: How the columns were chosen, empty where all are taken.
    """

    schema: Schema
    scorer: Scorer
    store: Store
    threshold: float
    validation: dict[str, Any]
    fit: dict[str, Any]
    features: dict[str, Any]


@contextlib.contextmanager
def fitted(
    options: TrainOptions,
    table: LabelledTable,
    folder: Path,
    *,
    n_threads: int,
    checkpoint: Path | None = None,
    learned: Learned | None = None,
    announce: Callable[[RenderableType], None],
    described: Mapping[str, Any] | None = None,
    inspect: Callable[[LabelledTable], None] = lambda table: None,
) -> Iterator[Fitted]:
    """Choose columns, fit a scorer, calibrate it and choose its threshold.

    The test rows are preprocessed and kept ready, and not looked at.

    Args:
        options: Every choice (conf/train.yaml).
        table: Read and split.
        folder: For the checkpoint, the loggers and the features of a large table.
        n_threads: Threads that it may take.
        checkpoint: Where to go on from.
        learned: Takes the place of what the training rows would teach the features.
        announce: Tells the user a sentence.
        described: The choices as loggers are to show them.
        inspect: Called with the table once its rows have been read, before the fit.

    Raises:
        InputError: A choice cannot be used.
    """
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    pl.seed_everything(options.seed, workers=True, verbose=False)
    table, features = selected(options, table, folder, n_threads=n_threads, announce=announce)
    with prepared(options, folder, table, announce, learned, inspect) as prepared_rows:
        schema, statistics, store = prepared_rows
        # Fit; early stopping looks at the validation rows.
        scorer = new_scorer(options, schema, statistics)
        spend = None if scorer.spend is None else amounts_spent(table)
        balance = None
        if schema.treatment is not None:
            balance = balance_of(scorer, store.parts["train"])
            has_chances = schema.treatment_probability is not None
            check_randomised(balance, probability_given=has_chances)
        start = time.perf_counter()
        fit = fit_net(
            options,
            folder,
            scorer.train(),
            store,
            class_weights=table.weight_by_class["train"],
            fingerprint=table.fingerprint,
            checkpoint=checkpoint,
            n_threads=n_threads,
            announce=announce,
            described=described,
        )
        fit["seconds"] = round(time.perf_counter() - start, 2)
        if balance is not None:
            fit["randomisation"] = {
                "auroc": balance.auroc,
                "interval": list(balance.interval),
                "imbalanced": balance.imbalanced,
            }
        scorer.eval()
        fit_baseline(scorer, store.parts["train"])

        choice = calibrate(scorer, store.parts["validation"])
        if choice is not None:
            fit["calibration"] = asdict(choice)
            announce(calibration_sentence(fit["calibration"]))
        if spend is not None:
            fit["spend"] = fit_spend(scorer, store, spend)._asdict()
        rule: str | float = options.threshold
        if rule == PROFIT:
            rule = profit_threshold(
                options, table, scored(scorer, store.parts["validation"]), announce
            )
        split_metrics = SplitMetrics(threshold=None if isinstance(rule, str) else rule)
        for each in scored(scorer, store.parts["validation"]):
            split_metrics.update(*each.judged)
        threshold = split_metrics.choose_threshold(rule, top_share=options.top_share)
        validation = split_metrics.evaluate(threshold)
        yield Fitted(schema, scorer, store, threshold, validation, fit, features)


def selected(
    options: TrainOptions,
    table: LabelledTable,
    folder: Path,
    *,
    n_threads: int,
    announce: Callable[[RenderableType], None],
) -> tuple[LabelledTable, dict[str, Any]]:
    """Return the table with the columns that the training rows choose, and how they were chosen."""
    method, k = options.features.select, options.features.k
    if method == "none":
        return table, {}
    if not isinstance(table, MemoryTable):
        raise InputError(
            "features.select",
            expected=f"a table in memory for {method}",
            got="a streamed one",
            fix="set data.streaming=false if it fits, or features.select=none",
        )
    share = options.data.split.validation
    inner = table.within_training(validation=share, seed=options.seed)
    plain = replace(
        options,
        features=replace(options.features, select="none"),
        trainer=replace(options.trainer, enable_checkpointing=False),
        logger={},
    )

    if method in ("chi2", "mutual_info"):
        rows = table.rows_of("train")
        schema, _ = fit_statistics([rows.parsed], table.schema, options.preprocess)
        levels = binned(rows.parsed, schema)
        scores = (chi2_scores if method == "chi2" else mutual_info_scores)(levels, rows.label)
    elif method == "l1":
        l2 = options.penalty.l2
        # Columns are what is chosen among, whatever a model makes of them.
        plain = replace(plain, model=Component(target=LOGISTIC))
        with prepared(plain, folder, inner, quietly) as (schema, statistics, store):
            preprocess = build_preprocess(plain, schema)
            preprocess.load_statistics(statistics)
            scores = l1_scores(
                preprocess,
                store.parts["train"],
                store.parts["validation"],
                l2=l2 if isinstance(l2, int | float) else min(l2),
                k=k,
            )
    else:
        with fitted(plain, inner, folder, n_threads=n_threads, announce=quietly) as model:
            held = inner.rows_of("validation")
            scores = permutation_scores(model.scorer, model.schema, held, seed=options.seed)
    selection = choose(method, scores, k)
    announce(features_table(selection.method, selection.scores, selection.chosen))
    schema = selection.narrowed(table.schema)
    parsed = table.parsed[[column.name for column in schema.features]]
    table = replace(table, schema=schema, parsed=parsed)
    return table, {"select": method, "k": k, "scores": selection.scores, "chosen": selection.chosen}


@contextlib.contextmanager
def prepared(
    options: TrainOptions,
    folder: Path,
    table: LabelledTable,
    announce: Callable[[RenderableType], None],
    learned: Learned | None = None,
    inspect: Callable[[LabelledTable], None] = lambda table: None,
) -> Iterator[Prepared]:
    """Learn the features from the training rows, then preprocess every row once.

    Args:
        options: Every choice.
        folder: Where the features of a table that is streamed are kept meanwhile.
        table: From `read_table`.
        announce: Tells the user a sentence.
        learned: Takes the place of what the training rows would teach the features.
        inspect: As for `fitted`.
    """
    schema, statistics = learned or fit_preprocessing(
        options, table, watch=lambda rows: watched(rows, table, "Reading")
    )
    schema = with_baselines(schema, table)
    show_rows(table, announce)
    rare = [c.name for c in schema.text if c.has_rare and not c.vocabulary]
    if rare:
        announce(rare_sentence(rare, options.preprocess.min_count))
    inspect(table)
    preprocess = build_preprocess(options, schema)
    preprocess.load_statistics(statistics)
    with _features(options, folder, table, schema, preprocess, announce) as store:
        yield Prepared(schema, statistics, store)


def new_scorer(options: TrainOptions, schema: Schema, statistics: Statistics) -> Scorer:
    """Return an untrained scorer for prepared rows."""
    scorer = build_scorer(options, schema)
    scorer.preprocess.load_statistics(statistics)
    return scorer


def _features(
    options: TrainOptions,
    folder: Path,
    table: LabelledTable,
    schema: Schema,
    preprocess: Preprocess,
    announce: Callable[[RenderableType], None],
) -> contextlib.AbstractContextManager[Store]:
    cache = options.cache.folder
    choices = f"{options.data.split} {options.seed} {options.data.id}"
    if options.loss == "profit":
        choices += f" {options.offer}"
    return materialized(
        table,
        schema,
        preprocess,
        watch=lambda rows: watched(rows, table, "Preprocessing"),
        announce=announce,
        folder=folder / "features",
        cache=None if cache is None else Path(cache),
        most_bytes=options.cache.max_gb * 1e9,
        choices=choices,
        payoff_of=payoff_function(options),
    )

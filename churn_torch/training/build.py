"""Build the scorer and the Lightning module that the options describe."""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from typing import Any

from torch import nn

from churn_torch.errors import InputError
from churn_torch.models.calibration import Calibrator
from churn_torch.models.nets.ensemble import Ensemble, Fold
from churn_torch.models.nets.survival import Hazard
from churn_torch.models.nets.uplift import EffectHead
from churn_torch.models.preprocessing.preprocess import Preprocess
from churn_torch.models.scorecard.binning import ScorecardOptions
from churn_torch.models.scorecard.features import ScorecardFeatures
from churn_torch.models.scorecard.wide_features import WideFeatures
from churn_torch.models.scorer import Scorer
from churn_torch.models.spend_head import SpendHead
from churn_torch.tables.labelled.lifetimes import LifetimeColumns
from churn_torch.tables.schema import Schema
from churn_torch.training.components import maker_of
from churn_torch.training.logistic.exact_module import ExactModule
from churn_torch.training.logistic.person_periods import PersonPeriods
from churn_torch.training.module import ChurnModule, FitModule
from churn_torch.training.optimizer_choice import SCORECARD, is_exact
from churn_torch.training.options import Component, FitOptions
from churn_torch.training.profit_module import PayoffScale, ProfitModule
from churn_torch.training.survival_module import SurvivalModule

WIDE_DEEP = "churn_torch.models.nets.wide_deep.WideDeep"
# The features of nets that contain a scorecard; all others have those of `Preprocess`.
SCORECARD_FEATURES: dict[str, type[Preprocess]] = {
    SCORECARD: ScorecardFeatures,
    WIDE_DEEP: WideFeatures,
}


def scorecard_options(options: FitOptions) -> ScorecardOptions | None:
    """Return the options of the scorecard that the model contains, None for other models.

    Raises:
        InputError: An option is out of range.
    """
    model, bins = options.own_net, options.preprocess.bins
    if model.target not in SCORECARD_FEATURES:
        return None
    if bins and model.target == SCORECARD:
        raise InputError(
            "preprocess.bins",
            expected="0 with model=scorecard, which cuts numbers itself",
            got=str(bins),
            fix="set model.bins",
        )
    names = ("bins", "pair_bins", "pairs")
    return ScorecardOptions(**{n: model.arguments[n] for n in names if n in model.arguments})


def build_preprocess(options: FitOptions, schema: Schema) -> Preprocess:
    """Return the preprocessing of a model, without its statistics."""
    features = SCORECARD_FEATURES.get(options.own_net.target, Preprocess)
    return features(schema, options.preprocess)


def build_scorer(options: FitOptions, schema: Schema) -> Scorer:
    """Return an untrained scorer whose sizes come from the completed schema alone.

    With ``cv.average`` it is the mean of as many nets as there are folds, each calibrated.
    """
    preprocess = build_preprocess(options, schema)
    make = maker_of("net" if options.wraps else "model", options.own_net)
    calibrator = maker_of("calibration", calibration_of(options))
    features: dict[str, list[int]] = {column: [] for column in preprocess.columns}
    for feature, column in enumerate(preprocess.feature_columns):
        features[column].append(feature)
    # The sizes that the table decides: each net takes those that its signature names.
    sizes = {
        "n_features": preprocess.n_features,
        "n_numbers": preprocess.piecewise.n_numbers,
        "columns": list(features.values()),
        "n_terms": preprocess.n_terms if isinstance(preprocess, WideFeatures) else 0,
        "sequences": preprocess.sequence_layouts,
    }
    taken = inspect.signature(make).parameters
    check_reads_sequences(options, [column.name for column in schema.lists])
    sizes = {name: size for name, size in sizes.items() if name in taken}

    def net() -> nn.Module:
        nets = [make(**sizes) for _ in range(options.ensemble)]
        return nets[0] if len(nets) == 1 else Ensemble(nets)

    spend = None if schema.spend is None else SpendHead(preprocess.n_features)
    if options.learns_uplift:
        body = net()
        head = body.head if hasattr(body, "hidden") else None
        effect = EffectHead(head.in_features) if isinstance(head, nn.Linear) else net()
        return Scorer(preprocess, body, calibrator(), effect, spend)
    if options.learns_survival:
        return Scorer(preprocess, net(), Calibrator(), hazard=_hazard(schema))
    if not options.cv.average:
        return Scorer(preprocess, net(), calibrator(), spend=spend)
    n_folds = options.cv.folds * options.cv.repeats
    members = [Fold(net(), calibrator()) for _ in range(n_folds)]
    return Scorer(preprocess, Ensemble(members), Calibrator())


def _hazard(schema: Schema) -> Hazard:
    columns = LifetimeColumns.of(schema)
    assert columns is not None
    groups = [[column.name for column in group] for group in (schema.float32, schema.float64)]
    wide = columns.stayed in groups[1]
    return Hazard(columns, (int(wide), groups[wide].index(columns.stayed)))


def reads_sequences(options: FitOptions) -> bool:
    """Return whether the net of a model reads columns of lists."""
    group = "net" if options.wraps else "model"
    return "sequences" in inspect.signature(maker_of(group, options.own_net)).parameters


def check_reads_sequences(options: FitOptions, lists: Sequence[str]) -> None:
    """Refuse columns of lists for a net that reads none, and the other way round.

    Args:
        options: With the model.
        lists: The names of the columns of lists.

    Raises:
        InputError: One of the two stands alone.
    """
    reads = reads_sequences(options)
    if reads == bool(lists):
        return
    name = options.own_net.target.rpartition(".")[2]
    if reads:
        raise InputError(
            "data.sequences",
            expected=f"columns of lists for {name}, which reads the events of a customer",
            got="none",
            fix="name them in data.sequences, or choose another model",
        )
    raise InputError(
        "model",
        expected="gru or event_transformer with data.sequences",
        got=f"{name}, which cannot read lists ({', '.join(map(repr, lists))})",
        fix="choose model=gru, or leave data.sequences out",
    )


def calibration_of(options: FitOptions) -> Component:
    """Return the calibrator's class: ``auto`` with ``loss=profit`` is Platt scaling.

    Scores that were trained on profit are far from log-odds, so none is no choice for them.
    """
    if options.loss == "profit" and options.calibration.target.endswith(".Auto"):
        return Component(target="churn_torch.models.calibration.Platt")
    return options.calibration


def build_module(
    options: FitOptions,
    scorer: Scorer,
    *,
    n_negative: float,
    n_positive: float,
    n_threads: int,
    payoffs: PayoffScale | None = None,
) -> FitModule:
    """Return the Lightning module around a scorer.

    Args:
        options: Without any ``auto`` (`with_sizes`).
        scorer: The scorer; its net is to be trained.
        n_negative: Sum of the weights of the training rows without churn.
        n_positive: Sum of the weights of the training rows with churn.
        n_threads: Threads that the fit may use.
        payoffs: The scale of the training rows' payoffs, with ``loss=profit``.

    Raises:
        InputError: ``class_weight`` is none of its choices, or a penalty does not suit the
            optimizer.
    """
    weight = positive_weight(options.class_weight, n_negative, n_positive)
    penalty = options.penalty
    l2 = penalty.l2
    strengths = [l2] if isinstance(l2, int | float) else list(l2)
    make_optimizer = maker_of("optimizer", options.optimizer)
    if options.learns_survival and is_exact(options):
        return PersonPeriods(scorer, optimizer=make_optimizer, l1=penalty.l1, l2=strengths)
    if is_exact(options):
        return ExactModule(
            scorer,
            optimizer=make_optimizer,
            l1=penalty.l1,
            l2=strengths,
            folds=penalty.folds,
            positive_weight=weight,
            n_threads=n_threads,
        )
    if not isinstance(l2, int | float):
        raise InputError(
            "penalty.l2",
            expected=f"a number for {options.optimizer.target.rpartition('.')[2]}",
            got=str(strengths),
            fix="choose one of them, or optimizer=newton or lbfgs, which try them all",
        )
    keywords: dict[str, Any] = {
        "optimizer": make_optimizer,
        "scheduler": options.scheduler and maker_of("scheduler", options.scheduler),
        "l1": penalty.l1,
        "l2": l2,
        "gradient_clip": options.gradient_clip,
        "ema_decay": options.ema_decay,
        "compiled": options.compile,
        "seed": options.seed,
    }
    if options.learns_survival:
        return SurvivalModule(scorer, **keywords)
    if payoffs is not None:
        return ProfitModule(scorer, scale=payoffs, **keywords)
    return ChurnModule(scorer, positive_weight=weight, **keywords)


def positive_weight(class_weight: Any, n_negative: float, n_positive: float) -> float:
    """Return the weight of a churner in the loss.

    Args:
        class_weight: The option: none, balanced or the weight.
        n_negative: Sum of the weights of the training rows without churn.
        n_positive: Sum of the weights of the training rows with churn.

    Raises:
        InputError: The option is none of these.
    """
    if class_weight in (None, "none"):
        return 1.0
    if class_weight == "balanced":
        return float(n_negative / n_positive)
    is_number = isinstance(class_weight, int | float) and not isinstance(class_weight, bool)
    if is_number and 0 < class_weight < math.inf:
        return float(class_weight)
    raise InputError(
        "class_weight",
        expected="none, balanced or a positive number (the weight of a churner)",
        got=repr(class_weight),
    )

"""What a classifier makes of the choices of a training, and what it warns of."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any

from omegaconf import DictConfig
from sklearn.utils import check_random_state

from churn_torch.errors import InputError
from churn_torch.report.fit_summary import fit_sentence
from churn_torch.tables.schema import Schema
from churn_torch.workflows.configuration.check_config import check_choices, refuse_folds
from churn_torch.workflows.configuration.options import TrainOptions, train_options

_TABLE = "give the table to fit as X"
_LABELS = "give the labels to fit as y"
_RUN = "a classifier writes no run folder; churn_torch.train does"
# Keys and groups, and what to do instead.
_INSTEAD = {
    "model": "set the parameter model=",
    "seed": "set the parameter random_state=",
    "resume": _RUN,
    "outputs": _RUN,
    "logger": _RUN,
    "cache": "a classifier keeps its rows in memory",
    "callbacks.progress": _RUN,
    "trainer.enable_checkpointing": _RUN,
    "hydra": "leave it out",
    "tune": "use a search of scikit-learn",
    "data": _TABLE,
    "data.source": _TABLE,
    "data.database": _TABLE,
    "data.streaming": _TABLE,
    "data.encoding": _TABLE,
    "data.skip": _TABLE,
    "data.sheet": _TABLE,
    "data.test_source": "give the other rows to predict_proba or score",
    "data.split.test": "hold rows back yourself, e.g. with train_test_split",
    "data.target": _LABELS,
    "data.positive": "set the parameter positive=",
    "data.negative": "give fit rows of two labels only",
    "data.id": "drop the column, or name it in data.ignore=[...]",
    "data.weight": "give fit the weights as sample_weight",
    "data.treatment": "use churn_torch.train with model=uplift",
    "data.treatment_probability": "use churn_torch.train with model=uplift",
    "data.spend": "churn_torch.train learns what customers spend",
    "data.duration": "use churn_torch.train with model=survival",
    "data.carry": _RUN,
    "fairness": _RUN,
    "loss": "churn_torch.train takes data.value, which loss=profit needs",
}
# Groups whose keys below are choices of their own: only the whole is refused.
_WITH_OWN_KEYS = ("data", "model")
# What a classifier does anyway.
_FOLLOWED = {"data=table", "logger=none"}


def check_followed(overrides: Sequence[str]) -> None:
    """Refuse overrides that a fit without a run folder would have to drop.

    Raises:
        InputError: Naming the key and what takes its place; or they are no list of texts.
    """
    is_list = isinstance(overrides, list | tuple)
    if not is_list or not all(isinstance(override, str) for override in overrides):
        raise InputError(
            "overrides",
            expected='a list of texts, such as ["optimizer.lr=0.01"]',
            got=repr(overrides),
            fix=f"write [{overrides!r}]" if isinstance(overrides, str) else "write such a list",
        )
    for override in overrides:
        key, _, value = re.sub(r"^(\+\+|\+|~)", "", override.strip()).partition("=")
        for refused, instead in _INSTEAD.items():
            below = refused not in _WITH_OWN_KEYS and key.startswith((f"{refused}.", f"{refused}/"))
            if (key == refused or below) and override not in _FOLLOWED:
                raise _not_followed(key, value or "nothing", instead)


def _not_followed(key: str, value: str, instead: str) -> InputError:
    return InputError(key, expected="a choice that a classifier can follow", got=value, fix=instead)


def classifier_options(
    config: DictConfig | Mapping[str, Any],
    *,
    target: str,
    weight: str | None,
    numbers: Sequence[str],
    random_state: Any,
) -> TrainOptions:
    """Return the options of a fit on a table whose target is 1 and 0.

    Args:
        config: A composed conf/train.yaml.
        target: The column of the labels.
        weight: The column of the weights, if there is one.
        numbers: Columns that can be nothing but numbers.
        random_state: As scikit-learn takes it.

    Raises:
        InputError: A choice cannot be used.
    """
    options = train_options(config)
    if isinstance(random_state, Integral):
        seed = int(random_state)
    else:
        seed = check_random_state(random_state).randint(2**31 - 1)
    data = replace(
        options.data,
        target=target,
        positive="1",
        weight=weight,
        kinds=options.data.kinds or dict.fromkeys(numbers, "numeric"),
    )
    options = replace(
        options,
        data=data,
        seed=seed,
        trainer=replace(options.trainer, enable_checkpointing=False),
        callbacks=replace(options.callbacks, progress=False),
    )
    check_choices(options)
    if options.trainer.profiler is not None:
        raise _not_followed("trainer.profiler", str(options.trainer.profiler), _RUN)
    refuse_folds(options, "a classifier")
    return options


def left_out_sentence(schema: Schema) -> str:
    """Say which columns are left out that the caller did not name, ``""`` where there are none."""
    start, asked = "left out: ", "left out: asked for"
    left = [
        f"{column.name!r} ({column.note.removeprefix(start)})"
        for column in schema.columns
        if column.note.startswith(start) and column.note != asked
    ]
    if not left:
        return ""
    return (
        f"Columns left out: {', '.join(left)}. The override data.kinds.COLUMN=numeric or "
        "categorical keeps one, data.ignore=[COLUMN] leaves it out without this warning."
    )


def unconverged_sentence(fit: Mapping[str, Any]) -> str:
    """Say that the solver has not converged, ``""`` where it has or there is none.

    Args:
        fit: The entry ``fit`` of metrics.json.
    """
    return "" if fit.get("exact", {}).get("converged", True) else fit_sentence(fit)

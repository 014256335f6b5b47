"""A search space: which keys are tried, in which ranges. Choices are plain nested mappings."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from churn_torch.errors import InputError, suggest

Space = dict[str, BaseDistribution]
Values = dict[str, Any]
Choices = Mapping[str, Any]

FIELDS = ("low", "high", "log", "step", "choices")
# First words of keys that decide which rows are compared, or what comes after the fit: trials that
# differ in them could not be compared, or would not differ.
APART = frozenset(
    {
        *("data", "seed", "outputs", "resume", "cache", "logger", "callbacks", "calibration"),
        *("threshold", "top_share", "export", "tune"),
    }
)
# First words of keys that only the fit reads; after a change of another, rows are prepared anew.
# (class_weight is none of them: it shifts the points that wide_deep has among its features.)
OF_THE_FIT = frozenset(
    {
        *("model", "optimizer", "scheduler", "trainer", "penalty", "patience", "train_rows"),
        *("batch_size", "smallest_batch", "gradient_clip", "ema_decay", "ensemble"),
    }
)
# Keys of a model that decide how rows are prepared: a scorecard's.
OF_THE_FEATURES = frozenset({"model.bins", "model.pair_bins", "model.pairs"})


def read_space(given: Mapping[str, Any], choices: Choices) -> Space:
    """Return the search space of ``tune.space`` by dotted keys.

    Args:
        given: The ranges as conf/tune has them.
        choices: Every choice of a training.

    Raises:
        InputError: It is empty, a key is not one that can be tuned, or a range cannot be used.
    """
    if not given:
        raise InputError(
            "tune.space: expected at least one key with {low, high} or {choices}, got none; take a "
            "space of conf/tune with tune=MODEL."
        )
    known = [key for key, _ in _leaves(choices) if not _is_apart(key)]
    space = {}
    for key, entry in _leaves(given, FIELDS):
        if _is_apart(key):
            raise InputError(
                f"tune.space: expected keys that change the fit, got {key!r}, which decides the "
                "rows or what comes after the fit; set it for the whole study instead."
            )
        if key not in known:
            what = (
                "which stands for several"
                if any(other.startswith(f"{key}.") for other in known)
                else "which is not one"
            )
            raise InputError(
                f"tune.space: expected a key of the configuration with one value, got {key!r}, "
                f"{what}{suggest(key, known)}; --help shows all keys."
            )
        space[key] = _distribution(key, entry)
    return space


def current_values(choices: Choices, space: Space) -> Values:
    """Return the values that the keys have in the choices: the first trial.

    Raises:
        InputError: A value lies outside its range.
    """
    return {key: _checked(key, _leaf(choices, key), d) for key, d in space.items()}


def with_values(choices: Choices, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of the choices with other values, by dotted keys."""
    changed = copy.deepcopy(dict(choices))
    for key, value in values.items():
        *groups, name = key.split(".")
        node: Any = changed
        for group in groups:
            node = node[group]
        node[name] = value
    return changed


def _leaf(choices: Choices, key: str) -> Any:
    node: Any = choices
    for name in key.split("."):
        node = node[name]
    return node


def prepares_anew(space: Space) -> bool:
    """Tell whether trials differ in how rows are prepared, not only in how they are fitted."""
    return any(key in OF_THE_FEATURES or key.partition(".")[0] not in OF_THE_FIT for key in space)


def deciding_choices(choices: Choices) -> Values:
    """Return what decides the value of a trial beside the space and the table, by dotted keys."""
    elsewhere = {"data.source", "data.database"}  # wherever it lies, its fingerprint is compared
    return {
        key: value
        for key, value in _leaves(choices)
        if key not in elsewhere and (not _is_apart(key) or key.startswith(("seed", "data.")))
    }


def _is_apart(key: str) -> bool:
    return key.partition(".")[0] in APART


def _leaves(node: Any, fields: tuple[str, ...] = (), prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted keys and what stands there; mappings of ``fields`` are not taken apart."""
    for name, value in node.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict) and value and not any(field in value for field in fields):
            yield from _leaves(value, fields, f"{key}.")
        else:
            yield key, value


def _distribution(key: str, entry: Any) -> BaseDistribution:
    place = f"tune.space.{key}"
    if not isinstance(entry, dict) or not entry:
        raise InputError(f"{place}: expected {{low, high}} or {{choices}}, got {entry!r}.")
    for field in entry:
        if field not in FIELDS:
            raise InputError(
                f"{place}: expected {', '.join(FIELDS)}, got {field!r}{suggest(field, FIELDS)}."
            )
    if "choices" in entry:
        return _categories(place, entry)
    low: Any = entry.get("low")
    high: Any = entry.get("high")
    step: Any = entry.get("step")
    log = entry.get("log", False)
    if not _is_number(low) or not _is_number(high) or not (step is None or _is_number(step)):
        raise InputError(
            f"{place}: expected numbers for low, high and step, got low={low!r} high={high!r}"
            f"{'' if step is None else f' step={step!r}'}."
        )
    if not low < high:
        raise InputError(f"{place}: expected low below high, got low={low} high={high}.")
    if not isinstance(log, bool) or (log and (low <= 0 or step is not None)):
        raise InputError(
            f"{place}: expected log=true only with low above 0 and without a step, got log={log!r} "
            f"low={low}{'' if step is None else f' step={step}'}."
        )
    if step is not None and not 0 < step <= high - low:
        raise InputError(
            f"{place}: expected a step above 0 and at most high - low, got step={step}."
        )
    whole = [number for number in (low, high, step) if number is not None]
    if all(isinstance(number, int) for number in whole):
        step = 1 if step is None else step
        return IntDistribution(low, high - (high - low) % step, log=log, step=step)
    if step is not None:
        high = low + int((high - low) / step + 1e-9) * step
    return FloatDistribution(low, high, log=log, step=step)


def _categories(place: str, entry: dict[str, Any]) -> CategoricalDistribution:
    choices = entry["choices"]
    simple = (str, int, float, bool, type(None))
    if len(entry) > 1:
        raise InputError(f"{place}: expected choices alone, got {', '.join(entry)}.")
    if (
        not isinstance(choices, list)
        or len(choices) < 2
        or not all(isinstance(choice, simple) for choice in choices)
    ):
        raise InputError(
            f"{place}: expected a list of two or more words, numbers, true, false or null for "
            f"choices, got {choices!r}."
        )
    return CategoricalDistribution(choices)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _checked(key: str, value: Any, distribution: BaseDistribution) -> Any:
    """Return a value in the type of its range."""
    if isinstance(distribution, CategoricalDistribution):
        if value in distribution.choices:
            return value
        expected = f"one of its choices ({', '.join(map(str, distribution.choices))})"
    elif isinstance(distribution, IntDistribution | FloatDistribution):
        low, high, step = distribution.low, distribution.high, distribution.step
        if _is_number(value) and low <= value <= high:
            off = 0.0 if step is None else abs((value - low) / step - round((value - low) / step))
            if off < 1e-8:
                return int(value) if isinstance(distribution, IntDistribution) else float(value)
        grid = f" in steps of {step}" if step not in (None, 1) else ""
        expected = f"a number from {low} to {high}{grid}"
    raise InputError(
        f"tune.space.{key}: the first trial is the configuration itself, so expected {key} to be "
        f"{expected}, got {value!r}; set it, or widen the space."
    )

"""A search space: which keys are tried, in which ranges. Choices are nested plain mappings."""

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
# First words of keys that decide the rows, or what happens after the fit: trials that differ in
# them could not be compared, or would be the same.
OUTSIDE_THE_FIT = frozenset(
    {
        *("data", "seed", "outputs", "resume", "cache", "logger", "callbacks", "calibration"),
        *("threshold", "top_share", "export", "tune"),
    }
)
# First words of keys that only the fit reads; other keys change how rows are preprocessed.
# (class_weight is not one of them: it shifts the points that wide_deep has among its features.)
OF_THE_FIT = frozenset(
    {
        *("model", "net", "optimizer", "scheduler", "trainer", "penalty", "patience", "train_rows"),
        *("batch_size", "smallest_batch", "gradient_clip", "ema_decay", "ensemble"),
    }
)
# Keys of a model that change how rows are preprocessed: those of a scorecard.
OF_THE_FEATURES = frozenset(
    f"{group}.{key}" for group in ("model", "net") for key in ("bins", "pair_bins", "pairs")
)


def read_space(given: Mapping[str, Any], choices: Choices) -> Space:
    """Return the search space of ``tune.space`` by dotted keys.

    Args:
        given: The ranges as conf/tune has them.
        choices: Every choice of a training.

    Raises:
        InputError: It is empty, a key cannot be tuned, or a range cannot be used.
    """
    if not given:
        raise InputError(
            "tune.space",
            expected="at least one key with {low, high} or {choices}",
            got="none",
            fix="take a space of conf/tune with tune=MODEL",
        )
    known = [key for key, _ in _leaves(choices) if _can_be_tuned(key)]
    space = {}
    for key, entry in _leaves(given, FIELDS):
        if not _can_be_tuned(key):
            raise InputError(
                "tune.space",
                expected="keys that change the fit",
                got=f"{key!r}, which decides the rows, a class, or what happens after the fit",
                fix="set it for the whole study instead",
            )
        if key not in known:
            is_group = any(other.startswith(f"{key}.") for other in known)
            what = "which is a group of keys" if is_group else "which is unknown"
            raise InputError(
                "tune.space",
                expected="a key of the configuration with one value",
                got=f"{key!r}, {what}{suggest(key, known)}",
                fix="--help shows all keys",
            )
        space[key] = _distribution(key, entry)
    return space


def of_wrapped_net(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ranges for a model that wraps a net, whose keys are below ``net``."""
    return {"net" if key == "model" else key: entry for key, entry in given.items()}


def current_values(choices: Choices, space: Space) -> Values:
    """Return the values of the space's keys in the choices, which are the first trial.

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
    """Return whether trials differ in how rows are preprocessed, not only in the fit."""
    return any(key in OF_THE_FEATURES or key.partition(".")[0] not in OF_THE_FIT for key in space)


def deciding_choices(choices: Choices) -> Values:
    """Return what decides the value of a trial besides the space and the table, by dotted keys."""
    places = {"data.source", "data.database"}  # the table may move: its fingerprint is compared
    return {
        key: value
        for key, value in _leaves(choices)
        if key not in places
        and (key.partition(".")[0] not in OUTSIDE_THE_FIT or key.startswith(("seed", "data.")))
    }


def _can_be_tuned(key: str) -> bool:
    """Return whether trials may differ in a key; classes are chosen for the whole study."""
    return key.partition(".")[0] not in OUTSIDE_THE_FIT and not key.endswith("_target_")


def _leaves(node: Any, fields: tuple[str, ...] = (), prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted keys and their values; mappings that have a key of ``fields`` are values."""
    for name, value in node.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict) and value and not any(field in value for field in fields):
            yield from _leaves(value, fields, f"{key}.")
        else:
            yield key, value


def _distribution(key: str, entry: Any) -> BaseDistribution:
    place = f"tune.space.{key}"
    if not isinstance(entry, dict) or not entry:
        raise InputError(place, expected="{low, high} or {choices}", got=repr(entry))
    for field in entry:
        if field not in FIELDS:
            raise InputError(
                place,
                expected=f"one of {', '.join(FIELDS)}",
                got=f"{field!r}{suggest(field, FIELDS)}",
            )
    if "choices" in entry:
        return _categories(place, entry)
    low: Any = entry.get("low")
    high: Any = entry.get("high")
    step: Any = entry.get("step")
    log = entry.get("log", False)
    if not _is_number(low) or not _is_number(high) or not (step is None or _is_number(step)):
        raise InputError(
            place,
            expected="numbers for low, high and step",
            got=f"low={low!r} high={high!r}{'' if step is None else f' step={step!r}'}",
        )
    if not low < high:
        raise InputError(place, expected="low below high", got=f"low={low} high={high}")
    if not isinstance(log, bool) or (log and (low <= 0 or step is not None)):
        raise InputError(
            place,
            expected="log=true only with low above 0 and without a step",
            got=f"log={log!r} low={low}{'' if step is None else f' step={step}'}",
        )
    if step is not None and not 0 < step <= high - low:
        raise InputError(
            place, expected="a step above 0 and at most high - low", got=f"step={step}"
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
        raise InputError(place, expected="choices alone", got=", ".join(entry))
    if (
        not isinstance(choices, list)
        or len(choices) < 2
        or not all(isinstance(choice, simple) for choice in choices)
    ):
        raise InputError(
            place,
            expected="a list of two or more words, numbers, true, false or null for choices",
            got=repr(choices),
        )
    return CategoricalDistribution(choices)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _checked(key: str, value: Any, distribution: BaseDistribution) -> Any:
    """Return a value in the type of its range, if it lies in the range."""
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
        f"tune.space.{key}",
        expected=f"{key} to be {expected} in the configuration, which is the first trial",
        got=repr(value),
        fix=f"set {key}, or widen the space",
    )

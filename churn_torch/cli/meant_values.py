"""What is suggested for a key of another library: a key of ours, with a value that it takes."""

from __future__ import annotations

import re

from churn_torch.cli.option_names import known_option

_ON, _OFF = "true|yes|on|1", "false|no|off|0|none"
# What does the same as the key, whatever its value, and behind a comma what to know of it.
_BY_NAME = {
    "C": "penalty.l2, which is 1 / (C * training rows)",
    "stratify": "data.split.by=random, stratified and the default",
}
# For a key that is suggested: values that it would refuse, and what does the same. The first
# pattern that matches a whole value counts; case makes no difference.
_BY_VALUE = {
    "data.split.test": {r"(?!true$|false$).*[^\d.e+-].*": "data.test_source={value}"},
    "data.split.by": {r"[\d.]+": "data.split.test={value}"},
    "callbacks.progress": {
        _OFF: "callbacks.progress=false",
        rf"{_ON}|\d+|auto": "callbacks.progress=true",
    },
    "patience": {_OFF: "callbacks.early_stopping=null", _ON: "patience=15, the default"},
    "class_weight": {_ON: "class_weight=balanced", _OFF: "class_weight=none"},
    "cv.folds": {"true|yes|on": "cv.folds=5", _OFF: "cv.folds=0"},
    "preprocess.scaling": {"(?!robust$).*": "preprocess.scaling=standard, the default"},
    "trainer.accelerator": {rf"{_ON}|cuda.*": "trainer=gpu", f"{_OFF}|cpu": "trainer=cpu"},
    "trainer.precision": {f"{_ON}|.*16.*": "trainer.precision=bf16-mixed"},
}


def with_value(key: str, written: str, value: str) -> str:
    """Return a suggestion: the key, with a value where it would refuse the one that was written.

    Args:
        key: The key of ours that is meant.
        written: The key as the user wrote it.
        value: What the user gave it; ``""`` for nothing.
    """
    if option := known_option(key, value):
        return repr(f"{key}={option}")
    patterns = _BY_VALUE.get(key, {}) if value else {}
    fitting = (meant for one, meant in patterns.items() if re.fullmatch(one, value, re.IGNORECASE))
    meant = _BY_NAME.get(written.rpartition(".")[2]) or next(fitting, key)
    suggestion, comma, to_know = meant.partition(",")
    return f"{suggestion.format(value=value)!r}{comma}{to_know}"

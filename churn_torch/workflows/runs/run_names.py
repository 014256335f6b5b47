"""Names that tell runs apart: the model, and what else differs in their choices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from churn_torch.errors import override

# What says where a run lies or how it was shown, not how it was made.
_NOT_TOLD = ("outputs", "resume", "logger", "callbacks.progress", "cache")
_MOST_KEYS = 3
_LONGEST = 80


def run_names(folders: Sequence[str], configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a name for each run: ``mlp``, or ``mlp optimizer.lr=0.01`` where two runs are of mlp.

    Args:
        folders: Of the runs; they tell apart what the choices do not.
        configs: Content of each config.yaml, which may come from a stranger.
    """
    models = [model_name(config) for config in configs]
    names = list(models)
    for model, n in Counter(models).items():
        alike = [position for position, name in enumerate(models) if name == model]
        told = differing([configs[position] for position in alike]) if n > 1 else {}
        for nth, position in enumerate(alike):
            mine = [(key, values[nth]) for key, values in told.items() if values[nth] is not None]
            chosen = [override(key, value) for key, value in mine[:_MOST_KEYS]]
            names[position] = _printable(" ".join([model, *chosen]))
    repeated = Counter(names)
    return [
        f"{name} ({_printable(folder)})" if repeated[name] > 1 else name
        for name, folder in zip(names, folders, strict=True)
    ]


def model_name(config: Mapping[str, Any]) -> str:
    """Return what ``model=`` takes: the name of the module of the net, but for logreg."""
    model = config.get("model")
    target = str(model.get("_target_") if isinstance(model, Mapping) else model)
    name = target.split(".")[-2:][0]
    return _printable("logreg" if name == "linear" else name)


def differing(configs: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return the dotted keys whose values are not the same everywhere, with the values."""
    flat = [_leaves(config) for config in configs]
    keys = dict.fromkeys(key for one in flat for key in one)
    found = {key: [one.get(key) for one in flat] for key in keys if not key.startswith(_NOT_TOLD)}
    return {key: values for key, values in found.items() if any(v != values[0] for v in values)}


def _leaves(node: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in node.items():
        if isinstance(value, Mapping) and value:
            flat |= _leaves(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:_LONGEST]

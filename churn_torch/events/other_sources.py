"""A specification with other sources: where a model's events are, when it scores later ones."""

from __future__ import annotations

import json
from typing import Any

from churn_torch.errors import InputError
from churn_torch.events.specification import EventSpecification

_HERE = "."


def with_sources_of(
    given: EventSpecification, remembered: EventSpecification, run: str
) -> EventSpecification:
    """Return the specification that a run remembers, with the sources of another one.

    Args:
        given: Alike but for its sources, its cut-offs, and the values that `by` may still choose.
        remembered: With the values that `by` chose in training.
        run: Its folder, for the message.

    Raises:
        InputError: They differ in something else.
    """
    own, other = remembered.to_mapping(), given.to_mapping()
    if key := _first_difference(_comparable(own), _comparable(other)):
        raise InputError(
            f"events.{key}",
            expected=f"what the run in {run!r} was trained with; only sources and cut-offs may "
            "differ",
            got="another value",
            fix="leave events=... out to score by the specification of the run",
        )
    for name, log in other["events"].items():
        own["events"][name]["source"] = log["source"]
    if "customers" in own:
        own["customers"]["source"] = other["customers"]["source"]
    return EventSpecification.from_mapping(own)


def _comparable(content: dict[str, Any]) -> dict[str, Any]:
    """Leave out what may differ: sources, cut-offs, and which values `by` has chosen."""
    plain: dict[str, Any] = json.loads(json.dumps(content))
    plain.pop("cutoffs", None)
    for source in (*plain["events"].values(), plain.get("customers", {})):
        source.pop("source", None)
    for of_log in plain.get("features", {}).values():
        of_log["by"] = sorted(of_log.get("by", {}))
    return plain


def _first_difference(one: Any, other: Any) -> str:
    """Return the dotted key where two specifications differ first; ``""`` where they do not."""
    if one == other:
        return ""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return _HERE
    keys = [*one, *(key for key in other if key not in one)]
    key = next(key for key in keys if one.get(key) != other.get(key))
    below = _first_difference(one.get(key), other.get(key))
    return key if below == _HERE else f"{key}.{below}"

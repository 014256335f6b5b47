"""The choices of `churn-torch features`, typed: all of conf/features.yaml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from churn_torch.errors import InputError
from churn_torch.events.database import MEMORY
from churn_torch.events.specification import EventSpecification
from churn_torch.workflows.configuration.specification_files import read_keys, with_keys


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """Whether a specification is proposed.

    Attributes:
        auto: It is.
    """

    auto: bool = False


@dataclass(frozen=True, kw_only=True)
class FeaturesOptions:
    """All of conf/features.yaml."""

    events: Mapping[str, Any] | None = None
    specification: str | None = None
    out: str | None = None
    at: str | None = None
    memory: str = MEMORY
    threads: int | None = None
    show_sql: bool = False
    features: Proposal = field(default_factory=Proposal)
    sources: Sequence[str] = ()


def chosen_specification(options: FeaturesOptions) -> EventSpecification:
    """Return the specification that the options name.

    Raises:
        InputError: They name none, or it cannot be used.
    """
    content = events_of({"events": options.events, "specification": options.specification})
    if not content:
        raise InputError(
            "specification",
            expected="either specification=FILE or events=NAME",
            got="neither",
            fix="name one; features.auto=true sources=[...] proposes one, help=events explains it",
        )
    return EventSpecification.from_mapping(content)


def events_of(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the specification that the choices name, as plain values; empty for none.

    Keys below ``events`` beside a file take the place of those in it.

    Raises:
        InputError: The file cannot be used.
    """
    events, file = dict(content.get("events") or {}), content.get("specification")
    if file is None:
        return events
    merged: dict[str, Any] = with_keys(read_keys(Path(file)), events)
    return merged


def new_folder() -> Path:
    """Return where rows go that the user has named no place for."""
    now = datetime.now()
    return Path("outputs") / "features" / f"{now:%Y-%m-%d}" / f"{now:%H-%M-%S-%f}"

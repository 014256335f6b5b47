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
from churn_torch.workflows.specification_files import read_specification


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
        InputError: They name none or two, or it cannot be used.
    """
    if (options.events is None) == (options.specification is None):
        raise InputError(
            "specification",
            expected="either specification=FILE or events=NAME",
            got="both" if options.events is not None else "neither",
            fix="name one; features.auto=true sources=[...] proposes one, help=events explains it",
        )
    if options.specification is None:
        return EventSpecification.from_mapping(options.events or {})
    return read_specification(Path(options.specification))


def events_of(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the specification that the choices name, as plain values; empty for none.

    Raises:
        InputError: They name two, or the file cannot be used.
    """
    events, file = content.get("events"), content.get("specification")
    if file is None:
        return dict(events or {})
    if events:
        raise InputError(
            "specification",
            expected="either specification=FILE or events=NAME",
            got="both",
            fix="leave one of the two out",
        )
    return read_specification(Path(file)).to_mapping()


def new_folder() -> Path:
    """Return where rows go that the user has named no place for."""
    now = datetime.now()
    return Path("outputs") / "features" / f"{now:%Y-%m-%d}" / f"{now:%H-%M-%S}"

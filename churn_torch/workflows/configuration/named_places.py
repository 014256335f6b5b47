"""Tables and folders that a run folder names: used only where this user has named them.

A run folder may come from a stranger, and its config.yaml can name any table, address or folder.
What the user has named in a training on this machine is remembered by its hash, in a file of the
user's own (below ``XDG_STATE_HOME``, by default ``~/.local/state``); all else needs to be named
again on the command line, or in Python. Imports no torch.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from churn_torch.errors import InputError, override
from churn_torch.events.specification import EventSpecification
from churn_torch.tables.labelled.read import SAMPLE
from churn_torch.tables.readers.queries import is_query

if TYPE_CHECKING:
    from churn_torch.workflows.configuration.options import TrainOptions

_ADDRESS = "://"
# Characters of a place that a message shows.
_LONGEST = 200
# Keys of loggers that name a place, whatever is in them.
_PLACES = ("tracking_uri", "artifact_location")


def table_places(options: TrainOptions) -> dict[str, str]:
    """Return what the choices of a run name to read its rows, by key."""
    data = options.data
    named = {
        "data.source": data.source,
        "data.test_source": data.test_source,
        "data.database": data.database,
    }
    return {key: str(place) for key, place in named.items() if place is not None}


def event_places(specification: EventSpecification) -> dict[str, str]:
    """Return the sources of a specification, by key."""
    places = {f"events.{name}.source": log.source for name, log in specification.events.items()}
    if specification.customers is not None:
        places["customers.source"] = specification.customers.source
    return places


def written_places(options: TrainOptions) -> dict[str, str]:
    """Return what the choices of a run name to write to besides its folder, by key."""
    places = {"outputs": options.outputs}
    if options.cache.folder is not None:
        places["cache.folder"] = options.cache.folder
    for name, keys in options.logger.items():
        for key, value in keys.items():
            if isinstance(value, str) and (key in _PLACES or "/" in value or ".." in value):
                places[f"logger.{name}.{key}"] = value
    return places


def note_named(options: TrainOptions) -> None:
    """Remember what a user has named in a training; where nothing can be written, nothing is."""
    places = {**table_places(options), **written_places(options)}
    if options.events:
        places |= event_places(EventSpecification.from_mapping(options.events))
    new = {_hash(place) for place in places.values()} - _noted()
    path = _state()
    if not new or path is None:
        return
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("a", encoding="ascii") as file:
            file.write("".join(f"{one}\n" for one in sorted(new)))


def check_named(
    places: Mapping[str, str], trust: Sequence[str], run: str | Path, *, instead: str | None = None
) -> None:
    """Refuse places that only a run folder names.

    Args:
        places: By key.
        trust: What the user has named now, besides classes.
        run: The run folder.
        instead: How the user names another table; None names it with ``trust``.

    Raises:
        InputError: One is neither of a shipped sample, nor in the run folder, nor named.
    """
    noted = _noted()
    for key, place in places.items():
        ours = place.startswith(SAMPLE) or _is_inside(place, run)
        if ours or place in trust or _hash(place) in noted:
            continue
        short = place if len(place) <= _LONGEST else "PLACE"
        fix = f"if that is meant, name it yourself: {override('trust', [short])}"
        raise InputError(
            f"{key} of {str(run)!r}",
            expected="a place that you have named on this machine",
            got=f"{place[:_LONGEST]!r}, which only the run folder names",
            fix=fix if instead is None else f"name a table with {instead}",
        )


def _is_inside(place: str, run: str | Path) -> bool:
    if is_query(place) or _ADDRESS in place:
        return False
    # Unlike `Path.resolve`, it takes a link to itself as well.
    return Path(os.path.realpath(place)).is_relative_to(os.path.realpath(run))


def _hash(place: str) -> str:
    """Return what is remembered of a place; a path counts wherever it is named from."""
    if not is_query(place) and _ADDRESS not in place:
        place = str(Path(place).expanduser().absolute())
    return hashlib.sha256(place.encode(errors="surrogateescape")).hexdigest()


def _noted() -> set[str]:
    path = _state()
    if path is None:
        return set()
    try:
        return set(path.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return set()


def _state() -> Path | None:
    try:
        state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    except RuntimeError:  # nobody's home
        return None
    return Path(state) / "churn_torch" / "named_places"
